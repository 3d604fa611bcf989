"""Synthetic gVCFs that cost the same time and space as real ones, to measure a machine with."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

CONTIG = "chr1"
THETA = 0.00063
"""Sites for a base and unit of the harmonic sum over chromosomes: 1.5 of it are a person's variants, 0.95 a kb."""

BLOCK_BP = 215
"""Mean length of a reference block with GQ bands 20, 30, 40, 99 at 30x: 4,650 blocks in a Mb (benchmark A)."""

DEPTH, SPREAD = 30, 7
_HEADER = """##fileformat=VCFv4.2
##ALT=<ID=NON_REF,Description="Represents any possible alternative allele at this location">
##contig=<ID={contig},length={length}>
#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\tFORMAT\t{name}
"""


Places = npt.NDArray[np.int64]


@dataclass(frozen=True, kw_only=True)
class SyntheticGvcf:
    """Somebody's name and gVCF text; each record's bases, begin <= base < end, and where its line begins.

    begins, ends  (records,), 0-based; places  (records + 1,), bytes of text, the last one the text's end
    """

    name: str
    text: bytes
    begins: Places
    ends: Places
    places: Places


@dataclass(frozen=True)
class SyntheticCohort:
    """A cohort to invent: `people` over `length` bases; of its sites `rare` have few carriers, for a base."""

    people: int
    length: int
    rare: float = 0.0

    def reference(self) -> bytes:
        """A FASTA of one contig, on one line."""
        return b">" + CONTIG.encode() + b"\n" + _bases(self.length).tobytes() + b"\n"

    def index(self) -> str:
        """The FASTA's .fai."""
        return f"{CONTIG}\t{self.length}\t{len(CONTIG) + 2}\t{self.length}\t{self.length + 1}\n"

    def gvcfs(self, rng: np.random.Generator) -> Iterator[SyntheticGvcf]:
        """Everybody."""
        bases = _bases(self.length)
        copies = _copies(self, rng)
        for person in range(self.people):
            carried = {place: int(copies[place][person]) for place in copies if copies[place][person]}
            name = f"S{person:06d}"
            header = _HEADER.format(contig=CONTIG, length=self.length, name=name)
            begins = _begins(self.length, carried, rng)
            lines = list(_lines(bases, begins, carried, rng))
            places = np.cumsum([len(header), *map(len, lines)])
            cuts = np.array(begins, np.int64)
            yield SyntheticGvcf(
                name=name, text=(header + "".join(lines)).encode(), begins=cuts[:-1], ends=cuts[1:], places=places
            )


def _bases(length: int) -> npt.NDArray[np.uint8]:
    return np.frombuffer(b"ACGT", np.uint8)[np.random.default_rng(0).integers(0, 4, length)]


def _copies(synthetic: SyntheticCohort, rng: np.random.Generator) -> dict[int, npt.NDArray[np.int64]]:
    """Copies of the ALT that each person has, by site; a site with i copies among all is 1/i as frequent as i = 1."""
    chromosomes = 2 * synthetic.people
    weights = 1 / np.arange(1, chromosomes)
    common = int(THETA * synthetic.length * weights.sum() * (0 if synthetic.rare else 1))
    counts = rng.choice(np.arange(1, chromosomes), common, p=weights / weights.sum()).tolist()
    counts += rng.integers(1, 5, int(synthetic.rare * synthetic.length)).tolist()
    places = np.sort(rng.choice(np.arange(50, synthetic.length - 50), len(counts), replace=False)).tolist()
    copies_by_place = {}
    for place, count in zip(places, counts, strict=True):
        carriers = rng.choice(chromosomes, count, replace=False) // 2
        copies_by_place[place] = np.bincount(carriers, minlength=synthetic.people)
    return copies_by_place


def _begins(length: int, carried: dict[int, int], rng: np.random.Generator) -> list[int]:
    """Where a person's records begin, and the end of the last one: blocks end where variants stand."""
    edges = np.cumsum(rng.geometric(1 / BLOCK_BP, 2 + 2 * length // BLOCK_BP))
    return sorted({0, length, *edges[edges < length].tolist(), *carried, *(place + 1 for place in carried)})


def _lines(
    bases: npt.NDArray[np.uint8], begins: list[int], carried: dict[int, int], rng: np.random.Generator
) -> Iterator[str]:
    """A person's records: variants where copies are carried, blocks between."""
    least = np.maximum(rng.normal(rng.normal(DEPTH, SPREAD / 2), SPREAD, len(begins)), 3).astype(int)
    medians = least + rng.geometric(0.25, len(begins)) - 1
    letters = bases[begins[:-1]].tobytes().decode()
    for begin, end, ref, low, depth in zip(begins, begins[1:], letters, least.tolist(), medians.tolist(), strict=False):
        if begin in carried:
            yield _variant(begin, ref, carried[begin], low, rng)
        else:
            yield _block(begin, end, ref, low, depth)


def _block(start: int, end: int, ref: str, low: int, depth: int) -> str:
    quality = min(99, 3 * low)
    likelihoods = f"0,{quality},{quality * 15}"
    return (
        f"{CONTIG}\t{start + 1}\t.\t{ref}\t<NON_REF>\t.\t.\tEND={end}\tGT:DP:GQ:MIN_DP:PL\t"
        f"0/0:{depth}:{quality}:{low}:{likelihoods}\n"
    )


def _variant(start: int, ref: str, copies: int, depth: int, rng: np.random.Generator) -> str:
    alt = int(rng.binomial(depth, 0.5)) if copies == 1 else depth
    kept = depth - alt
    one, two = (alt * 27, 0) if copies == 2 else (max(alt * 27 - 3 * depth, 20), max(kept * 27 - 3 * depth, 20))
    calls = (one, 3 * depth, 0) if copies == 2 else (one, 0, two)
    first, second = calls[0] + 3 * kept, calls[2] + 3 * alt  # with <NON_REF> in place of one allele, as callers have it
    beyond = first, second, first + second - calls[1]
    forward, reverse = kept // 2, alt // 2
    ranks = f"{rng.normal():.3f}", f"{rng.normal():.3f}", f"{rng.normal():.3f}"
    info = (
        f"BaseQRankSum={ranks[0]};DP={depth};ExcessHet=3.0103;MLEAC={copies},0;MLEAF={copies / 2:.3f},0.000;"
        f"MQRankSum={ranks[1]};RAW_MQandDP={depth * 3600},{depth};ReadPosRankSum={ranks[2]}"
    )
    quality = min(99, sorted(calls)[1])
    genotype = "1/1" if copies == 2 else "0/1"
    return (
        f"{CONTIG}\t{start + 1}\t.\t{ref}\t{'T' if ref != 'T' else 'C'},<NON_REF>\t{one:.2f}\t.\t{info}\t"
        f"GT:AD:DP:GQ:PL:SB\t{genotype}:{kept},{alt},0:{depth}:{quality}:"
        f"{','.join(map(str, (*calls, *beyond)))}:{forward},{kept - forward},{reverse},{alt - reverse}\n"
    )

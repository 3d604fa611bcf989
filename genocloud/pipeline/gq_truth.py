"""Genotypes of a callset against the truth: how often those of a GQ are wrong, by kind."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from genocloud import genotype_text, gvcf
from genocloud.callset import Callset
from genocloud.genotypes.gq_calibration import KINDS, count_wrong
from genocloud.regions import Region
from genocloud.schema import numbers

REF = KINDS.index("ref")

Changes = Mapping[tuple[str, str], int]
"""Copies of each (REF, ALT), without the last bases that both share, at one position."""


class Judged(NamedTuple):
    """Genotypes of one sample by what became of them.

    counts   (KINDS, GQS, 2) int64: see count_wrong
    dropped  those that are not judged, by reason
    """

    counts: npt.NDArray[np.int64]
    dropped: Counter[str]


def judge(callset: Callset, sample: str, truth_url: str, inside: Sequence[Region] | None) -> Judged:
    """Judge a sample's genotypes at the sites of a callset, of which each shard is read on its own.

    truth_url  an indexed VCF of the sample alone; what it does not have is REF
    inside     regions, joined, where the truth is known; None: everywhere

    A genotype is right if it has the truth's ALTs at its position, as often. Raises what read_known_counts does.
    """
    counts, dropped = count_wrong(np.zeros(0, int), np.zeros(0, int), np.zeros(0, bool)), Counter[str]()
    for shard in callset.shards:
        if shard.sites.rows:
            for part in _judged_in(callset.of_shard(shard), sample, truth_url, inside):
                counts, dropped = counts + part.counts, dropped + part.dropped
    return Judged(counts, dropped)


def _judged_in(callset: Callset, sample: str, truth_url: str, inside: Sequence[Region] | None) -> Iterable[Judged]:
    """By contig of a shard."""
    sites = callset.sites(columns=["contig", "pos", "ref", "alts"])
    genotypes = callset.genotypes(None, [sample], columns=["GT", "GQ"])
    names = np.array(sites["contig"].to_pylist())
    for contig in dict.fromkeys(names.tolist()):
        mask = (names == contig) & _within(numbers(sites["pos"]), _of_contig(callset, contig, inside))
        rows = [table.filter(mask).to_pydict() for table in (sites, genotypes)]
        positions = rows[0]["pos"]
        truth = _truth_at(truth_url, contig, positions) if positions else {}
        yield _judged(rows[0] | rows[1], truth)


def _of_contig(callset: Callset, contig: str, inside: Sequence[Region] | None) -> list[Region] | None:
    if inside is None:
        return None
    return [region for region in inside if callset.contigs[region.contig].name == contig]


def _within(positions: npt.NDArray[np.int32], regions: list[Region] | None) -> npt.NDArray[np.bool_]:
    """Which 1-based positions lie in regions, ascending and disjoint, of their contig."""
    if regions is None:
        return np.ones(len(positions), bool)
    starts, ends = (np.array([getattr(each, name) for each in regions], np.int64) for name in ("start", "end"))
    place = np.searchsorted(starts, positions - 1, side="right") - 1
    return np.asarray((place >= 0) & (positions - 1 < np.append(ends, 0)[place]))


def _truth_at(url: str, contig: str, positions: Sequence[int]) -> dict[int, Changes]:
    """The truth's ALTs at each of some positions, ascending."""
    out: dict[int, Counter[tuple[str, str]]] = {}
    for record in gvcf.read_known_counts(url, contig, positions, ()):
        here = out.setdefault(record.pos, Counter())
        for alt, copies in zip(record.alts, record.counts, strict=True):
            here[_change(record.ref, alt)] += copies
    return {pos: +changes for pos, changes in out.items()}


def _change(ref: str, alt: str) -> tuple[str, str]:
    while len(ref) > 1 and len(alt) > 1 and ref[-1] == alt[-1]:
        ref, alt = ref[:-1], alt[:-1]
    return ref, alt


def _judged(rows: Mapping[str, Sequence[Any]], truth: Mapping[int, Changes]) -> Judged:
    """Judge genotypes; `rows` has pos, ref, alts, GT and GQ of each."""
    kinds, gqs, wrong, dropped = [], [], [], Counter[str]()
    nothing: Changes = {}
    for pos, ref, alts, gt, gq in zip(*(rows[name] for name in ("pos", "ref", "alts", "GT", "GQ")), strict=True):
        called = genotype_text.allele_numbers_of(gt)
        carried = [alts[number - 1] for number in called if number > 0]
        if reason := _unjudged(called, carried, gq):
            dropped[reason] += 1
            continue
        kinds.append(_kind(called, ref, carried))
        gqs.append(gq)
        wrong.append(Counter(_change(ref, alt) for alt in carried) != truth.get(pos, nothing))
    return Judged(count_wrong(np.array(kinds, int), np.array(gqs, int), np.array(wrong, bool)), dropped)


def _unjudged(called: Sequence[int], carried: Sequence[str], gq: int | None) -> str:
    """Why a genotype is not judged; empty for one that is."""
    if genotype_text.NO_CALL in called:
        return "not called"
    if "*" in carried:
        return "under a deletion"
    return "without GQ" if gq is None else ""


def _kind(called: Sequence[int], ref: str, carried: Sequence[str]) -> int:
    """Its place in KINDS."""
    if not carried:
        return REF
    zygosity = "hom" if len(set(called)) == 1 else "het"
    indel = any(len(alt) != len(ref) for alt in carried)
    return KINDS.index(f"{zygosity}_{'indel' if indel else 'snp'}")

"""How much better refined genotypes are: trios whose genotypes are known, called jointly, then refined.

usage: python -m tests.benchmarks.bench_refinement [--depth 8 15 30] [--seed 1 2]

Variants are independent, with the frequencies of a neutral population; a tenth of them are indels. As many sites have
reads of an ALT that nobody has. Likelihoods follow from the reads. It says F1 of the genotypes that are not REF alone
in truth or call (tests/support/truth.py), and of all genotypes how many are as in the truth. The last row is what no
method can beat: the likeliest genotypes of the same people, from as many reads, by the true share of wrong reads
(callers reckon with half), the panel's frequencies, and trios.
"""

import argparse
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pysam

from genocloud import pipeline, steps
from genocloud.scatter.executors import Inline
from genocloud.scatter.progress import Silent
from tests.conformance import oracle
from tests.support import truth

TRIOS, SITES, SPACING_BP, PANEL = 20, 4_000, 40, 4_000
CONTIG = "sim"
TEXTS = ("0/0", "0/1", "1/1")
ERRORS = {"snp": 0.003, "indel": 0.015}
"""Share of wrong reads; callers reckon with half of it."""


@dataclass(frozen=True, kw_only=True)
class People:
    """Simulated trios: father, mother, child, one behind the other.

    genotypes  (sites, people) ALTs
    panel      (sites,) ALTs among PANEL alleles of other people of the population; 0 where nobody has the ALT
    """

    bases: str
    alleles: list[tuple[str, str]]
    genotypes: npt.NDArray[np.int64]
    panel: npt.NDArray[np.int64]

    @property
    def names(self) -> list[str]:
        return [f"{role}{trio:02}" for trio in range(TRIOS) for role in ("father", "mother", "child")]

    @property
    def positions(self) -> list[int]:
        """0-based."""
        return [SPACING_BP * (site + 1) for site in range(len(self.alleles))]

    @classmethod
    def drawn(cls, chance: np.random.Generator) -> "People":
        bases = "".join(chance.choice(list("ACGT"), SPACING_BP * (SITES + 2)))
        counts = np.arange(1, PANEL)
        frequency = chance.choice(counts, SITES, p=(1 / counts) / (1 / counts).sum()) / PANEL
        frequency[SITES // 2 :] = 0
        haplotypes = chance.random((SITES, TRIOS, 2, 2)) < frequency[:, None, None, None]
        passed = chance.integers(2, size=(SITES, TRIOS, 2, 1))
        child = np.take_along_axis(haplotypes, passed, axis=3)[..., 0].sum(axis=2)
        genotypes = np.concatenate([haplotypes.sum(axis=3), child[..., None]], axis=2).reshape(SITES, -1)
        alleles = [_alleles(bases, SPACING_BP * (site + 1), chance) for site in range(SITES)]
        return cls(bases=bases, alleles=alleles, genotypes=genotypes, panel=chance.binomial(PANEL, frequency))


def _alleles(bases: str, start: int, chance: np.random.Generator) -> tuple[str, str]:
    ref = bases[start]
    others = [base for base in "ACGT" if base != ref]
    if chance.random() < 0.9:
        return ref, str(chance.choice(others))
    if chance.random() < 0.5:
        return ref, ref + str(chance.choice([base for base in others if base != bases[start + 1]]))
    return bases[start : start + 2], ref


def gvcf_lines(people: People, person: int, depth: float, chance: np.random.Generator) -> Iterator[str]:
    """A record for each site: REF alone as a block of one base."""
    mean = depth * max(chance.normal(1, 0.15), 0.3)
    for start, (ref, alt), copies in zip(
        people.positions, people.alleles, people.genotypes[:, person].tolist(), strict=True
    ):
        error = ERRORS["snp" if len(ref) == len(alt) else "indel"]
        reads = int(chance.poisson(mean))
        carried = int(chance.binomial(reads, (error, 0.5, 1 - error)[copies]))
        depths = reads - carried, carried, 0
        pl = _likelihoods(depths, error / 2)
        place = f"{CONTIG}\t{start + 1}\t.\t"
        if (best := pl.index(0)) == 0 or best > 2:
            values = f"0/0:{reads}:{sorted(pl[:3])[1]}:{reads}:{pl[0]},{pl[1]},{pl[2]}"
            yield f"{place}{ref[0]}\t<NON_REF>\t.\t.\tEND={start + 1}\tGT:DP:GQ:MIN_DP:PL\t{values}"
        else:
            ad, likelihoods = ",".join(map(str, depths)), ",".join(map(str, pl))
            values = f"{TEXTS[best]}:{ad}:{reads}:{sorted(pl)[1]}:{likelihoods}:{depths[0]},0,{carried},0"
            info = f"DP={reads};RAW_MQandDP={3600 * reads},{reads}"
            yield f"{place}{ref}\t{alt},<NON_REF>\t{pl[0]}.00\t.\t{info}\tGT:AD:DP:GQ:PL:SB\t{values}"


def _likelihoods(depths: Sequence[int], error: float) -> list[int]:
    """PL of REF, ALT and any other allele."""
    chances = [[1 - error if allele == own else error / 2 for allele in range(3)] for own in range(3)]
    log10 = [
        sum(depth * np.log10((chances[a][k] + chances[b][k]) / 2) for k, depth in enumerate(depths))
        for b in range(3)
        for a in range(b + 1)
    ]
    return [round(10 * (max(log10) - each)) for each in log10]


def write_vcf(place: Path, people: People, rows: Sequence[str], names: Sequence[str]) -> str:
    head = ["##fileformat=VCFv4.2", f"##contig=<ID={CONTIG},length={len(people.bases)}>"]
    head += ['##INFO=<ID=AC,Number=A,Type=Integer,Description="d">']
    head += ['##INFO=<ID=AN,Number=1,Type=Integer,Description="d">']
    head += ['##FORMAT=<ID=GT,Number=1,Type=String,Description="d">']
    columns = ["#CHROM", "POS", "ID", "REF", "ALT", "QUAL", "FILTER", "INFO", *(["FORMAT", *names] if names else [])]
    place.write_text("\n".join([*head, "\t".join(columns), *rows]) + "\n")
    return str(pysam.tabix_index(str(place), preset="vcf", force=True))


def bench(seed: int, depth: float, folder: Path) -> dict[str, tuple[float, float, float]]:
    """F1 of SNPs and of indels, and concordance, of each export."""
    chance = np.random.default_rng(seed)
    people = People.drawn(chance)
    lines = {name: list(gvcf_lines(people, number, depth, chance)) for number, name in enumerate(people.names)}
    oracle.write_cohort({CONTIG: people.bases}, lines, folder)
    places = zip(people.positions, people.alleles, strict=True)
    sites = [f"{CONTIG}\t{start + 1}\t.\t{ref}\t{alt}\t.\t.\t" for start, (ref, alt) in places]
    carried = [".\tGT\t" + "\t".join(TEXTS[copies] for copies in row) for row in people.genotypes.tolist()]
    known = write_vcf(folder / "truth.vcf", people, [a + b for a, b in zip(sites, carried, strict=True)], people.names)
    seen = [f"{site}AC={count};AN={PANEL}" for site, count in zip(sites, people.panel.tolist(), strict=True) if count]
    panel = write_vcf(folder / "panel.vcf", people, seen, [])
    roles = [people.names[start : start + 3] for start in range(0, len(people.names), 3)]
    trios = [f"{child} {child} {father} {mother} 0 0\n" for father, mother, child in roles]
    (folder / "people.ped").write_text("".join(trios))
    steps.joint(
        pipeline.JointOptions(
            listed=pipeline.sheet_or_gvcfs([str(folder / "map.tsv")]),
            reference_url=str(folder / "ref.fa"),
            out_url=str(folder / "plain.vcf.gz"),
            callset_url=str(folder / "callset"),
        ),
        progress=Silent(),
    )
    ped = str(folder / "people.ped")
    chosen = {
        "called": None,
        "counts": pipeline.RefinementOptions(),
        "trios": pipeline.RefinementOptions(pedigree=ped, priors=None),
        "counts and trios": pipeline.RefinementOptions(pedigree=ped),
        "counts, trios, panel": pipeline.RefinementOptions(pedigree=ped, supporting=(panel,)),
    }
    scores = {}
    for name, refinement in chosen.items():
        out = str(folder / f"{name.replace(', ', '-').replace(' ', '-')}.vcf.gz")
        options = pipeline.ExportOptions(refinement=refinement)
        steps.export(str(folder / "callset"), out, scatter=Inline(), progress=Silent(), options=options)
        compared = truth.compare(out, known, folder / "ref.fa")
        different = len(compared.differences)
        scores[name] = compared.snp.f1, compared.indel.f1, 1 - different / people.genotypes.size
    return scores | {"all that can be known": ceiling(people, depth, chance)}


PASSED = np.array([[1, 0], [0.5, 0.5], [0, 1]])
"""Chance that a parent of 0, 1 or 2 ALTs passes on none, or one."""


def ceiling(people: People, depth: float, chance: np.random.Generator) -> tuple[float, float, float]:
    """What `bench` says of an export, of the likeliest genotypes by all that can be known of them."""
    wrong = np.array([ERRORS["snp" if len(ref) == len(alt) else "indel"] for ref, alt in people.alleles])
    shares = np.stack([wrong, np.full(SITES, 0.5), 1 - wrong], axis=1)
    mean = depth * np.maximum(chance.normal(1, 0.15, len(people.names)), 0.3)
    reads = chance.poisson(np.broadcast_to(mean, people.genotypes.shape))
    carried = chance.binomial(reads, np.take_along_axis(shares, people.genotypes, axis=1))
    log = carried[..., None] * np.log(shares)[:, None] + (reads - carried)[..., None] * np.log1p(-shares)[:, None]
    likelihoods = np.exp(log - log.max(axis=2, keepdims=True)).reshape(SITES, TRIOS, 3, 3)
    alt = (people.panel + 0.1) / PANEL
    prior = np.stack([(1 - alt) ** 2, 2 * alt * (1 - alt), alt**2], axis=1)[:, None]
    child = np.stack([np.convolve(one, other) for one in PASSED for other in PASSED]).reshape(3, 3, 3)
    father, mother = (likelihoods[:, :, parent] * prior for parent in (0, 1))
    together = np.einsum("sti,stj,stk,ijk->stijk", father, mother, likelihoods[:, :, 2], child)
    each = [together.sum(axis=axes) for axes in ((3, 4), (2, 4), (2, 3))]
    called = np.stack(each, axis=2).argmax(axis=3).reshape(people.genotypes.shape)
    same = called == people.genotypes
    right, carriers, calls = same & (called > 0), people.genotypes > 0, called > 0
    is_snp = wrong == ERRORS["snp"]
    f1 = [2 * right[rows].sum() / (carriers[rows].sum() + calls[rows].sum()) for rows in (is_snp, ~is_snp)]
    return float(f1[0]), float(f1[1]), float(same.mean())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--depth", type=float, nargs="+", default=[8, 15, 30])
    parser.add_argument("--seed", type=int, nargs="+", default=[1, 2])
    arguments = parser.parse_args()
    for depth in arguments.depth:
        for seed in arguments.seed:
            with tempfile.TemporaryDirectory() as folder:
                for name, (snp, indel, same) in bench(seed, depth, Path(folder)).items():
                    print(f"{depth:4g}x seed {seed}  {name:21} SNP {snp:.4f}  indel {indel:.4f}  same {same:.5f}")


if __name__ == "__main__":
    main()

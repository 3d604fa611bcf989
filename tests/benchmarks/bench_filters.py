"""How well filters rank variants: trios whose genotypes are known, called jointly, with artefacts of three kinds.

usage: python -m tests.benchmarks.bench_filters [--depth 20] [--seed 1 2 3] [--repeats]

The people of bench_refinement. Of the sites where nobody has an ALT, a third have nothing but wrong reads; at a third,
some people have the ALT on a fifth of their reads, on one strand, of lower mapping quality; at a third (collapsed
duplications) most have it on a third of half as many reads again. It says the area under precision and recall of the
ALTs that were called, among true ones that somebody has (missed ones count), of variants that no resource knows:
resources know every second one of the panel. Ranked by QUAL, with what GATK's hard filters leave first; by the score of
VETS with GATK's annotations; by that of `-an cohort`, without and with the reference (REPEAT).

With --repeats each indel is one of a homopolymer, of 1 to 20 bases, and the share of wrong reads rises with its length.
"""

import argparse
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from genocloud import callset, pipeline, steps
from genocloud.filters import vets
from genocloud.scatter.executors import Inline
from genocloud.scatter.progress import Silent
from tests.benchmarks import bench_refinement as simulated
from tests.conformance import oracle

KINDS = ("none", "one strand", "duplication")
SHARE = (0.0, 0.2, 0.33)
PEOPLE = (0.0, 0.25, 0.8)
DEPTHS = (1.0, 1.0, 1.5)
MAPPING = (60.0, 50.0, 45.0)
STRAND = (0.5, 0.85, 0.5)


SLIPPAGE_BP = 6
"""In a homopolymer of so many bases twice as many reads are wrong as in one base; the rest grows with its square."""


def with_repeats(people: simulated.People, chance: np.random.Generator) -> tuple[simulated.People, list[int]]:
    """The people on a reference where each indel's base is repeated, and how often, by site; 0 of SNPs."""
    bases, lengths = list(people.bases), []
    for start, (ref, alt) in zip(people.positions, people.alleles, strict=True):
        base = max(ref, alt, key=len)[1:]
        length = int(min(chance.geometric(0.2), 20)) if base else 0
        bases[start + 1 : start + 1 + length] = base * length
        lengths.append(length)
    return replace(people, bases="".join(bases)), lengths


def wrong_shares(people: simulated.People, repeats: Sequence[int]) -> list[float]:
    """The share of wrong reads, by site."""
    kinds = ("snp" if len(ref) == len(alt) else "indel" for ref, alt in people.alleles)
    return [simulated.ERRORS[kind] * (1 + (n / SLIPPAGE_BP) ** 2) for kind, n in zip(kinds, repeats, strict=True)]


def gvcf_lines(
    people: simulated.People,
    artefacts: npt.NDArray[np.int64],
    wrong: Sequence[float],
    person: int,
    *,
    depth: float,
    chance: np.random.Generator,
) -> Iterator[str]:
    """Records as bench_refinement writes them, with artefacts (by site) and raw annotations of sites and alleles."""
    mean = depth * max(chance.normal(1, 0.15), 0.3)
    columns = people.positions, people.alleles, people.genotypes[:, person].tolist(), artefacts.tolist(), wrong
    for start, (ref, alt), copies, kind, error in zip(*columns, strict=True):
        reads = int(chance.poisson(mean * DEPTHS[kind]))
        share = SHARE[kind] if kind and chance.random() < PEOPLE[kind] else (error, 0.5, 1 - error)[copies]
        carried = int(chance.binomial(reads, share))
        depths = reads - carried, carried, 0
        pl = simulated._likelihoods(depths, error / 2)
        place = f"{simulated.CONTIG}\t{start + 1}\t.\t"
        best = pl.index(0)
        if best in (1, 2):
            forward = int(chance.binomial(depths[0], 0.5)), int(chance.binomial(carried, STRAND[kind]))
            strands = f"{forward[0]},{depths[0] - forward[0]},{forward[1]},{carried - forward[1]}"
            square = int(sum(chance.normal(MAPPING[kind], 6, reads).clip(0, 60) ** 2))
            shift = (0.0, -2.0, -0.5)[kind]
            sums = f";MQRankSum={chance.normal(shift, 1):.3f};ReadPosRankSum={chance.normal(shift, 1):.3f}" * (
                best == 1
            )
            info = f"DP={reads};RAW_MQandDP={square},{reads}{sums}"
            values = f"{simulated.TEXTS[best]}:{depths[0]},{carried},0:{reads}:{sorted(pl)[1]}"
            tail = f"{values}:{','.join(map(str, pl))}:{strands}"
            yield f"{place}{ref}\t{alt},<NON_REF>\t{pl[0]}.00\t.\t{info}\tGT:AD:DP:GQ:PL:SB\t{tail}"
        else:
            values = f"0/0:{reads}:{sorted(pl[:3])[1]}:{reads}:{pl[0]},{pl[1]},{pl[2]}"
            yield f"{place}{ref[0]}\t<NON_REF>\t.\t.\tEND={start + 1}\tGT:DP:GQ:MIN_DP:PL\t{values}"


def area(scores: npt.NDArray[np.float64], good: npt.NDArray[np.bool_], true: int) -> float:
    """The mean over true variants of the precision among those that score at least as high; 0 for missed ones."""
    order = np.argsort(-scores, kind="stable")
    ends = np.flatnonzero(np.diff(scores[order], append=-np.inf))
    right = np.cumsum(good[order])[ends]
    return float(np.sum(np.diff(right, prepend=0) * right / (ends + 1)) / true)


def bench(seed: int, depth: float, folder: Path, *, repeats: bool) -> dict[str, dict[str, float]]:
    """The area of each ranking, by type."""
    chance = np.random.default_rng(seed)
    people, lengths = simulated.People.drawn(chance), [0] * simulated.SITES
    if repeats:
        people, lengths = with_repeats(people, np.random.default_rng([seed, 1]))
    wrong = wrong_shares(people, lengths)
    artefacts = np.where(people.genotypes.any(axis=1) | (people.panel > 0), 0, chance.integers(3, size=simulated.SITES))
    lines = {
        name: list(gvcf_lines(people, artefacts, wrong, number, depth=depth, chance=chance))
        for number, name in enumerate(people.names)
    }
    oracle.write_cohort({simulated.CONTIG: people.bases}, lines, folder)
    places = zip(people.positions, people.alleles, people.panel.tolist(), strict=True)
    known = [
        f"{simulated.CONTIG}\t{start + 1}\t.\t{ref}\t{alt}\t.\t.\tAC={count};AN={simulated.PANEL}"
        for number, (start, (ref, alt), count) in enumerate(places)
        if count and number % 2 == 0
    ]
    panel = simulated.write_vcf(folder / "known.vcf", people, known, [])
    steps.joint(
        pipeline.JointOptions(
            listed=pipeline.sheet_or_gvcfs([str(folder / "map.tsv")]),
            reference_url=str(folder / "ref.fa"),
            out_url=str(folder / "plain.vcf.gz"),
            callset_url=str(folder / "callset"),
        ),
        progress=Silent(),
    )
    resource = vets.Resource.parse("panel,training=true,calibration=true", panel)
    url = str(folder / "callset")
    carried = people.genotypes.any(axis=1)
    truth = {start + 1: bool(has) for start, has in zip(people.positions, carried, strict=True)}
    held_out = {start + 1 for number, start in enumerate(people.positions) if number % 2 or not people.panel[number]}
    kinds = {start + 1: len(a) == len(b) for start, (a, b) in zip(people.positions, people.alleles, strict=True)}
    scores: dict[str, dict[int, float]] = {}
    for name, (annotations, context) in SETS.items():
        options = pipeline.FilterOptions(presets=("hard",)) if name.startswith("QUAL") else None
        reference = str(folder / "ref.fa") if context else ""
        options = options or pipeline.FilterOptions(resources=(resource,), annotations=annotations, reference=reference)
        steps.filter_callset(url, options=options, scatter=Inline(), progress=Silent())
        made = callset.open_callset(url).with_filters()
        rows = made.sites(columns=["pos", "qual", "filter"]).to_pylist()
        if options.has_model:
            best = made.filters(columns=["SCORE"])["SCORE"].to_pylist()
            scores[name] = {row["pos"]: -9.0 if s is None else s for row, s in zip(rows, best, strict=True)}
        else:
            hard = [0.0 if row["filter"] in (None, "PASS") or name == "QUAL" else 1e9 for row in rows]
            scores[name] = {row["pos"]: row["qual"] - less for row, less in zip(rows, hard, strict=True)}
    out: dict[str, dict[str, float]] = {}
    for kind in ("snp", "indel"):
        own = [pos for pos in held_out if kinds[pos] == (kind == "snp")]
        for name, by_site in scores.items():
            called = sorted(set(own) & by_site.keys())
            good = np.array([truth[pos] for pos in called])
            ranks = np.array([by_site[pos] for pos in called])
            out.setdefault(name, {})[kind] = area(ranks, good, sum(truth[pos] for pos in own))
    return out


SETS: dict[str, tuple[tuple[str, ...], bool]] = {
    "QUAL": ((), False),
    "QUAL, hard filters": ((), False),
    "VETS": ((), False),
    "cohort": (("cohort",), False),
    "cohort, reference": (("cohort",), True),
}
"""Annotations, and whether the reference is named."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--depth", type=float, nargs="+", default=[20])
    parser.add_argument("--seed", type=int, nargs="+", default=[1, 2, 3])
    parser.add_argument("--repeats", action="store_true", help="indels lie in homopolymers, where more reads are wrong")
    arguments = parser.parse_args()
    for depth in arguments.depth:
        for seed in arguments.seed:
            with tempfile.TemporaryDirectory() as folder:
                for name, areas in bench(seed, depth, Path(folder), repeats=arguments.repeats).items():
                    print(f"{depth:4g}x seed {seed}  {name:21} SNP {areas['snp']:.4f}  indel {areas['indel']:.4f}")


if __name__ == "__main__":
    main()

"""DeepVariant's gVCFs by each model: trios whose genotypes are known, with new variants in children.

usage: python -m tests.benchmarks.bench_deepvariant [--depth 12 30] [--seed 1 2] [--curve [--weight 1.5]]

Variants are those of bench_refinement, a tenth of them indels, half of the sites wrong reads only; every 200th is a
deletion of 60 bases, under which the next one lies, and every 40th of those that nobody else has is new in one child.
gVCFs have DeepVariant's fields from counts of reads by an error model, a prior in their likelihoods, as DeepVariant's
have one, and no read at one of 50 places. It says, of records that pass: F1 of genotypes that are not REF alone in
truth or call (tests/support/truth.py); errors of inheritance of 10,000 trios at sites, all of it called, one of it not
REF; new variants that their
child has, of those that its own gVCF calls.

With --curve it fits a table of GQ to the first seed's people, and says of those of the second, before and after, how
many genotypes are wrong and how many GQ promises. --weight 1.5: a caller whose likelihoods count each read 1.5 times.
"""

import argparse
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pysam

from genocloud import callset, pipeline, steps
from genocloud.genotypes import Model
from genocloud.genotypes.gq_calibration import GQS, KINDS, fitted, map_text
from genocloud.pipeline.gq_truth import judge
from genocloud.scatter.executors import Inline
from genocloud.scatter.progress import Silent
from tests.benchmarks import bench_refinement as simulated
from tests.conformance import oracle
from tests.support import truth

TRIOS, SITES, SPACING_BP = 20, 2_000, 40
DELETED_BP, DELETIONS, NEW, EMPTY = 60, 200, 40, 0.02
PRIOR_PHRED = np.array([0, 10, 13])
"""By copies of the ALT."""
MODELS = (
    ("deepvariant", ""),
    ("glnexus", "DeepVariantWGS"),
    ("glnexus", "DeepVariantWES"),
    ("glnexus", "DeepVariant_unfiltered"),
    ("gatk", ""),
)
REFINED = {"refined": None, "refined with trios": "trios.ped"}
"""What is exported of the callset of `deepvariant`, and the pedigree that it goes by."""
TITLE = ("#CHROM", "POS", "ID", "REF", "ALT", "QUAL", "FILTER", "INFO", "FORMAT")


@dataclass(frozen=True, kw_only=True)
class Trios:
    """Simulated trios, father, mother, child, one behind the other.

    genotypes  (sites, people) ALTs
    copies     (sites, people) haplotypes that have the site's first base: fewer than two under a deletion
    new        (site, person) of variants that a child alone has
    """

    bases: str
    alleles: list[tuple[str, str]]
    genotypes: npt.NDArray[np.int64]
    copies: npt.NDArray[np.int64]
    new: list[tuple[int, int]]

    @property
    def names(self) -> list[str]:
        return [f"{role}{trio:02}" for trio in range(TRIOS) for role in ("father", "mother", "child")]

    @classmethod
    def drawn(cls, chance: np.random.Generator) -> "Trios":
        bases = "".join(chance.choice(list("ACGT"), SPACING_BP * (SITES + 4)))
        counts = np.arange(1, simulated.PANEL)
        frequency = chance.choice(counts, SITES, p=(1 / counts) / (1 / counts).sum()) / simulated.PANEL
        frequency[1::2] = 0
        deletions = np.arange(0, SITES - 1, DELETIONS)
        frequency[deletions] = chance.uniform(0.01, 0.2, len(deletions))
        frequency[deletions + 1] = chance.uniform(0.05, 0.5, len(deletions))
        parents = chance.random((SITES, TRIOS, 2, 2)) < frequency[:, None, None, None]
        passed = chance.integers(2, size=(TRIOS, 2))  # whole haplotypes: what lies under a deletion goes with it
        child = np.take_along_axis(parents, passed[None, :, :, None], axis=3)
        haplotypes = np.concatenate([parents, child.transpose(0, 1, 3, 2)], axis=2)  # father, mother, child
        empty = np.flatnonzero(~haplotypes.any(axis=(1, 2, 3)))[::NEW]
        new = [(int(site), 3 * int(chance.integers(TRIOS)) + 2) for site in empty]
        for site, person in new:
            haplotypes[site, person // 3, 2, 0] = True
        present = np.ones_like(haplotypes)
        present[deletions + 1] = ~haplotypes[deletions]
        haplotypes &= present
        alleles = [simulated._alleles(bases, SPACING_BP * (site + 1), chance) for site in range(SITES)]
        for site in deletions.tolist():
            start = SPACING_BP * (site + 1)
            alleles[site] = bases[start : start + DELETED_BP], bases[start]
        flat = haplotypes.reshape(SITES, 3 * TRIOS, 2)
        return cls(
            bases=bases,
            alleles=alleles,
            genotypes=flat.sum(axis=2),
            copies=present.reshape(SITES, 3 * TRIOS, 2).sum(axis=2),
            new=new,
        )


def gvcf_lines(people: Trios, person: int, depth: float, chance: np.random.Generator, weight: float) -> Iterator[str]:
    """A record for each site that has a base: REF alone as a block of one. A read counts `weight` times."""
    mean = depth * max(chance.normal(1, 0.15), 0.3)
    columns = people.alleles, people.genotypes[:, person].tolist(), people.copies[:, person].tolist()
    for site, ((ref, alt), carried, copies) in enumerate(zip(*columns, strict=True)):
        start, error = SPACING_BP * (site + 1), simulated.ERRORS["snp" if len(ref) == len(alt) else "indel"]
        reads = int(chance.poisson(mean * copies / 2))
        share = min(max(carried / max(copies, 1), error), 1 - error)
        of_alt = int(chance.binomial(reads, share))
        place = f"{simulated.CONTIG}\t{start + 1}\t.\t"
        if chance.random() < EMPTY:
            gt = chance.choice(["0/0", "./."])
            yield f"{place}{ref[0]}\t<*>\t0\t.\tEND={start + 1}\tGT:GQ:MIN_DP:PL\t{gt}:1:0:0,0,0"
            continue
        if copies == 0:
            continue  # under its own deletion on both haplotypes
        shares = np.clip(np.array([0, 0.5, 1]), error, 1 - error)
        cost = -10 * weight * (of_alt * np.log10(shares) + (reads - of_alt) * np.log10(1 - shares)) + PRIOR_PHRED
        pl = np.minimum(np.rint(cost - cost.min()), 900).astype(int).tolist()
        best, gq, likely = pl.index(0), min(sorted(pl)[1], 99), ",".join(map(str, pl))
        if of_alt < 2 or of_alt < 0.12 * reads:
            if copies == 2:  # else the deletion's record covers it
                gt = "./." if best else "0/0"
                values = f"{gt}:{min(gq, 50) * (best == 0)}:{reads}:{likely}"
                yield f"{place}{ref[0]}\t<*>\t0\t.\tEND={start + 1}\tGT:GQ:MIN_DP:PL\t{values}"
            continue
        gt = ("./." if gq < 20 else "0/0", "0/1", "1/1")[best]
        label = "PASS" if best else "RefCall"
        values = f"{gt}:{gq}:{reads}:{reads - of_alt},{of_alt},0:{of_alt / reads:.4g},0:{likely},990,990,990"
        yield f"{place}{ref}\t{alt},<*>\t{pl[0]}\t{label}\t.\tGT:GQ:DP:AD:VAF:PL\t{values}"


def passing(calls: Path, out: Path) -> str:
    """The records without FILTER, or with MONOALLELIC."""
    with pysam.VariantFile(str(calls)) as file, pysam.VariantFile(str(out), "w", header=file.header) as kept:
        for record in file:
            if set(record.filter.keys()) <= {"PASS", "MONOALLELIC"}:
                kept.write(record)
    return str(out)


def inherited(calls: str, people: Trios) -> tuple[int, int]:
    """Trios at sites with whole genotypes, one of which is not REF alone: (errors of inheritance, all)."""
    errors = every = 0
    with pysam.VariantFile(calls) as file:
        for record in file:
            genotypes = [record.samples[name].allele_indices for name in people.names]
            for trio in range(TRIOS):
                father, mother, child = genotypes[3 * trio : 3 * trio + 3]
                if None in (*father, *mother, *child) or not any((*father, *mother, *child)):
                    continue
                one, other = child
                fits = (one in father and other in mother) or (one in mother and other in father)
                errors, every = errors + (not fits), every + 1
    return errors, every


def recalled(calls: str, new: Mapping[int, str]) -> int:
    """How many new variants, by site, their child has."""
    with pysam.VariantFile(calls) as file:
        sites = {record.start // SPACING_BP - 1: record.copy() for record in file}
        return sum(any(sites[site].samples[child].allele_indices) for site, child in new.items() if site in sites)


def write_people(seed: int, depth: float, folder: Path, weight: float = 1) -> tuple[Trios, dict[str, list[str]]]:
    """Write the reference, gVCFs and the truth, of all and of each; people, and the records of each."""
    chance = np.random.default_rng(seed)
    people = Trios.drawn(chance)
    names = enumerate(people.names)
    lines = {name: list(gvcf_lines(people, number, depth, chance, weight)) for number, name in names}
    oracle.write_reference({simulated.CONTIG: people.bases}, folder)
    head = f"##fileformat=VCFv4.2\n##contig=<ID={simulated.CONTIG},length={len(people.bases)}>\n"
    head += '##FORMAT=<ID=GT,Number=1,Type=String,Description="d">\n'
    for name, records in lines.items():
        text = "\n".join(["\t".join([*TITLE, name]), *records]) + "\n"
        (folder / f"{name}.g.vcf").write_text(f"{head}##DeepVariant_version=1.6.0\n{text}")
    fixed = [
        f"{simulated.CONTIG}\t{SPACING_BP * (site + 1) + 1}\t.\t{ref}\t{alt}\t.\t.\t.\tGT"
        for site, (ref, alt) in enumerate(people.alleles)
    ]
    texts = np.array(simulated.TEXTS)[people.genotypes]
    for path, who in [("truth.vcf", people.names), *((f"true.{name}.vcf", [name]) for name in people.names)]:
        columns = [people.names.index(name) for name in who]
        rows = ["\t".join([site, *row]) for site, row in zip(fixed, texts[:, columns].tolist(), strict=True)]
        (folder / path).write_text(head + "\n".join(["\t".join([*TITLE, *who]), *rows]) + "\n")
        if path != "truth.vcf":
            pysam.tabix_index(str(folder / path), preset="vcf", force=True)
    return people, lines


def curve_counts(folder: Path, people: Trios, model: Model) -> npt.NDArray[np.int64]:
    """Genotypes and wrong ones of everybody by kind and GQ, of a callset by a model: (KINDS, GQS, 2)."""
    url = str(folder / f"callset{len(model.gq_calibration)}")
    options = pipeline.JointOptions(
        listed=pipeline.sheet_or_gvcfs([f"{folder}/{name}.g.vcf" for name in people.names]),
        reference_url=str(folder / "ref.fa"),
        out_url=str(folder / "curve.vcf.gz"),
        callset_url=url,
        model=model,
        model_name="deepvariant",
    )
    steps.joint(options, progress=Silent())
    made = callset.open_callset(url)
    parts = [judge(made.of_samples([name]), name, str(folder / f"true.{name}.vcf.gz"), None) for name in people.names]
    return np.asarray(sum(part.counts for part in parts))


def show_curve(title: str, counts: npt.NDArray[np.int64]) -> None:
    """By kind and band of GQ: genotypes, the wrong ones, and how many GQ promises."""
    promised = counts[:, :, 0] * 10 ** (-np.arange(GQS) / 10)
    print(title)
    for kind, name in enumerate(KINDS):
        for low, high in (*pairwise((1, 10, 20, 30, 40, GQS)), (1, GQS)):
            genotypes, wrong = counts[kind, low:high].sum(axis=0)
            said = f"{genotypes:8,} genotypes {wrong:6,} wrong {promised[kind, low:high].sum():8.1f} promised"
            print(f"      {name:10} GQ {f'{low}-{high - 1}':6}{said}", flush=True)


def curve(seeds: list[int], depth: float, weight: float) -> None:
    """Fit GQ on the people of one seed, and show those of another before and after."""
    text = ""
    for place, seed in enumerate(seeds):
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            people, _ = write_people(seed, depth, folder, weight)
            before = curve_counts(folder, people, Model(name="deepvariant"))
            if place == 0:
                text = map_text(fitted(before))
                print(f"{depth:g}x, weight {weight:g}: fitted on seed {seed}: {text or 'GQ stays'}")
                continue
            show_curve(f"  seed {seed}, GQ as it is", before)
            after = curve_counts(folder, people, Model(name="deepvariant", gq_calibration=text))
            show_curve(f"  seed {seed}, GQ by the table", after)


def written(people: Trios, folder: Path) -> Iterator[tuple[str, Path]]:
    """The VCF of each model, and the refined ones of `deepvariant`: (name, path)."""
    kept = folder / "callset"
    for model, preset in MODELS:
        out = folder / f"{model}{preset}.vcf.gz"
        options = pipeline.JointOptions(
            listed=pipeline.sheet_or_gvcfs([f"{folder}/{name}.g.vcf" for name in people.names]),
            reference_url=str(folder / "ref.fa"),
            out_url=str(out),
            callset_url=str(kept) if model == "deepvariant" else None,
            model_name=model,
            preset=preset,
        )
        steps.joint(options, progress=Silent())
        yield preset or model, out
    for name, pedigree in REFINED.items():
        out = folder / f"{name.replace(' ', '_')}.vcf.gz"
        refinement = pipeline.RefinementOptions(pedigree=None if pedigree is None else str(folder / pedigree))
        chosen = pipeline.ExportOptions(refinement=refinement)
        steps.export(str(kept), str(out), scatter=Inline(), progress=Silent(), options=chosen)
        yield f"deepvariant {name}", out


def bench(seed: int, depth: float, folder: Path) -> dict[str, tuple[float, float, float, int]]:
    """By model: F1 of SNPs and of indels, errors of inheritance, new variants that are lost."""
    scores = {}
    people, lines = write_people(seed, depth, folder)
    known = folder / "truth.vcf"
    called = {
        site: people.names[child]
        for site, child in people.new
        if any(
            line.split("\t")[1] == str(SPACING_BP * (site + 1) + 1) and "/1:" in line
            for line in lines[people.names[child]]
        )
    }
    roles = [people.names[first : first + 3] for first in range(0, 3 * TRIOS, 3)]
    (folder / "trios.ped").write_text("".join(f"{child} {child} {dad} {mum} 0 0\n" for dad, mum, child in roles))
    for name, out in written(people, folder):
        calls = passing(out, folder / "passing.vcf")
        compared, (errors, every) = truth.compare(calls, str(known), folder / "ref.fa"), inherited(calls, people)
        kept_new = recalled(calls, called), recalled(str(out), called)
        scores[name] = compared.snp.f1, compared.indel.f1, errors / every, len(called) - kept_new[1]
        said = (
            f"SNP {compared.snp.f1:.4f}  indel {compared.indel.f1:.4f}",
            f"errors {10_000 * errors / every:.1f} of 10,000 ({every:,})",
            f"new {kept_new[0]} + {kept_new[1] - kept_new[0]} marked of {len(called)}",
        )
        print(f"{depth:4g}x seed {seed}  {name:30}", "  ".join(said), flush=True)
    return scores


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--depth", type=float, nargs="+", default=[12, 30])
    parser.add_argument("--seed", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--curve", action="store_true")
    parser.add_argument("--weight", type=float, default=1)
    arguments = parser.parse_args()
    for depth in arguments.depth:
        if arguments.curve:
            curve(arguments.seed, depth, arguments.weight)
            continue
        for seed in arguments.seed:
            with tempfile.TemporaryDirectory() as folder:
                bench(seed, depth, Path(folder))


if __name__ == "__main__":
    main()

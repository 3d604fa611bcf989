"""What each step costs, measured on a folder of gVCFs, and what it would cost for 10,000 and 100,000 whole genomes.

usage: python tests/benchmarks/bench_joint.py FOLDER_OF_GVCFS --reference REF.fa

The folder is, say, what shared/bench/simcohort.py makes. Rates are per core-second; run it once before, so that kernels
are compiled. The projection is linear in records (ingest, discover) and in genotypes (the others), which is what the
steps do; it assumes one site for `--bases-per-site` bases of a 3.1 Gb genome.
"""

import argparse
import tempfile
from pathlib import Path

from genocloud import cohort, pipeline, steps
from genocloud.genotypes import Model
from genocloud.pipeline.receipts import Receipt
from genocloud.scatter.executors import Inline
from genocloud.scatter.progress import Silent

GENOME_BP = 3.1e9
COHORTS = (10_000, 100_000)
LEAST_GENOTYPES = 200_000


def run_steps(gvcfs: list[Path], reference: str, batch_size: int, work: Path) -> dict[str, Receipt]:
    samples = work / "samples.map"
    samples.write_text("".join(f"{path.name.removesuffix('.g.vcf.gz')}\t{path.resolve()}\n" for path in gvcfs))
    url, callset, scatter, progress, model = str(work / "cohort"), str(work / "callset"), Inline(), Silent(), Model()
    receipts = {
        "ingest": steps.ingest(
            url,
            str(samples),
            reference,
            options=pipeline.IngestOptions(batch_size=batch_size),
            scatter=scatter,
            progress=progress,
        )
    }
    stored_cohort = cohort.open_cohort(url)
    cut = pipeline.cut_genome(stored_cohort)
    receipts["discover"] = steps.discover(stored_cohort, cut, scatter=scatter, progress=progress)
    receipts["genotype"] = steps.genotype(
        stored_cohort, callset, model=model, cut=cut, scatter=scatter, progress=progress
    )
    receipts["export"] = steps.export(callset, str(work / "calls.vcf.gz"), scatter=scatter, progress=progress)
    return receipts


def size(path: Path) -> int:
    return sum(file.stat().st_size for file in path.rglob("*") if file.is_file())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--reference", required=True)
    parser.add_argument("--batch-size", type=int, default=50, help="several batches are called twice")
    parser.add_argument("--records-per-genome", type=float, default=20e6, help="of a 30x gVCF with GQ bands 20, 30, 40")
    parser.add_argument("--bases-per-site", type=float, default=20, help="in a cohort of 10,000")
    choice = parser.parse_args()
    gvcfs = sorted(choice.folder.glob("*.g.vcf.gz"))
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        receipts = run_steps(gvcfs, choice.reference, choice.batch_size, work)
        sizes = {name: size(work / name) for name in ("cohort", "callset")}
        sizes["VCF"] = (work / "calls.vcf.gz").stat().st_size
    records = receipts["ingest"].balance["taken"]
    genotypes = receipts["genotype"].figures["genotypes"]
    units = {"ingest": records, "discover": records, "genotype": genotypes, "export": genotypes}
    input_bytes = sum(path.stat().st_size for path in gvcfs)
    print(f"{len(gvcfs)} gVCFs of {input_bytes:,} bytes, {records:,} records, {genotypes:,} genotypes")
    for name, receipt in receipts.items():
        unit = "records" if units[name] == records else "genotypes"
        peak = receipt.peak_memory_bytes / 1e6
        rate = units[name] / receipt.cpu_seconds
        print(f"  {name:9} {receipt.cpu_seconds:8.2f} core-s  {rate:12,.0f} {unit} per core-s  peak {peak:,.0f} MB")
    each = {name: sizes[name] / genotypes for name in ("callset", "VCF")}
    print(f"  cohort {sizes['cohort'] / input_bytes:.0%} of the gVCFs;", end=" ")
    print(f"callset {each['callset']:.2f} and VCF {each['VCF']:.2f} bytes a genotype")
    if genotypes < LEAST_GENOTYPES:
        print("too few genotypes for a projection: most of this is what a run costs whatever its size")
        return
    for people in COHORTS:
        all_records = people * choice.records_per_genome
        all_genotypes = people * GENOME_BP / choice.bases_per_site
        totals = {"records": all_records, "genotypes": all_genotypes}
        print(f"{people:,} genomes: {all_records:.1e} records, {all_genotypes:.1e} genotypes")
        for name, receipt in receipts.items():
            total = totals["records" if units[name] == records else "genotypes"]
            print(f"  {name:9} {total * receipt.cpu_seconds / units[name] / 3600:12,.0f} core-hours")
        print(f"  cohort {all_records * sizes['cohort'] / records / 1e12:,.2f} TB, ", end="")
        print(f"callset {all_genotypes * sizes['callset'] / genotypes / 1e12:,.2f} TB")


if __name__ == "__main__":
    main()

"""Ingesting a cohort from the command line, beside GATK's GenomicsDBImport in the same run, in turn; medians.

usage: python -m tests.benchmarks.bench_import FOLDER [--reference REF.fa] [--gatk GATK] [--region REGION]

FOLDER has <sample>.g.vcf.gz and, unless named, ref.fa, as shared/bench/simcohort.py writes them. Without --gatk only
genocloud runs.
"""

import argparse
import shutil
import tempfile
from functools import partial
from pathlib import Path

from tests.benchmarks.costs import Cost, cost_of, cost_text, genocloud, in_turn, size


def write_map(folder: Path, work: Path, most: int | None = None) -> Path:
    """A sample map of a folder's first gVCFs, as both tools take it."""
    path = work / f"{folder.name}-{most}.map"
    gvcfs = sorted(folder.resolve().glob("*.g.vcf.gz"))[:most]
    path.write_text("".join(f"{gvcf.name.removesuffix('.g.vcf.gz')}\t{gvcf}\n" for gvcf in gvcfs))
    return path


def ingest(samples: Path, reference: Path, place: Path, *options: str, watch: bool = False) -> Cost:
    """Ingest into a new cohort."""
    shutil.rmtree(place, ignore_errors=True)
    return cost_of(genocloud("ingest", place, samples, "--reference", reference, "-q", *options), watch)


def gatk_import(gatk: Path, samples: Path, region: str, place: Path, watch: bool = False) -> Cost:
    """Import into a new GenomicsDB, the faster way (shared README)."""
    shutil.rmtree(place, ignore_errors=True)
    options = ["--genomicsdb-shared-posixfs-optimizations", "--bypass-feature-reader", "-L", region]
    command = ["env", "JAVA_OPTS=-Xmx4g", gatk, "GenomicsDBImport", "--sample-name-map", samples]
    return cost_of([*command, *options, "--genomicsdb-workspace-path", place], watch)


def bench(folder: Path, reference: Path, gatk: Path | None, region: str, repeats: int) -> dict[str, Cost]:
    """The medians of both, by name; prints them, and the store's size."""
    with tempfile.TemporaryDirectory() as name:
        work = Path(name)
        samples = write_map(folder, work)
        works = {"genocloud": partial(ingest, samples, reference, work / "cohort")}
        if gatk:
            works["GenomicsDBImport"] = partial(gatk_import, gatk, samples, region, work / "database")
        costs = in_turn(works, repeats)
        input_bytes = sum(gvcf.stat().st_size for gvcf in folder.glob("*.g.vcf.gz"))
        stored = size(work / "cohort")
    for tool, cost in costs.items():
        print(f"{tool:18} {cost_text(cost)}  {cost.seconds / costs['genocloud'].seconds:6.2f} x genocloud's time")
    print(f"store {stored:,} bytes, {stored / input_bytes:.1%} of the gVCFs' {input_bytes:,}")
    return costs


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--reference", type=Path)
    parser.add_argument("--gatk", type=Path)
    parser.add_argument("--region", default="chr20")
    parser.add_argument("--repeats", type=int, default=5)
    choice = parser.parse_args()
    bench(choice.folder, choice.reference or choice.folder / "ref.fa", choice.gatk, choice.region, choice.repeats)


if __name__ == "__main__":
    main()

"""genocloud joint beside GATK's GenomicsDBImport and GenotypeGVCFs, in turn in one run: time, memory, number of sites.

usage: python -m tests.benchmarks.bench_gatk A B C --gatk GATK [--as C] [--batch-size D=50] [--memory 4GB]

genocloud runs twice before GATK, between its two runs and behind them, and its median counts.

A, B, ... are folders with <sample>.g.vcf.gz, ref.fa and samples.tsv, as shared/bench/simcohort.py writes them; GATK is
the launcher of 4.6. GATK gets -Xmx4g and is run with and without its two flags for speed; the faster counts. Both begin
with gVCFs and end with an indexed, compressed VCF. Run it once on a small folder before, so that kernels are compiled.
"""

import argparse
import gzip
import shlex
import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from tests.benchmarks.costs import Cost, cost_of, cost_text, genocloud, median

FASTER = ("--genomicsdb-shared-posixfs-optimizations", "--bypass-feature-reader")
ALLELE_SPECIFIC = ("-G", "StandardAnnotation", "-G", "AS_StandardAnnotation")


@dataclass(frozen=True)
class Cohort:
    """A folder of gVCFs, and how it is genotyped."""

    folder: Path
    region: str
    allele_specific: bool
    batch_size: int
    memory: str

    @property
    def annotations(self) -> Sequence[str]:
        """The groups asked for, as both tools take them."""
        return ALLELE_SPECIFIC if self.allele_specific else ()


def region_of(folder: Path) -> str:
    """From the first to the last base that the first gVCF speaks for, as `-L` takes it."""
    with gzip.open(min(folder.glob("*.g.vcf.gz")), "rt") as lines:
        records = [line.split("\t") for line in lines if not line.startswith("#")]
    info = dict(each.partition("=")[::2] for each in records[-1][7].split(";"))
    return f"{records[0][0]}:{records[0][1]}-{info.get('END', records[-1][1])}"


def gatk_commands(gatk: Path, cohort: Cohort, work: Path, flags: Sequence[str]) -> list[list[str]]:
    """GATK's two command lines."""
    start, database = ["env", "JAVA_OPTS=-Xmx4g", str(gatk)], f"{work}/database"
    batches = ["--batch-size", str(cohort.batch_size)] if cohort.batch_size else []
    samples = ["--sample-name-map", f"{cohort.folder}/samples.tsv", "-L", cohort.region]
    imported = [*start, "GenomicsDBImport", *samples, "--genomicsdb-workspace-path", database, *batches, *flags]
    output = ["-V", f"gendb://{database}", "-O", f"{work}/gatk.vcf.gz", *cohort.annotations]
    shared = [flag for flag in flags if flag == FASTER[0]]
    genotyped = [*start, "GenotypeGVCFs", "-R", f"{cohort.folder}/ref.fa", *output, *shared]
    return [imported, genotyped]


def by_gatk(gatk: Path, cohort: Cohort, work: Path, flags: Sequence[str]) -> Cost:
    """What both of GATK's tools cost together."""
    shutil.rmtree(work / "database", ignore_errors=True)
    costs = [cost_of(command, watch=False) for command in gatk_commands(gatk, cohort, work, flags)]
    return Cost(
        sum(cost.seconds for cost in costs),
        sum(cost.cpu_seconds for cost in costs),
        max(cost.memory for cost in costs),
    )


def genocloud_command(cohort: Cohort, work: Path) -> list[str]:
    """The command line of genocloud."""
    samples, reference = cohort.folder / "samples.tsv", cohort.folder / "ref.fa"
    options = [*cohort.annotations, *(["--memory", cohort.memory] if cohort.memory else [])]
    return genocloud("joint", samples, "--reference", reference, "-o", work / "genocloud.vcf.gz", "-q", *options)


def by_genocloud(cohort: Cohort, work: Path, watch: bool = False) -> Cost:
    """What genocloud joint costs."""
    return cost_of(genocloud_command(cohort, work), watch)


def sites(vcf: Path) -> int:
    """Records of a VCF."""
    with gzip.open(vcf, "rb") as lines:
        return sum(not line.startswith(b"#") for line in lines)


def bench(gatk: Path, cohort: Cohort) -> dict[str, Cost]:
    """The costs of both tools, by name; prints the command lines, the costs and what came out."""
    prepare_reference(cohort.folder, gatk)
    with tempfile.TemporaryDirectory() as name:
        work = Path(name)
        print(shlex.join(genocloud_command(cohort, work)))
        costs, each = {}, [by_genocloud(cohort, work) for _ in range(2)]
        for title, flags in {"GATK, faster flags": FASTER, "GATK": ()}.items():
            print(*map(shlex.join, gatk_commands(gatk, cohort, work, flags)), sep="\n", flush=True)
            costs[title] = by_gatk(gatk, cohort, work, flags)
            each += [by_genocloud(cohort, work) for _ in range(2)]
        watched = by_genocloud(cohort, work, watch=True)
        costs["genocloud"] = replace(median(each), memory=watched.memory)
        print("genocloud, each:", *(f"{cost.seconds:.2f}" for cost in each), "s")
        ours, theirs = (sites(work / f"{tool}.vcf.gz") for tool in ("genocloud", "gatk"))
    for tool, cost in costs.items():
        print(f"{tool:18} {cost_text(cost)}  {cost.seconds / costs['genocloud'].seconds:6.2f} x genocloud's time")
    fastest = min(cost.seconds for tool, cost in costs.items() if tool != "genocloud")
    print(f"{cohort.folder.name}: {fastest / costs['genocloud'].seconds:.1f} x; sites: {ours:,}, GATK {theirs:,}")
    return costs


def prepare_reference(folder: Path, gatk: Path) -> None:
    """GATK wants a dictionary beside the FASTA."""
    if not (folder / "ref.dict").exists():
        cost_of([gatk, "CreateSequenceDictionary", "-R", folder / "ref.fa"], watch=False)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", type=Path, nargs="+")
    parser.add_argument("--gatk", type=Path, required=True)
    parser.add_argument("--as", dest="allele_specific", nargs="*", default=[], help="folders with AS_ annotations")
    parser.add_argument("--batch-size", nargs="*", default=[], metavar="FOLDER=N", help="of GenomicsDBImport")
    parser.add_argument("--memory", default="", help="genocloud's budget")
    choice = parser.parse_args()
    sizes = dict(each.split("=") for each in choice.batch_size)
    for folder in choice.folders:
        name = folder.name
        requested = name in choice.allele_specific
        cohort = Cohort(folder.resolve(), region_of(folder), requested, int(sizes.get(name, 0)), choice.memory)
        bench(choice.gatk, cohort)


if __name__ == "__main__":
    main()

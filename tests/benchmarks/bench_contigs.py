"""Measure what contigs cost: the same records of three people on few contigs and on thousands, command by command.

    python -m tests.benchmarks.bench_contigs [grch38] [scaffolds] [header]

grch38     25 main contigs and 3,341 short ones, lengths as of alternates, unplaced ones, decoys and HLA, against 25
scaffolds  12,500 and 50,000 scaffolds with records on each
header     200,000 contigs in the header, two with records

Each prints core-seconds (user and system, children too) of `joint` and of each step by way of a Parquet callset.
"""

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pysam

GENOCLOUD = Path(sys.executable).with_name("genocloud")
PEOPLE = 3
STRETCH = 300
"""Bases that a block, a variant and another block take."""

Contigs = Sequence[tuple[str, int, int]]
"""Name, bases, stretches with records."""


def grch38(records: bool = True) -> Contigs:
    """25 contigs with 40 stretches each, and short ones: alternates, unplaced ones, decoys, HLA."""
    return [(f"chr{number}", 200_000, 40) for number in range(1, 26)] + _short(records)


def _short(records: bool) -> list[tuple[str, int, int]]:
    """Every contig has a block or more, as HaplotypeCaller writes where it is not restricted to intervals."""
    alternates = [(f"chr1_KI{number:06d}v1_alt", 150_000 + 317 * number, 4) for number in range(261)]
    unplaced = [(f"chrUn_KI{number:06d}v1", 20_000 + 131 * number, 2) for number in range(169)]
    decoys = [(f"chrUn_JTFH{number:08d}v1_decoy", 1_000 + number, 1) for number in range(2_386)]
    hla = [(f"HLA-A*01:{number:02d}:01", 3_000 + number, 1) for number in range(525)]
    return [(name, size, count if records else 0) for name, size, count in [*alternates, *unplaced, *decoys, *hla]]


def on_few(contigs: Contigs, few: int = 25) -> Contigs:
    """The same stretches on the first contigs alone, in even shares."""
    rest = sum(count for _, _, count in contigs[few:])
    return [
        (name, max(size, STRETCH * (count + rest)), count + rest // few + (place < rest % few))
        for place, (name, size, count) in enumerate(contigs[:few])
    ]


def scaffolds(count: int) -> Contigs:
    """A fragmented assembly."""
    return [(f"scaffold_{number}", 700 + number % 1000, 1) for number in range(count)]


def header(count: int) -> Contigs:
    """Contigs most of which only stand in the header."""
    return [(f"contig_{number}", 700, 1 if number in (7, count // 2) else 0) for number in range(count)]


@dataclass(frozen=True)
class Cohort:
    """A written cohort: its sheet and its reference."""

    sheet: Path
    reference: Path


def write_cohort(folder: Path, contigs: Contigs) -> Cohort:
    """gVCFs of PEOPLE people, each with STRETCHes from a contig's first base on; all bases of the reference are A."""
    folder.mkdir(parents=True, exist_ok=True)
    reference, at = folder / "reference.fa", 0
    with reference.open("wb") as fasta, (folder / "reference.fa.fai").open("w") as index:
        for name, size, _ in contigs:
            at += fasta.write(f">{name}\n".encode())
            index.write(f"{name}\t{size}\t{at}\t{size}\t{size + 1}\n")
            at += fasta.write(b"A" * size + b"\n")
    rows = [f"p{number}\t{_write_person(folder, number, contigs)}\n" for number in range(PEOPLE)]
    sheet = folder / "samples.tsv"
    sheet.write_text("sample\tgvcf\n" + "".join(rows))
    return Cohort(sheet, reference)


def _write_person(folder: Path, number: int, contigs: Contigs) -> Path:
    path = folder / f"p{number}.g.vcf.gz"
    with pysam.BGZFile(str(path), "w") as file:
        file.write(_HEAD.encode())
        for name, size, _ in contigs:
            file.write(f"##contig=<ID={name},length={size}>\n".encode())
        file.write(f"#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\tFORMAT\tp{number}\n".encode())
        for name, _, count in contigs:
            for stretch in range(count):
                file.write(_records(name, stretch * STRETCH, (stretch + number) % 3).encode())
    pysam.tabix_index(str(path), preset="vcf", force=True)
    return path


_HEAD = """##fileformat=VCFv4.2
##ALT=<ID=NON_REF,Description="Any other">
##FORMAT=<ID=GT,Number=1,Type=String,Description="Genotype">
##FORMAT=<ID=AD,Number=R,Type=Integer,Description="Depths">
##FORMAT=<ID=DP,Number=1,Type=Integer,Description="Depth">
##FORMAT=<ID=GQ,Number=1,Type=Integer,Description="Quality">
##FORMAT=<ID=MIN_DP,Number=1,Type=Integer,Description="Least depth">
##FORMAT=<ID=PL,Number=G,Type=Integer,Description="Likelihoods">
##INFO=<ID=END,Number=1,Type=Integer,Description="End">
##INFO=<ID=DP,Number=1,Type=Integer,Description="Depth">
##source=HaplotypeCaller
"""

_GENOTYPES = (
    "0/1:15,15,0:30:99:500,0,480,545,525,1070",
    "1/1:0,30,0:30:90:900,90,0,900,90,900",
    "0/0:30,0,0:30:90:0,90,900,90,900,900",
)


def _records(contig: str, start: int, genotype: int) -> str:
    block = "A\t<NON_REF>\t.\t.\tEND={}\tGT:DP:GQ:MIN_DP:PL\t0/0:30:90:28:0,90,900"
    return (
        f"{contig}\t{start + 1}\t.\t{block.format(start + 100)}\n"
        f"{contig}\t{start + 101}\t.\tA\tG,<NON_REF>\t700.60\t.\tDP=30\tGT:AD:DP:GQ:PL\t{_GENOTYPES[genotype]}\n"
        f"{contig}\t{start + 102}\t.\t{block.format(start + STRETCH)}\n"
    )


def core_seconds(*command: str | Path) -> tuple[float, float]:
    """(core-seconds, seconds) of a genocloud command, its children's too."""
    before, begun = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    subprocess.run([GENOCLOUD, *map(str, command)], check=True, capture_output=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime, time.monotonic() - begun


def measure(folder: Path, title: str, contigs: Contigs) -> float:
    """Print what each command costs; core-seconds of `joint`."""
    made = write_cohort(folder / "cohort", contigs)
    stores = folder / "store", folder / "callset"
    commands: dict[str, list[str | Path]] = {
        "joint": ["joint", made.sheet, "--reference", made.reference, "-o", folder / "joint.vcf.gz"],
        "ingest": ["ingest", stores[0], made.sheet, "--reference", made.reference],
        "discover": ["discover", stores[0]],
        "genotype": ["genotype", *stores],
        "export": ["export", stores[1], folder / "export.vcf.gz"],
        "verify cohort": ["verify", stores[0]],
        "verify callset": ["verify", stores[1]],
    }
    used = {name: core_seconds(*command) for name, command in commands.items()}
    summary = ", ".join(f"{name} {cores:.2f} ({seconds:.1f} s)" for name, (cores, seconds) in used.items())
    print(f"{title}, {len(contigs):,} contigs; core-seconds: {summary}", flush=True)
    return used["joint"][0]


def main() -> None:
    """Run what is asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", nargs="*", default=["grch38", "scaffolds", "header"])
    parser.add_argument("--keep", type=Path, help="folder to work in, which stays")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        base = chosen.keep or Path(temporary)
        os.environ.setdefault("GENOCLOUD_AUDIT", "")
        tiny = write_cohort(base / "tiny", scaffolds(3))  # whoever comes first compiles the kernels
        core_seconds("joint", tiny.sheet, "--reference", tiny.reference, "-o", base / "tiny.vcf.gz")
        if "grch38" in chosen.what:
            few = measure(base / "few", "the same records", on_few(grch38()))
            many = measure(base / "many", "GRCh38 with alternates, decoys, HLA", grch38())
            print(f"joint: {many - few:+.2f} core-seconds for {len(_short(True)):,} contigs more")
        if "scaffolds" in chosen.what:
            small, large = (measure(base / f"s{count}", "scaffolds", scaffolds(count)) for count in (12_500, 50_000))
            print(f"joint: 4 times the scaffolds take {large / small:.2f} times as long")
        if "header" in chosen.what:
            measure(base / "header", "header", header(200_000))


if __name__ == "__main__":
    main()

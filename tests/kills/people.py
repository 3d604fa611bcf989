"""A small cohort to be killed: twelve people whose records are real, from the first bases of each contig."""

import gzip
from pathlib import Path

from tests.conftest import DATA

BASES = {"chr1": 12_000, "chr2": 12_000, "chrX": 9_000, "chrM": 17_000}
NAMES = tuple(f"s{number:02}" for number in range(12))
BATCH = 2
REFERENCE = DATA / "reference.fa"
LAYOUT = ("--batch-size", str(BATCH), "--part-bp", "100000", "--window-bp", "8000")
"""Three parts, of several windows each."""


def write_people(folder: Path) -> None:
    """A gVCF for everyone, out of the eight real ones; from the ninth on they lack the last bases."""
    sources = sorted((DATA / "gvcf").glob("*.g.vcf.gz"))
    for number, name in enumerate(NAMES):
        source = sources[number % len(sources)]
        lines = gzip.decompress(source.read_bytes()).decode().splitlines(keepends=True)
        own = source.name.removesuffix(".g.vcf.gz")
        kept = [line for line in lines if line.startswith("#") or _kept(line, number)]
        text = "".join(kept).replace(f"FORMAT\t{own}", f"FORMAT\t{name}")
        (folder / f"{name}.g.vcf.gz").write_bytes(gzip.compress(text.encode(), 1, mtime=0))


def _kept(line: str, number: int) -> bool:
    contig, pos, _ = line.split("\t", 2)
    return int(pos) < BASES.get(contig, 0) - 100 * number


def write_sheet(folder: Path, names: tuple[str, ...]) -> Path:
    """A sheet of some of them, beside their files."""
    path = folder / f"{names[0]}-{names[-1]}.tsv"
    path.write_text("sample\tgvcf\n" + "".join(f"{name}\t{name}.g.vcf.gz\n" for name in names))
    return path


def ingest_words(cohort: Path, sheet: Path, *options: str) -> list[str]:
    """The command that stores a sheet's people."""
    words = ["ingest", str(cohort), str(sheet), "--reference", str(REFERENCE), "--quiet", *LAYOUT, *options]
    return words if "--scatter" in options else [*words, "--scatter", "threads:2"]

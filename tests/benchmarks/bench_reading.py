"""How fast a gVCF is read, beside inflating it, cyvcf2 and bcftools in the same run.

usage: python tests/benchmarks/bench_reading.py [LARGE.g.vcf.gz ...] [--folder SMALL_GVCFS] [--repeats 5]

Every work is done once before, then in turns; what is printed is the median CPU time of each and the median of the
ratios within a turn, which other work on the machine disturbs least.
"""

import argparse
import resource
import shutil
import statistics
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path

import cyvcf2
from isal import isal_zlib

from genocloud import gvcf
from genocloud.gvcf.inflate import GZIP_WINDOW, inflate
from genocloud.regions import Contig

Work = Callable[[], object]


def cpu_seconds() -> float:
    """CPU time of this process and of those it has waited for."""
    own, children = resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN)
    return own.ru_utime + own.ru_stime + children.ru_utime + children.ru_stime


def timed(work: Work) -> float:
    before = cpu_seconds()
    work()
    return cpu_seconds() - before


def blocks_of(path: str) -> list[bytes]:
    """A BGZF file's blocks."""
    data, at, offsets = Path(path).read_bytes(), 0, []
    while at < len(data):
        size = int.from_bytes(data[at + 16 : at + 18], "little") + 1
        offsets.append(data[at : at + size])
        at += size
    return offsets


def inflate_blocks(blocks: list[bytes]) -> None:
    """No more than the library's own work: blocks in memory, each inflated and its checksum checked."""
    for block in blocks:
        isal_zlib.decompress(block, GZIP_WINDOW, 1 << 16)


def inflate_file(path: str) -> int:
    with Path(path).open("rb") as stream:
        return sum(len(text) for text in inflate(stream, path))


def read_all(path: str, contigs: Sequence[Contig]) -> int:
    return sum(rows.read for rows in gvcf.read_rows(path, contigs))


def iterate_cyvcf2(path: str) -> None:
    """The columns of blocks only: less than what is read beside it."""
    for record in cyvcf2.VCF(path):
        record.format("PL"), record.format("GQ"), record.format("DP"), record.INFO.get("END")


COLUMNS = ("CHROM", "POS", "ID", "REF", "ALT", "QUAL", "FILTER", "genotypes")
SAMPLE_FIELDS = ("AD", "DP", "GQ", "MIN_DP", "PL", "SB")
INFO_FIELDS = ("END", "DP", "MQ", "BaseQRankSum", "MQRankSum", "ReadPosRankSum", "ClippingRankSum", "ExcessHet")


def columns_by_cyvcf2(path: str) -> None:
    """The columns that this project reads, as far as the record's FORMAT has them; phase sets are left out."""
    for record in cyvcf2.VCF(path):
        for column in COLUMNS:
            getattr(record, column)
        present = record.FORMAT
        for key in SAMPLE_FIELDS:
            if key in present:
                record.format(key)
        for key in INFO_FIELDS:
            record.INFO.get(key)


def works_on(path: str) -> dict[str, Work]:
    blocks, contigs = blocks_of(path), gvcf.read_header(path).contigs
    works: dict[str, Work] = {
        "genocloud": lambda: read_all(path, contigs),
        "inflate (library only)": lambda: inflate_blocks(blocks),
        "inflate (our stream)": lambda: inflate_file(path),
        "cyvcf2, 4 fields": lambda: iterate_cyvcf2(path),
        "cyvcf2, our columns": lambda: columns_by_cyvcf2(path),
    }
    if shutil.which("bcftools"):
        command = ["bcftools", "view", "-Ou", "-o", "/dev/null", path]
        works["bcftools view -Ou"] = lambda: subprocess.run(command, check=True)
    return works


def bench_file(path: str, repeats: int) -> None:
    works = works_on(path)
    print(f"{path}: {read_all(path, gvcf.read_header(path).contigs):,} records")
    for work in works.values():
        work()
    turns = [{name: timed(work) for name, work in works.items()} for _ in range(repeats)]
    for name in works:
        ratio = statistics.median(turn[name] / turn["genocloud"] for turn in turns)
        spent = statistics.median(turn[name] for turn in turns)
        print(f"  {name:24} {spent:8.4f} CPU s   {ratio:6.2f} x genocloud   {1 / ratio:6.2f} of it")


def bench_folder(folder: Path, repeats: int) -> None:
    """Many small files: what opening each costs beside its records."""
    paths = sorted(str(path) for path in folder.glob("*.g.vcf.gz"))
    blocks = [block for path in paths for block in blocks_of(path)]
    contigs = gvcf.read_header(paths[0]).contigs

    def read_them() -> int:
        return sum(rows.read for path in paths for rows in gvcf.read_rows(path, contigs))

    print(f"{folder}: {len(paths):,} files, {read_them():,} records")
    turns = [(timed(read_them), timed(lambda: inflate_blocks(blocks))) for _ in range(repeats)]
    ours, theirs = (statistics.median(each) for each in zip(*turns, strict=True))
    print(f"  genocloud {ours:.3f} CPU s, {ours / len(paths) * 1e6:.0f} us a file")
    print(f"  inflating {theirs:.3f} CPU s: {ours / theirs:.2f} x")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("gvcfs", nargs="*")
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--repeats", type=int, default=5)
    choice = parser.parse_args()
    for path in choice.gvcfs:
        bench_file(path, choice.repeats)
    if choice.folder:
        bench_folder(choice.folder, choice.repeats)


if __name__ == "__main__":
    main()

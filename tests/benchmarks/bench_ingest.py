"""How fast a gVCF is read and a cohort ingested, beside inflating, cyvcf2 and bcftools in the same run.

usage: python tests/benchmarks/bench_ingest.py [--gvcf LARGE.g.vcf.gz] [--cohort FOLDER_OF_GVCFS ...] [--repeats 5]
"""

import argparse
import resource
import shutil
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import cyvcf2

from genocloud import cohort, gvcf
from genocloud.gvcf.inflate import inflate
from genocloud.objects import open_store


def cpu_seconds() -> float:
    """CPU time of this process and of those it has waited for: other work on the machine disturbs it least."""
    own, children = resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN)
    return own.ru_utime + own.ru_stime + children.ru_utime + children.ru_stime


def median_seconds(work: Callable[[], object], repeats: int) -> float:
    spent = []
    for _ in range(repeats):
        before = cpu_seconds()
        work()
        spent.append(cpu_seconds() - before)
    return statistics.median(spent)


def inflate_only(path: str) -> int:
    with Path(path).open("rb") as stream:
        return sum(len(text) for text in inflate(stream, path))


def read_all(path: str) -> int:
    return sum(rows.read for rows in gvcf.read_rows(path, gvcf.read_header(path).contigs))


def iterate_cyvcf2(path: str) -> int:
    count = 0
    for record in cyvcf2.VCF(path):
        record.format("PL"), record.format("GQ"), record.format("DP"), record.INFO.get("END")
        count += 1
    return count


def bench_reading(path: str, repeats: int) -> None:
    before = time.perf_counter()
    records = read_all(path)
    print(
        f"{path}: {records:,} records; first read {time.perf_counter() - before:.1f} s (compiling, or loading what was)"
    )
    works: dict[str, Callable[[], object]] = {
        "inflate": lambda: inflate_only(path),
        "genocloud": lambda: read_all(path),
        "cyvcf2": lambda: iterate_cyvcf2(path),
    }
    if shutil.which("bcftools"):
        command = ["bcftools", "view", "-Ou", "-o", "/dev/null", path]
        works["bcftools view -Ou"] = lambda: subprocess.run(command, check=True)
    seconds = {name: median_seconds(work, repeats) for name, work in works.items()}
    for name, each in seconds.items():
        print(f"  {name:20} {each:8.4f} CPU s  {each / seconds['genocloud']:6.2f} x genocloud")


def bench_ingest(folder: Path) -> None:
    paths = sorted(str(path) for path in folder.glob("*.g.vcf.gz"))
    contigs = gvcf.read_header(paths[0]).contigs
    with tempfile.TemporaryDirectory() as place:
        before, wall = cpu_seconds(), time.perf_counter()
        sources = [
            cohort.Source(gvcf.read_header(path).samples[0], gvcf.fingerprint(path), gvcf.read_rows(path, contigs))
            for path in paths
        ]
        receipt = cohort.write_batch(open_store(place), sources, cohort.Layout(contigs))
        spent, wall = cpu_seconds() - before, time.perf_counter() - wall
    size = sum(Path(path).stat().st_size for path in paths)
    stored = sum(part.bytes for part in receipt.parts)
    print(f"{folder}: {len(paths)} gVCFs, {receipt.read:,} records")
    print(f"  ingest {spent:.2f} CPU s, {wall:.2f} s wall: {receipt.read / spent:,.0f} records per core-second")
    print(f"  store {stored:,} bytes, {stored / size:.1%} of the input's {size:,}")
    print(f"  peak memory of the process {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MB")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--gvcf")
    parser.add_argument("--cohort", type=Path, action="append", default=[])
    parser.add_argument("--repeats", type=int, default=5)
    choice = parser.parse_args()
    if choice.gvcf:
        bench_reading(choice.gvcf, choice.repeats)
    for folder in choice.cohort:
        bench_ingest(folder)


if __name__ == "__main__":
    main()

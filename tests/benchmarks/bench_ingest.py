"""What ingesting costs as a cohort grows: per record, per append, and in memory.

usage: python -m tests.benchmarks.bench_ingest FOLDER [--reference REF.fa] [--batch 100]

FOLDER has <sample>.g.vcf.gz and, unless named, ref.fa, as shared/bench/simcohort.py writes them. It is judged by CPU
seconds, because other work on the machine disturbs these least; what a run costs that finds everything stored already
is taken off.
"""

import argparse
import gzip
import shutil
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path

from genocloud.cohort import open_cohort
from tests.benchmarks.bench_import import ingest, write_map
from tests.benchmarks.costs import Cost, cost_of, cost_text, genocloud, in_turn

END_BLOCK_BYTES = 28
"""Of BGZF's end block. Source: SAM specification, section 4.1.2."""


def append(first: Path, more: Path, reference: Path, place: Path, batch: int, watch: bool = False) -> Cost:
    """The cost of ingesting `more` into a copy of the cohort at `first`."""
    shutil.rmtree(place, ignore_errors=True)
    shutil.copytree(first, place)
    return cost_of(genocloud("ingest", place, more, "--reference", reference, "-q", "--batch-size", batch), watch)


def records(cohort: Path) -> int:
    """Records that went into a cohort."""
    stored_cohort = open_cohort(str(cohort))
    return sum(stored_cohort.receipt(batch).read for batch in stored_cohort.batches)


def bench_growth(folder: Path, reference: Path, batch: int, repeats: int) -> dict[str, float]:
    """Ratios that should be 1: seconds per record of many batches to one, one appended to them all to one alone."""
    with tempfile.TemporaryDirectory() as name:
        work = Path(name)
        one, whole = write_map(folder, work, batch), write_map(folder, work)
        more = write_map(newcomers(folder, work / "newcomers", batch), work)
        options = ("--batch-size", str(batch))
        ingest(whole, reference, work / "others", *options)
        works: dict[str, Callable[..., Cost]] = {
            "one batch": partial(ingest, one, reference, work / "one", *options),
            "all batches": partial(ingest, whole, reference, work / "whole", *options),
            "newcomers alone": partial(ingest, more, reference, work / "alone", *options),
            "newcomers appended": partial(append, work / "others", more, reference, work / "grown", batch),
            "nothing new": partial(append, work / "one", one, reference, work / "same", batch),
        }
        ingest(one, reference, work / "one", *options)
        costs = in_turn(works, repeats)
        each = {place: records(work / place) for place in ("one", "whole")}
    start = costs["nothing new"].cpu_seconds
    for work_name, cost in costs.items():
        print(f"{work_name:20} {cost_text(cost)}")
    ratios = {
        "seconds per record, all batches to one": (costs["all batches"].cpu_seconds - start)
        / each["whole"]
        / ((costs["one batch"].cpu_seconds - start) / each["one"]),
        "the same, the start of the program included": costs["all batches"].cpu_seconds
        / each["whole"]
        / (costs["one batch"].cpu_seconds / each["one"]),
        "newcomers appended to alone": costs["newcomers appended"].cpu_seconds / costs["newcomers alone"].cpu_seconds,
    }
    for what, ratio in ratios.items():
        print(f"{ratio:6.3f}  {what}")
    return ratios


def newcomers(folder: Path, out: Path, most: int) -> Path:
    """A folder's first gVCFs as those of other people: under other names, and with one more end block."""
    out.mkdir()
    for path in sorted(folder.glob("*.g.vcf.gz"))[:most]:
        (out / f"new-{path.name}").write_bytes(path.read_bytes() + path.read_bytes()[-END_BLOCK_BYTES:])
    return out


def shortened(folder: Path, out: Path, samples: int, share: float) -> Path:
    """Copies of some gVCFs that end after a share of their records."""
    out.mkdir()
    for path in sorted(folder.glob("*.g.vcf.gz"))[:samples]:
        lines = gzip.decompress(path.read_bytes()).splitlines(keepends=True)
        header = sum(line.startswith(b"#") for line in lines)
        kept = lines[: header + int((len(lines) - header) * share)]
        (out / path.name).write_bytes(gzip.compress(b"".join(kept), 1))
    return out


def bench_memory(folder: Path, reference: Path, samples: int, window_bp: int, repeats: int) -> dict[str, Cost]:
    """The cost of genomes of two lengths, four times one another, cut into the same windows."""
    with tempfile.TemporaryDirectory() as name:
        work = Path(name)
        folders = {share: shortened(folder, work / f"of-{share}", samples, share) for share in (0.25, 1.0)}
        works: dict[str, Callable[..., Cost]] = {
            f"{share:.0%} of the genome": partial(
                ingest, write_map(made, made), reference, work / "cohort", "--window-bp", str(window_bp)
            )
            for share, made in folders.items()
        }
        costs = in_turn(works, repeats)
    for work_name, cost in costs.items():
        print(f"{work_name:20} {cost_text(cost)}")
    return costs


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--reference", type=Path)
    parser.add_argument("--batch", type=int, default=100)
    parser.add_argument("--window-bp", type=int, default=50_000)
    parser.add_argument("--repeats", type=int, default=5)
    choice = parser.parse_args()
    reference = choice.reference or choice.folder / "ref.fa"
    bench_growth(choice.folder, reference, choice.batch, choice.repeats)
    bench_memory(choice.folder, reference, choice.batch, choice.window_bp, choice.repeats)


if __name__ == "__main__":
    main()

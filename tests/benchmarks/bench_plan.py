"""What `genocloud plan` foretells, and what runs take: core-seconds, memory of the largest process, bytes stored.

usage: python -m tests.benchmarks.bench_plan A B [--rates DIR]

Each is a folder as shared/bench/simcohort.py writes them; both the workflow and `genocloud joint` are run. The rates
are those that DIR has of this machine (genocloud plan --calibrate --rates DIR), else the shipped ones.
"""

import argparse
import json
import sys
import tempfile
from pathlib import Path

from tests.benchmarks.costs import cost_of, genocloud, size

GOAL = 0.25
"""How far the three may be off."""

ROOT = Path(__file__).resolve().parents[2]
Three = tuple[float, float, float]


def planned(folder: Path, work: Path, joint: bool, rates: list[str]) -> Three:
    """Core-seconds, memory and bytes as planned."""
    config = work / "config.yaml"
    config.write_text(f"samples: {folder / 'samples.tsv'}\nreference: {folder / 'ref.fa'}\n")
    cost_of(genocloud("plan", config, "-q", "-o", work / "plan.json", *rates, *(["--joint"] if joint else [])), False)
    lines = json.loads((work / "plan.json").read_text())["configured"]["lines"]
    kept = sum(line["stored_bytes"] for line in lines if not (joint and line["step"] == "ingest"))
    return sum(line["core_seconds"] for line in lines), max(line["memory_bytes"] for line in lines), kept


def taken(folder: Path, work: Path, joint: bool) -> Three:
    """The same as a run takes them; joint's cohort is gone when it ends."""
    reference = "--reference", folder / "ref.fa"
    if joint:
        cost = cost_of(genocloud("joint", folder / "samples.tsv", *reference, "-o", work / "out.vcf.gz", "-q"), False)
        return cost.cpu_seconds, cost.memory, (work / "out.vcf.gz").stat().st_size
    words = ["--snakefile", ROOT / "Snakefile", "--profile", ROOT / "profiles" / "local", "--directory", work]
    cost = cost_of([sys.executable, "-m", "snakemake", *words, "--configfile", work / "config.yaml"], False)
    kept = sum(size(work / "results" / name) for name in ("cohort", "callset"))
    return cost.cpu_seconds, cost.memory, kept + (work / "results" / "callset.vcf.gz").stat().st_size


def bench(folder: Path, rates: list[str]) -> list[float]:
    """Print plan, run and ratio for both ways; the ratios."""
    ratios = []
    for way in ("workflow", "joint"):
        with tempfile.TemporaryDirectory() as name:
            plan = planned(folder, Path(name), way == "joint", rates)
            run = taken(folder, Path(name), way == "joint")
        named = zip(("core-s", "MB of memory", "MB stored"), (1, 1e6, 1e6), plan, run, strict=True)
        for what, scale, foretold, real in named:
            ratios.append(real / foretold)
            mark = "" if abs(ratios[-1] - 1) <= GOAL else "  beyond the goal"
            row_text = f"{foretold / scale:10,.2f} planned {real / scale:10,.2f} taken  {ratios[-1]:5.2f}"
            print(f"{folder.name:4} {way:8} {what:13} {row_text}{mark}")
    return ratios


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", type=Path, nargs="+")
    parser.add_argument("--rates", metavar="DIR")
    choice = parser.parse_args()
    rates = ["--rates", choice.rates] if choice.rates else []
    ratios = [ratio for folder in choice.folders for ratio in bench(folder, rates)]
    if any(abs(ratio - 1) > GOAL for ratio in ratios):
        sys.exit(1)


if __name__ == "__main__":
    main()

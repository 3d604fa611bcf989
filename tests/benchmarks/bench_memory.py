"""How much memory `genocloud joint` takes, and how long for a genotype: on some cohorts, within some budget.

usage: python -m tests.benchmarks.bench_memory B D [--memory 4GB] [--alleles 60] [--pile-bp 4000]

Each is a folder as shared/bench/simcohort.py writes them. With --alleles or --pile-bp the last one is also run made
heavier (heavier.py says how). Times are those of a run that nobody watches.
"""

import argparse
import json
import tempfile
from pathlib import Path

from tests.benchmarks.costs import Cost, cost_of, cost_text, genocloud
from tests.benchmarks.heavier import heavier


def joint(folder: Path, memory: str, work: Path, watch: bool) -> tuple[Cost, int]:
    """What a run costs, and how many genotypes it made."""
    options = ["--memory", memory] if memory else []
    places = "--reference", folder / "ref.fa", "-o", work / "out.vcf.gz", "--receipt", work / "receipt.json"
    cost = cost_of(genocloud("joint", folder / "samples.tsv", *places, "-q", *options), watch)
    return cost, json.loads((work / "receipt.json").read_text())["figures"]["genotypes"]


def bench(title: str, folder: Path, memory: str) -> None:
    """Print a cohort's cost."""
    with tempfile.TemporaryDirectory() as name:
        timed, genotypes = joint(folder, memory, Path(name), watch=False)
        watched, _ = joint(folder, memory, Path(name), watch=True)
    cost = Cost(timed.seconds, timed.cpu_seconds, watched.memory)
    each = cost.cpu_seconds / genotypes * 1e6
    print(f"{title:16} {cost_text(cost)}  {genotypes:12,} genotypes  {each:8.3f} CPU us each")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", type=Path, nargs="+")
    parser.add_argument("--memory", default="")
    parser.add_argument("--alleles", type=int, default=0)
    parser.add_argument("--pile-bp", type=int, default=0)
    choice = parser.parse_args()
    for folder in choice.folders:
        bench(folder.name, folder, choice.memory)
    added = {"alleles": (choice.alleles, 0), "pile": (0, choice.pile_bp)}
    for title, (alleles, pile_bp) in added.items():
        if alleles or pile_bp:
            with tempfile.TemporaryDirectory() as name:
                made = Path(name) / title
                heavier(choice.folders[-1], made, alleles, pile_bp)
                bench(f"{choice.folders[-1].name}, {title}", made, choice.memory)


if __name__ == "__main__":
    main()

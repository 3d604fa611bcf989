"""What filtering and checking a callset cost: core-seconds and memory (PSS), as the command line runs them.

usage: python -m tests.benchmarks.bench_checks CALLSET... [--repeats 3]

A callset of benchmark B: genocloud joint B/samples.tsv -R B/ref.fa -o B.vcf.gz --callset CALLSET; of 10,000 people on
one shard: python -m tests.benchmarks.bench_scale --people 10000 --length 100000 --keep FOLDER. Filters are replaced.
"""

import argparse
import tempfile
from pathlib import Path

from genocloud import callset
from tests.benchmarks.costs import cost_of, cost_text, genocloud, median

COMMANDS = {
    "filter --preset hard": ("filter", "--preset", "hard"),
    "filter --preset gvs, gnomad, adj": ("filter", *(f"--preset={name}" for name in ("gvs", "gnomad", "adj"))),
    "filter --trained-on -an cohort": ("filter", "--trained-on", "-an", "cohort"),
    "qc": ("qc",),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("callsets", nargs="+", type=Path)
    parser.add_argument("--repeats", type=int, default=3)
    arguments = parser.parse_args()
    for url in arguments.callsets:
        made = callset.open_callset(str(url))
        print(f"{url}: {len(made.samples):,} samples, {made.counts['sites']:,} sites, {len(made.shards)} shards")
        for name, (command, *options) in COMMANDS.items():
            with tempfile.TemporaryDirectory() as out:
                places = [url, out] if command == "qc" else [url]
                words = genocloud(command, *places, *options, "-q", "--scatter", "threads:1")
                cost = median([cost_of(words, False) for _ in range(arguments.repeats)])
                print(f"  {name:34} {cost_text(cost)}; {cost_of(words, True).memory / 1e6:.0f} MB of PSS", flush=True)


if __name__ == "__main__":
    main()

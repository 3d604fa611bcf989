"""genocloud joint by the model of GLnexus, and by the model that fits the gVCFs, beside GLnexus itself, in turn.

usage: python -m tests.benchmarks.bench_models FOLDER ... [--preset NAME] [--glnexus GLNEXUS_CLI] [--repeats 3]

FOLDERs have <sample>.g.vcf.gz, ref.fa and samples.tsv; shared/bench/dvcohort.py makes DeepVariant's dialect of those
of simcohort.py. Each begins with gVCFs and ends with an indexed, compressed VCF; GLnexus's BCF becomes one by bcftools.
Without --glnexus there is no peer: then the core-seconds for a genotype, folder by folder, show what people cost.
"""

import argparse
import shlex
import shutil
import tempfile
from functools import partial
from pathlib import Path

from tests.benchmarks.bench_gatk import sites
from tests.benchmarks.costs import Cost, cost_of, cost_text, genocloud, in_turn


def by_genocloud(folder: Path, out: Path, options: list[str], watch: bool = False) -> Cost:
    """What genocloud joint costs."""
    command = genocloud("joint", folder / "samples.tsv", "--reference", folder / "ref.fa", "-o", out, "-q", *options)
    return cost_of(command, watch)


def by_glnexus(program: str, folder: Path, out: Path, preset: str, watch: bool = False) -> Cost:
    """What GLnexus and bcftools cost, in a pipe as GLnexus's pages have it."""
    database = out.parent / "GLnexus.DB"
    shutil.rmtree(database, ignore_errors=True)
    joined = f"{shlex.quote(program)} --config {preset} --dir {database} {shlex.quote(str(folder))}/*.g.vcf.gz"
    written = f"bcftools view -Oz -o {out} - && bcftools index -t -f {out}"
    return cost_of(["bash", "-c", f"set -o pipefail; {joined} | {written}"], watch)


def bench(folder: Path, preset: str, program: str, repeats: int) -> dict[str, Cost]:
    """The costs by name; prints them, and how many sites came out."""
    people = len(list(folder.glob("*.g.vcf.gz")))
    with tempfile.TemporaryDirectory() as name:
        files = {
            title: Path(name) / f"{number}.vcf.gz" for number, title in enumerate((f"glnexus {preset}", "fitting"))
        }
        options = {f"glnexus {preset}": ["--model", "glnexus", "--preset", preset], "fitting": []}
        works = {title: partial(by_genocloud, folder, files[title], options[title]) for title in files}
        if program:
            files["GLnexus"] = Path(name) / "glnexus.vcf.gz"
            works["GLnexus"] = partial(by_glnexus, program, folder, files["GLnexus"], preset)
        costs = in_turn(works, repeats)
        counts = {title: sites(file) for title, file in files.items()}
    ours = costs[f"glnexus {preset}"]
    for title, cost in costs.items():
        each = 1e6 * cost.cpu_seconds / max(people * counts[title], 1)
        print(f"{folder.name} {title:22} {cost_text(cost)}  {cost.cpu_seconds / ours.cpu_seconds:5.2f} x", end="")
        print(f"  {counts[title]:,} sites, {each:.2f} core-us for a genotype of {people:,} people", flush=True)
    return costs


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", type=Path, nargs="+")
    parser.add_argument("--preset", default="DeepVariantWGS")
    parser.add_argument("--glnexus", default="", metavar="GLNEXUS_CLI", help="the program of GLnexus 1.4.5")
    parser.add_argument("--repeats", type=int, default=3)
    choice = parser.parse_args()
    for folder in choice.folders:
        bench(folder.resolve(), choice.preset, choice.glnexus, choice.repeats)


if __name__ == "__main__":
    main()

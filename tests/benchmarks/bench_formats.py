"""Carriers and exports of a callset beside bcftools, plink2 and bio2zarr: seconds, core-seconds and bytes, in turns.

usage: python -m tests.benchmarks.bench_formats CALLSET GENE... [--vcf2zarr PROGRAM] [--repeats 3] [--only bcf pgen]

A callset of benchmark B: genocloud joint B/samples.tsv -R B/ref.fa -o B.vcf.gz --callset CALLSET; of 10,000 people on
one shard: python -m tests.benchmarks.bench_scale --people 10000 --length 100000 --keep FOLDER. GENE is a region, such
as chr1:5001-35000. bcftools and plink2 are those of the PATH; they and vcf2zarr begin with the indexed VCF that
genocloud exports. Start-up is included everywhere. Of several rounds the least of each time counts.
"""

import argparse
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from genocloud import callset
from tests.benchmarks.costs import cost_of, genocloud, size

GENOTYPE = "[%CHROM\\t%POS\\t%REF\\t%ALT\\t%SAMPLE\\t%GT\\t%DP\\t%AD\\t%GQ\\t%FILTER\\n]"
"""What bcftools prints of each carrier: the columns of carriers, but for phase."""

Commands = Sequence[Sequence[str | Path]]


@dataclass(frozen=True)
class Job:
    """The commands that make a file, or several files of one name, and the names of the genotypes' file."""

    commands: Commands
    files: Sequence[Path] = ()


@dataclass(frozen=True)
class Measured:
    """The least of each time, and the bytes of what was made."""

    seconds: float
    core_seconds: float
    bytes: int


def jobs(url: Path, vcf: Path, out: Path, genes: Sequence[str], vcf2zarr: str) -> dict[str, dict[str, Job]]:
    """Who makes what: by the name of what is made, each program's job; genocloud's stands first."""
    bcf, pgen, vcz, split = (out / name for name in ("ours.bcf", "ours.pgen", "ours.vcz", "split.bcf"))
    made = {
        "vcf": {"genocloud": _export(url, out / "ours.vcf.gz"), "bcftools view": _view(vcf, out / "view.vcf.gz", "z")},
        "bcf": {"genocloud": _export(url, bcf), "bcftools view": _view(vcf, out / "view.bcf", "b")},
        "pgen": {
            "genocloud": _export(url, pgen),
            "plink2, not split": Job([_plink2(vcf, out / "whole")], [out / "whole.pgen"]),
            "plink2 after bcftools norm -m-": Job(
                [["bcftools", "norm", "-m-", "-Ob", "-o", split, vcf], _plink2(split, out / "split")],
                [out / "split.pgen"],
            ),
        },
        "vcz": {"genocloud": _export(url, vcz)},
    }  # fmt: skip
    if vcf2zarr:
        icf, zarr = out / "icf", out / "theirs.vcz"
        steps = [[vcf2zarr, "explode", "-f", "-Q", vcf, icf], [vcf2zarr, "encode", "-f", "-Q", icf, zarr]]
        made["vcz"]["vcf2zarr"] = Job(steps, [zarr])
    for gene in genes:
        ours, theirs = out / "ours.tsv", out / "theirs.tsv"
        query = ["bcftools", "query", "-r", gene, "-i", 'GT="alt"', "-f", GENOTYPE, "-o", theirs, vcf]
        made[f"carriers {gene}"] = {
            "genocloud": Job([genocloud("carriers", url, gene, "-o", ours)], [ours]),
            "bcftools query": Job([query], [theirs]),
        }
    return made


def _export(url: Path, out: Path) -> Job:
    return Job([genocloud("export", url, out, "-q")], [out])


def _view(vcf: Path, out: Path, form: str) -> Job:
    return Job([["bcftools", "view", f"-O{form}", "-o", out, vcf]], [out])


def _plink2(source: Path, out: Path) -> Sequence[str | Path]:
    kind = "--bcf" if source.suffix == ".bcf" else "--vcf"
    return ["plink2", kind, source, "--vcf-half-call", "m", "--allow-extra-chr", "--make-pgen", "--out", out]


def measure(programs: Mapping[str, Job], repeats: int) -> dict[str, Measured]:
    """What each program takes for one thing, in turns."""
    seconds: dict[str, list[tuple[float, float]]] = {name: [] for name in programs}
    for _ in range(repeats):
        for name, job in programs.items():
            for file in job.files:
                remove(file)
            costs = [cost_of(command, watch=False) for command in job.commands]
            seconds[name].append((sum(cost.seconds for cost in costs), sum(cost.cpu_seconds for cost in costs)))
    return {
        name: Measured(
            min(wall for wall, _ in each), min(cpu for _, cpu in each), sum(map(bytes_of, programs[name].files))
        )
        for name, each in seconds.items()
    }


def bytes_of(path: Path) -> int:
    """Bytes of a file, or of all in a folder."""
    return size(path) if path.is_dir() else path.stat().st_size


def remove(path: Path) -> None:
    """Remove a file or a folder that may be there: some programs refuse to overwrite."""
    if path.is_dir():
        shutil.rmtree(path)
    path.unlink(missing_ok=True)


def lines(what: str, measured: Mapping[str, Measured]) -> Iterator[str]:
    """Rows of a table."""
    ours = measured["genocloud"]
    for name, each in measured.items():
        yield (
            f"| {what} | {name} | {each.seconds:.2f} | {each.core_seconds:.2f} | {each.bytes:,} "
            f"| {each.seconds / ours.seconds:.2f} | {each.core_seconds / ours.core_seconds:.2f} |"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("callset", type=Path)
    parser.add_argument("genes", nargs="*", metavar="GENE")
    parser.add_argument("--vcf2zarr", default="", help="the program of bio2zarr, if it is to be measured")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--only", nargs="*", default=[], help="vcf, bcf, pgen, vcz or carriers; all by default")
    parser.add_argument("--vcf", type=Path, help="the VCF of the callset, where it is there already")
    choice = parser.parse_args()
    source = callset.open_callset(choice.callset)
    print(f"{choice.callset}: {len(source.samples):,} samples, {source.counts['sites']:,} sites")
    print("| to | by | s | core-s | bytes | x s | x core-s |\n| --- | --- | --- | --- | --- | --- | --- |")
    with tempfile.TemporaryDirectory() as folder:
        vcf = choice.vcf or Path(folder) / "callset.vcf.gz"
        if choice.vcf is None:
            cost_of(genocloud("export", choice.callset, vcf, "-q"), watch=False)
        for what, programs in jobs(choice.callset, vcf, Path(folder), choice.genes, choice.vcf2zarr).items():
            if not choice.only or what.split()[0] in choice.only:
                print("\n".join(lines(what, measure(programs, choice.repeats))), flush=True)


if __name__ == "__main__":
    main()

"""A cohort small enough to run the whole workflow many times: three gVCFs and one person's reads, 12 kb of chr2."""

import gzip
import subprocess
import sys
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pysam

from genocloud.storage.local import DRAFT
from tests.support.fork_server import ForkServer

ROOT = Path(__file__).resolve().parents[2]
DATA = ROOT / "test_data"
CONTIG, BASES = "chr2", 12_000
PATIENCE_SECONDS = 600


@dataclass(frozen=True)
class Run:
    """A finished `snakemake`: its exit code and what it said on stderr."""

    code: int
    said: str

    @property
    def ours(self) -> list[str]:
        """The lines that come from us, not from Snakemake."""
        return [line for line in self.said.splitlines() if line.startswith("genocloud")]

    @property
    def loaded(self) -> set[str]:
        """The modules that Snakemake's process has loaded, under PYTHONPROFILEIMPORTTIME=1."""
        rows = [line for line in self.said.splitlines() if line.startswith("import time:")]
        return {row.rpartition("|")[2].strip() for row in rows}


SLOW_TO_LOAD = {"numba", "pandas", "pyarrow", "bokeh", "dask", "distributed"}
"""What the Snakefile must not load: each takes tenths of a second, of every run and of every job on a cluster."""


PRELOADED = (
    "snakemake.cli",
    "snakemake.report.html_reporter",
    "smart_open",
    "genocloud.workflow.start",
    "genocloud.steps.inputs",
)
"""What takes most of the time of a `snakemake` that finds nothing to do: it is loaded once."""


def words(*options: str) -> list[str]:
    """Of `snakemake` on two cores, with tasks in threads: a Dask cluster for each job would take most of the time."""
    where = ["--cores", "2", "--default-resources", "scatter='threads:2'"]
    return ["--snakefile", str(ROOT / "Snakefile"), *where, *options]


def command(*options: str) -> list[str]:
    """The command line of `snakemake`."""
    return [sys.executable, "-m", "snakemake", *words(*options)]


@cache
def _server() -> ForkServer:
    return ForkServer(PRELOADED)


def snakemake(folder: Path, *options: str) -> Run:
    """Run `snakemake` in a folder, in a process that has it loaded."""
    done = _server().run("snakemake", words(*options), folder)
    return Run(done.returncode, done.stderr + done.stdout)


def fresh_snakemake(folder: Path, *options: str) -> Run:
    """The same as its users run it, by its command line."""
    done = subprocess.run(command(*options), cwd=folder, capture_output=True, text=True, timeout=PATIENCE_SECONDS)
    return Run(done.returncode, done.stderr + done.stdout)


def write_cohort(folder: Path) -> None:
    """Write the small cohort's files and its config."""
    folder.mkdir(parents=True)
    for name in ("p07", "p08", "p09"):
        cut_gvcf(DATA / f"gvcf/{name}.g.vcf.gz", folder / f"{name}.g.vcf.gz")
    cut_reads(DATA / "reads/p04.cram", folder / "p04.bam")
    rows = ["sample\tgvcf\treads\tsex", "p04\t\tp04.bam\tfemale"]
    rows += [f"{name}\t{name}.g.vcf.gz\t\tunknown" for name in ("p07", "p08", "p09")]
    (folder / "samples.tsv").write_text("\n".join(rows) + "\n")
    config = f"samples: samples.tsv\nreference: {DATA / 'reference.fa'}\npar: ['chrX:1-12000']\n"
    (folder / "config.yaml").write_text(config + "part_bp: 300000\nwindow_bp: 60000\n")


def cut_gvcf(source: Path, target: Path, bases: int = BASES) -> None:
    with gzip.open(source, "rt") as lines, pysam.BGZFile(str(target), "wb") as kept:
        for line in lines:
            contig, _, rest = line.partition("\t")
            if line.startswith("#") or (contig == CONTIG and int(rest.partition("\t")[0]) <= bases):
                kept.write(line.encode())


def edit_gvcf(file: Path, old: str, new: str) -> None:
    text = gzip.decompress(file.read_bytes()).decode()
    assert old in text
    with pysam.BGZFile(str(file), "wb") as out:
        out.write(text.replace(old, new).encode())


def cut_reads(source: Path, target: Path) -> None:
    with (
        pysam.AlignmentFile(str(source), reference_filename=str(DATA / "reference.fa")) as reads,
        pysam.AlignmentFile(str(target), "wb", header=reads.header) as kept,
    ):
        for read in reads.fetch(CONTIG, 0, BASES):
            kept.write(read)
    pysam.index(str(target))


def artifacts(folder: Path) -> dict[str, bytes]:
    """The run's final bytes: the VCF, its index, and every object of the callset: a killed writer's draft is none."""
    results = folder / "results"
    files = [*results.glob("callset.vcf.gz*"), *results.glob("callset/**/*")]
    objects = [file for file in files if file.is_file() and not file.name.startswith(DRAFT)]
    return {str(file.relative_to(results)): file.read_bytes() for file in objects}

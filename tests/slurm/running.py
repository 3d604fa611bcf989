"""The demo in a folder of its own, run with profiles/slurm as a person would fill it in for two toy nodes."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import yaml

import genocloud
from tests.workflow.small_cohort import ROOT, Run

PATIENCE_SECONDS = 600
POOL = "slurm:partition=hpc,threads=1,memory=1GB,walltime=00:30:00,workers=0-3,interface=lo"


def write_demo(folder: Path) -> Path:
    """A folder like the repository's root, as far as the demo looks; every step has Dask workers of its own."""
    folder.mkdir()
    config = yaml.safe_load((ROOT / "config.yaml").read_text()) | {"small_cohort_bytes": 0}
    (folder / "config.yaml").write_text(yaml.safe_dump(config))
    (folder / "test_data").symlink_to(ROOT / "test_data")
    return folder


def write_profile(folder: Path, partition: str = "hpc", scatter: str = POOL) -> list[str]:
    """profiles/slurm filled in; the options that name it to snakemake."""
    profile = yaml.safe_load((ROOT / "profiles/slurm/config.yaml").read_text())
    profile |= {"slurm-init-seconds-before-status-checks": 2, "latency-wait": 10}
    del profile["default-resources"]["slurm_account"]
    profile["default-resources"] |= {"slurm_partition": f"'{partition}'", "scatter": f"'{scatter}'"}
    profile["set-threads"] = dict.fromkeys(profile["set-threads"], 1)
    for resources in profile["set-resources"].values():
        resources["mem_mb"] = 1500
    (folder / "profile").mkdir(exist_ok=True)
    (folder / "profile/config.yaml").write_text(yaml.safe_dump(profile))
    return ["--profile", "profile"]


def command(*options: str) -> list[str]:
    """`snakemake` with these options."""
    return [sys.executable, "-m", "snakemake", "--snakefile", str(ROOT / "Snakefile"), *options]


def finish(folder: Path, *options: str) -> Run:
    """Run to the end."""
    with started(folder, *options) as run:
        return Run(run.wait(PATIENCE_SECONDS), said_in(folder))


@contextmanager
def started(folder: Path, *options: str) -> Iterator[subprocess.Popen[bytes]]:
    """A running snakemake; killed when it is left."""
    with (folder / "said").open("wb") as said:
        run = subprocess.Popen(command(*options), cwd=folder, stdout=said, stderr=said)
    try:
        yield run
    finally:
        run.kill()
        run.wait()


def said_in(folder: Path) -> str:
    """What snakemake has said so far."""
    return (folder / "said").read_text()


def decoded(folder: Path) -> dict[str, object]:
    """What a run has made, as its readers see it: the VCF's text, and the values of both tables, to the last digit."""
    callset = genocloud.open_callset(str(folder / "results/callset"))
    vcf = subprocess.run(["gzip", "-dc", folder / "results/callset.vcf.gz"], check=True, capture_output=True).stdout
    contigs = sorted({line.split(b"\t")[0].decode() for line in vcf.splitlines() if line[:1] != b"#"})
    tables = {contig: (callset.sites(contig).to_pylist(), callset.genotypes(contig).to_pylist()) for contig in contigs}
    return {"vcf": vcf, "tables": repr(tables)}  # in text, as no NaN equals another

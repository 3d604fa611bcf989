"""End what a killed run left in this folder: its processes, and its jobs in Slurm's queue."""

import os
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from shutil import which

import psutil

RUN_MARK = "GENOCLOUD_RUN"
"""The environment variable that names the folder of the run which a process belongs to."""

SLURM_NAME = "genocloud"
"""Begins the name of each of our jobs in Slurm's queue (profiles/slurm)."""

OWN_JOB = os.environ.get("SLURM_JOB_ID")
"""Slurm's job that this run is itself in, if any; read at import, as Snakemake's plugin removes it later."""

GRACE_SECONDS = 10
SLURM_SECONDS = 60


def end_orphans() -> None:
    """End the processes and jobs of earlier runs in this folder; the caller holds its lock, so none of them lives."""
    if which("squeue"):
        _cancel_jobs()
    orphans = [process for process in psutil.process_iter() if _is_of_this_folder(process)]
    for orphan in orphans:
        with suppress(psutil.NoSuchProcess):  # Slurm may have ended it meanwhile
            orphan.kill()
    psutil.wait_procs(orphans, timeout=GRACE_SECONDS)
    if orphans:
        _say(f"ended what a killed run had left behind: {len(orphans)} processes")


def _cancel_jobs() -> None:
    """Cancel jobs in Slurm's queue that are ours by name and folder; a killed run's jobs go on without it.

    They would do no harm, as a job may run twice, but would do the same work beside the new ones.
    """
    try:
        lines = _output("squeue", "--noheader", "--user", str(os.getuid()), "-o", "%A|%j|%Z")
        rows = [line.split("|", 2) for line in lines]
        here = {job for job, name, folder in rows if name.startswith(SLURM_NAME) and folder == str(Path.cwd())}
        orphans = sorted(here - {OWN_JOB})
        if orphans:
            _output("scancel", *orphans)
            _say(f"cancelled what a killed run had left in the queue: {len(orphans)} jobs")
    except (OSError, subprocess.SubprocessError) as error:
        _say(f"Slurm does not say what a killed run may have left in its queue ({error})")


def _output(*command: str) -> list[str]:
    """The lines that a command of Slurm's writes."""
    run = subprocess.run(command, check=True, capture_output=True, text=True, timeout=SLURM_SECONDS)
    return run.stdout.splitlines()


def _is_of_this_folder(process: psutil.Process) -> bool:
    try:
        return bool(process.environ().get(RUN_MARK) == str(Path.cwd()))
    except psutil.Error:
        return False


def _say(text: str) -> None:
    sys.stderr.write(f"genocloud: {text}\n")

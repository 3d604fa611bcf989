"""What a killed run has left in Slurm's queue is cancelled by the next run in its folder, and nothing else is."""

import os

import pytest

from tests.workflow.small_cohort import snakemake

pytestmark = [pytest.mark.workflow, pytest.mark.slow]


@pytest.fixture
def programs(tmp_path, monkeypatch):
    """A folder of programs that come first on the PATH."""
    folder = tmp_path / "programs"
    folder.mkdir()
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
    return folder


def write_program(path, script):
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)


def test_only_our_jobs_of_this_folder_are_cancelled(cohort, programs, monkeypatch):
    monkeypatch.setenv("SLURM_JOB_ID", "15")
    rows = [f"11|genocloud_1b9d|{cohort}", f"12|genocloud-workers|{cohort}", f"13|genocloud_77aa|{cohort}/other"]
    rows += [f"14|my own|{cohort}", f"15|genocloud_this_run|{cohort}"]
    write_program(programs / "squeue", f"cat <<END\n{chr(10).join(rows)}\nEND")
    write_program(programs / "scancel", f'echo "$@" >> {programs}/cancelled')
    run = snakemake(cohort, "--until", "inputs")
    assert run.code == 0, run.said
    assert (programs / "cancelled").read_text() == "11 12\n"
    assert any("left in the queue: 2 jobs" in line for line in run.ours), run.said


def test_a_queue_that_does_not_answer_stops_nothing(cohort, programs):
    write_program(programs / "squeue", "exit 1")
    run = snakemake(cohort, "--until", "inputs")
    assert run.code == 0, run.said
    assert any("Slurm does not say" in line for line in run.ours), run.said

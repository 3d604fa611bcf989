"""A run may be killed anywhere: started again, it does what is missing and ends with the same bytes."""

import os
import shutil
import signal
import subprocess
import sys
import time
from base64 import urlsafe_b64decode
from contextlib import suppress
from functools import partial

import psutil
import pytest

from tests.workflow.small_cohort import (
    PATIENCE_SECONDS,
    ROOT,
    SLOW_TO_LOAD,
    artifacts,
    command,
    snakemake,
    write_cohort,
)

pytestmark = [pytest.mark.workflow, pytest.mark.slow]

FIRST_SIGN = {
    "inputs": "logs/inputs.log",
    "call": "logs/call/p04.log",
    "ingest": "logs/ingest.log",
    "discover": "logs/discover/*.log",
    "genotype_part": "logs/genotype/*.log",
    "genotype": "logs/genotype.log",
    "export": "logs/export.log",
    "report": "logs/report.log",
}
"""A stage has begun once its log is there, and is at work once the log holds something."""


@pytest.fixture(scope="module")
def battered(tmp_path_factory):
    """One folder whose run is killed again and again, each time further on."""
    folder = tmp_path_factory.mktemp("battered") / "run"
    write_cohort(folder)
    with (folder / "config.yaml").open("a") as config:
        config.write("small_cohort_bytes: 0\n")  # part by part: all of the workflow's rules
    return folder


def kill_everything(run):
    """As a power cut would: Snakemake and its jobs, in the middle of their work."""
    processes = [psutil.Process(run.pid), *psutil.Process(run.pid).children(recursive=True)]
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            process.kill()


def kill_job(run):
    """Kill the command alone, once it is there; Snakemake lives on to see it fail.

    A job's log is there some milliseconds before its command, among shells that come and go.
    """
    killed = False
    while not killed and run.poll() is None:
        for process in psutil.Process(run.pid).children(recursive=True):
            with suppress(psutil.NoSuchProcess):
                if any(word.endswith("/genocloud") for word in process.cmdline()):
                    process.kill()
                    killed = True


def test_a_process_that_vanishes_while_it_is_looked_at_ends_no_test(monkeypatch):
    """It did: the test then waited for ever for a Snakemake whose stderr it had closed, and which never ends so."""
    seen = []

    def words(process):
        seen.append(process.pid)
        if len(seen) == 1:
            raise psutil.NoSuchProcess(process.pid)
        return ["/bin/genocloud"]

    monkeypatch.setattr(psutil.Process, "cmdline", words)
    with subprocess.Popen(["sh", "-c", "sleep 60 & sleep 60; wait"]) as run:
        kill_job(run)
        kill_everything(run)
    assert len(seen) > 1


def run_until(folder, has_begun, kill):
    """Start the run, kill as soon as it has begun what we wait for, and give its exit code."""
    with subprocess.Popen(command(), cwd=folder, stderr=subprocess.PIPE, text=True) as run:
        try:
            end = time.monotonic() + PATIENCE_SECONDS
            while not has_begun():
                assert run.poll() is None, run.stderr.read()
                assert time.monotonic() < end
                time.sleep(0.002)
            kill(run)
            run.communicate(timeout=PATIENCE_SECONDS)
        finally:
            if run.poll() is None:  # Popen would wait for it, and it for somebody who reads its stderr
                kill_everything(run)
    return run.returncode


def receipts(folder):
    """Receipts, with their age, of the jobs that Snakemake saw end; not those of jobs that outlived it for a moment."""
    marks = (folder / ".snakemake/incomplete").glob("*")
    unseen = {urlsafe_b64decode(mark.name).decode() for mark in marks}
    files = (file.relative_to(folder) for file in folder.glob("results/*/*.json"))
    return {file: (folder / file).stat().st_mtime_ns for file in files if str(file) not in unseen}


@pytest.mark.parametrize("stage", FIRST_SIGN)
def test_a_run_killed_at_this_stage_goes_on_from_there(battered, stage):
    logs = partial((battered / "results").glob, FIRST_SIGN[stage])
    for log in logs():
        log.unlink()
    before = receipts(battered)
    assert run_until(battered, lambda: any(logs()), kill_job) == 1, "a job was killed, and the run did not fail"
    for log in logs():
        log.unlink()
    code = run_until(battered, lambda: any(log.stat().st_size for log in logs()), kill_everything)
    assert code == -signal.SIGKILL
    after = receipts(battered)
    assert {file: after.get(file) for file in before} == before, "what was done before was done again"


def test_after_all_that_the_bytes_are_those_of_an_undisturbed_run(battered, finished):
    run = snakemake(battered)
    assert run.code == 0, run.said
    assert artifacts(battered).keys() == artifacts(finished).keys()
    assert artifacts(battered) == artifacts(finished)


def test_a_second_run_does_nothing_and_says_so(finished, monkeypatch):
    before = receipts(finished)
    monkeypatch.setenv("PYTHONPROFILEIMPORTTIME", "1")
    run = snakemake(finished)
    assert (run.code, "Nothing to be done" in run.said) == (0, True), run.said
    assert receipts(finished) == before
    assert run.loaded.isdisjoint(SLOW_TO_LOAD)


def test_a_changed_setting_runs_what_depends_on_it(finished):
    run = snakemake(finished, "--dry-run", "--quiet", "host", "--config", "stand_call_conf=50")
    assert all(f"rule {rule}:" in run.said for rule in ("genotype_part", "export", "report")), run.said
    assert not any(f"rule {rule}:" in run.said for rule in ("inputs", "call", "ingest", "discover")), run.said


def test_more_cores_make_nothing_run_again(finished):
    run = snakemake(finished, "--dry-run", "--cores", "1", "--set-resources", "discover:scatter='inline'")
    assert "Nothing to be done" in run.said


@pytest.fixture
def unreported(finished, tmp_path):
    """A copy of the finished run in which one job is to be done."""
    folder = tmp_path / "run"
    shutil.copytree(finished, folder)
    (folder / "results/report.html").unlink()
    return folder


@pytest.fixture
def lost(finished, tmp_path):
    """A copy of the finished run whose callset is gone, with the receipt of a part that there is not."""
    folder = tmp_path / "run"
    shutil.copytree(finished, folder)
    shutil.rmtree(folder / "results/callset")
    (folder / "results/callset").mkdir()
    (folder / "results/discover/bogus.json").write_text("{}")
    return folder


def test_a_callset_that_is_gone_is_made_again(finished, lost):
    run = snakemake(lost)
    assert run.code == 0, run.said
    assert any("and is made again" in line for line in run.ours), run.said
    assert artifacts(lost) == artifacts(finished)
    assert not (lost / "results/discover/bogus.json").exists()


def test_what_is_no_run_removes_no_receipt(lost):
    (lost / "profile").mkdir()
    (lost / "profile/config.yaml").write_text("dry-run: true\n")
    before = receipts(lost)
    for options in ["-n"], ["-np"], ["--lint"], ["--unlock"], ["--summary"], ["--workflow-profile", "profile"]:
        run = snakemake(lost, *options)
        assert any("and is made again" in line for line in run.ours), run.said
        assert receipts(lost) == before, options


HOLDER = "import fcntl, sys, time; f = open(sys.argv[1], 'w'); fcntl.flock(f, 2); print(1, flush=True); time.sleep(999)"
"""Another run, as far as the lock can tell."""


def test_two_runs_in_one_folder_are_refused(unreported):
    lock = unreported / ".snakemake/genocloud.lock"
    with subprocess.Popen([sys.executable, "-c", HOLDER, str(lock)], stdout=subprocess.PIPE) as holder:
        holder.stdout.readline()
        run = snakemake(unreported)
        holder.kill()
    assert run.code == 1
    assert any("another run is at work" in line for line in run.ours), run.said
    assert not (unreported / "results/report.html").exists()


def test_what_a_killed_run_left_behind_is_ended(unreported):
    with subprocess.Popen(["sleep", "999"], env=os.environ | {"GENOCLOUD_RUN": str(unreported)}) as orphan:
        run = snakemake(unreported)
        assert orphan.wait(timeout=1) == -signal.SIGKILL
    assert run.code == 0, run.said
    assert any("ended what a killed run had left behind: 1" in line for line in run.ours), run.said


def test_a_small_cohort_is_one_job_a_step_and_comes_out_as_part_by_part(finished, tmp_path):
    for step in ("discover", "genotype"):
        assert [file.name for file in (finished / "results" / step).glob("*.json")] == [f"{step}.json"]
    folder = tmp_path / "run"
    shutil.copytree(finished, folder)
    for store in ("cohort/derived", "callset"):
        shutil.rmtree(folder / "results" / store)
    run = snakemake(folder, "--config", "small_cohort_bytes=0", "--", "results/genotype/genotype.json")
    assert run.code == 0, run.said
    parts = sorted(file.name for file in (folder / "results/discover").glob("*.json"))
    assert len(parts) > 1
    assert parts[0].startswith("000-chr1"), "and the receipt of the whole has gone"
    assert artifacts(folder) == artifacts(finished)


def test_a_small_cohort_needs_no_cluster_unless_the_profile_names_one(finished):
    options = [
        "--dry-run",
        "--quiet",
        "host",
        "--printshellcmds",
        "--forceall",
        "--cores",
        "2",
        "--default-resources",
        "mem_mb=900",
    ]
    words = [sys.executable, "-m", "snakemake", "--snakefile", str(ROOT / "Snakefile"), *options]
    said = subprocess.run(words, cwd=finished, capture_output=True, text=True, timeout=PATIENCE_SECONDS)
    commands = [
        line for line in (said.stdout + said.stderr).splitlines() if "--receipt results/discover/discover.json" in line
    ]
    assert len(commands) == 1, said.stdout + said.stderr
    assert "--scatter threads:2 --memory 8000MB" in commands[0]

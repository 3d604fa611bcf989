"""A run may be killed anywhere: started again, it does what is missing and ends with the same bytes."""

import shutil
import signal
import subprocess
import sys
import time
from base64 import urlsafe_b64decode

import psutil
import pytest

from tests.workflow.small_cohort import PATIENCE_SECONDS, artifacts, command, snakemake, write_cohort

pytestmark = pytest.mark.workflow

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
"""A stage is at work once its log holds something."""


@pytest.fixture(scope="module")
def battered(tmp_path_factory):
    """One folder whose run is killed again and again, each time further on."""
    folder = tmp_path_factory.mktemp("battered") / "run"
    write_cohort(folder)
    return folder


def kill_snakemake(run):
    run.send_signal(signal.SIGKILL)


def kill_job(run):
    """Kill the command itself; Snakemake lives on to see it fail."""
    for process in psutil.Process(run.pid).children(recursive=True):
        if any(word.endswith("/genocloud") for word in process.cmdline()):
            process.kill()


def run_until(folder, stage, kill):
    """Start the run, and kill as soon as the stage is at work."""
    logs = folder / "results"
    for log in logs.glob(FIRST_SIGN[stage]):
        log.unlink()
    with subprocess.Popen(command(), cwd=folder, stderr=subprocess.PIPE, text=True) as run:
        end = time.monotonic() + PATIENCE_SECONDS
        while not any(log.stat().st_size for log in logs.glob(FIRST_SIGN[stage])):
            assert run.poll() is None, f"ended before {stage}: {run.stderr.read()}"
            assert time.monotonic() < end, f"{stage} never began"
            time.sleep(0.002)
        kill(run)
        if kill is kill_snakemake:
            run.stderr.close()  # jobs left behind hold it open
        else:
            run.communicate(timeout=PATIENCE_SECONDS)
    return run.returncode


def receipts(folder):
    """Receipts, with their age, of the jobs that Snakemake saw end; not those of jobs that outlived it for a moment."""
    marks = (folder / ".snakemake/incomplete").glob("*")
    unseen = {urlsafe_b64decode(mark.name).decode() for mark in marks}
    files = (file.relative_to(folder) for file in folder.glob("results/*/*.json"))
    return {file: (folder / file).stat().st_mtime_ns for file in files if str(file) not in unseen}


@pytest.mark.parametrize("stage", FIRST_SIGN)
def test_a_run_killed_at_this_stage_goes_on_from_there(battered, stage):
    before = receipts(battered)
    code = run_until(battered, stage, kill_snakemake)
    assert code == -signal.SIGKILL
    after = receipts(battered)
    assert {file: after.get(file) for file in before} == before, "what was done before was done again"


@pytest.mark.parametrize("stage", ["ingest", "genotype_part"])
def test_a_job_that_is_killed_fails_the_run_and_leaves_no_receipt(battered, stage):
    for receipt in [*battered.glob("results/ingest/*.json"), *battered.glob("results/genotype/*.json")]:
        if stage in ("ingest", receipt.parent.name, f"{receipt.parent.name}_part"):
            receipt.unlink()
    assert run_until(battered, stage, kill_job) == 1


def test_after_all_that_the_bytes_are_those_of_an_undisturbed_run(battered, finished):
    run = snakemake(battered)
    assert run.code == 0, run.said
    assert artifacts(battered).keys() == artifacts(finished).keys()
    assert artifacts(battered) == artifacts(finished)


def test_a_second_run_does_nothing_and_says_so(finished):
    before = receipts(finished)
    run = snakemake(finished)
    assert (run.code, "Nothing to be done" in run.said) == (0, True), run.said
    assert receipts(finished) == before


def test_a_changed_setting_runs_what_depends_on_it(finished):
    run = snakemake(finished, "--dry-run", "--quiet", "host", "--config", "stand_call_conf=50")
    assert all(f"rule {rule}:" in run.said for rule in ("genotype_part", "genotype", "export", "report")), run.said
    assert not any(f"rule {rule}:" in run.said for rule in ("inputs", "call", "ingest", "discover")), run.said


def test_more_cores_make_nothing_run_again(finished):
    run = snakemake(finished, "--dry-run", "--cores", "1", "--set-resources", "discover:scatter='inline'")
    assert "Nothing to be done" in run.said


HOLDER = "import fcntl, sys, time; f = open(sys.argv[1], 'w'); fcntl.flock(f, 2); print(1, flush=True); time.sleep(999)"
"""Another run, as far as the lock can tell."""


def test_two_runs_in_one_folder_are_refused(finished, tmp_path):
    folder = tmp_path / "run"
    shutil.copytree(finished, folder)
    (folder / "results/report.html").unlink()
    lock = folder / ".snakemake/genocloud.lock"
    with subprocess.Popen([sys.executable, "-c", HOLDER, str(lock)], stdout=subprocess.PIPE) as holder:
        holder.stdout.readline()
        run = snakemake(folder)
        holder.kill()
    assert run.code == 1
    assert any("another run is at work" in line for line in run.ours), run.said
    assert not (folder / "results/report.html").exists()

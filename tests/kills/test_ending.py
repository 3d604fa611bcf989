"""SIGTERM, SIGHUP, SIGINT and SIGKILL of a run's main process alone: 10 s later no process of it is left.

Those that can be caught end it with one sentence, on what is kept and how to go on, and 128 + the signal.
`make kills` does so in every kind of pool, and to whole runs at random moments.
"""

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import psutil
import pytest

from genocloud.cli import main
from tests.conftest import DATA
from tests.kills import people
from tests.kills.killing import FEW, KILLS, ROOT, thorough

pytestmark = pytest.mark.timeout(900)

MARK = "GENOCLOUD_TEST_MARK"
"""In the environment of a run and all its processes."""

SECONDS = 10
SIGNALS = [signal.SIGTERM, signal.SIGHUP, signal.SIGINT, signal.SIGKILL]
CALL = ["call", "child", "--reads", str(DATA / "reads" / "child.cram"), "--reference", str(people.REFERENCE)]


class Run:
    """A run in the background, and how to see its processes."""

    def __init__(self, words: list[str], said: Path, module: str = "tests.kills.slow") -> None:
        self.mark, self.said = uuid4().hex, said
        command = [sys.executable, "-m", module, *words, "-q"]

        def heed_signals() -> None:
            """A shell's background jobs ignore SIGINT, jobs under nohup SIGHUP, and so would this."""
            signal.signal(signal.SIGINT, signal.default_int_handler)
            signal.signal(signal.SIGHUP, signal.SIG_DFL)

        with said.open("w") as file:
            self.process = subprocess.Popen(
                command,
                cwd=ROOT,
                env=os.environ | {MARK: self.mark},
                stderr=file,
                preexec_fn=heed_signals,
            )

    def await_work(self) -> None:
        """Until a task has begun."""
        until = time.monotonic() + 60
        while "working" not in self.said.read_text():
            assert self.process.poll() is None, self.said.read_text()
            assert time.monotonic() < until
            time.sleep(0.05)

    def left(self) -> Iterator[psutil.Process]:
        """Its processes that are there and no zombies."""
        for process in psutil.process_iter():
            try:
                if process.environ().get(MARK) == self.mark and process.status() != psutil.STATUS_ZOMBIE:
                    yield process
            except psutil.Error:
                continue

    def end(self, number: signal.Signals) -> int:
        """Send a signal to the main process; its exit code when all its processes are gone, within 10 s."""
        self.process.send_signal(number)
        until = time.monotonic() + SECONDS
        while time.monotonic() < until and (self.process.poll() is None or any(self.left())):
            time.sleep(0.05)
        left = list(self.left())
        for process in left:
            process.kill()
        assert not left, self.said.read_text()
        return self.process.wait()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("ending")
    people.write_people(made)
    people.write_sheet(made, people.NAMES)
    return made


def ingest(folder: Path, scatter: str) -> list[str]:
    return people.ingest_words(folder / "cohort", people.write_sheet(folder, people.NAMES), "--scatter", scatter)


def joint(folder: Path) -> list[str]:
    sheet = people.write_sheet(folder, people.NAMES)
    return ["joint", str(sheet), "--reference", str(people.REFERENCE), "-o", str(folder / "o.vcf.gz"), "--threads", "2"]


WORDS = {
    "processes": lambda folder: ingest(folder, "processes:2"),
    "local dask": lambda folder: ingest(folder, "local:processes=2"),
    "threads": lambda folder: ingest(folder, "threads:2"),
    "joint": joint,
    "call": lambda folder: [*CALL, "-o", str(folder / "o.g.vcf.gz"), "--threads", "2"],
}


def check(folder: Path, pool: str, number: signal.Signals, freeze: bool = False) -> None:
    run = Run(WORDS[pool](folder), folder / "said.txt")
    run.await_work()
    if freeze:
        for child in psutil.Process(run.process.pid).children():
            child.suspend()
    code = run.end(number)
    said = run.said.read_text()
    if number == signal.SIGKILL:
        assert code == -number
    else:
        assert code == 128 + number
        assert said.count("the same command") == 1, said
        assert "Traceback" not in said


@pytest.mark.parametrize("number", SIGNALS)
def test_a_signal_to_the_main_process_alone_ends_all_of_a_run(folder, number):
    check(folder, "processes", number)


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere a stopped child ends when it goes on")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_stopped_children_end_with_their_parent(folder, number):
    check(folder, "processes", number, freeze=True)


@thorough
@pytest.mark.parametrize("number", SIGNALS)
@pytest.mark.parametrize("pool", [pool for pool in WORDS if pool != "processes"])
def test_a_signal_ends_all_of_a_run_in_every_kind_of_pool(folder, pool, number):
    check(folder, pool, number)


def test_a_run_under_nohup_goes_on_after_sighup(folder):
    said = folder / "said.txt"
    command = ["nohup", sys.executable, "-m", "tests.kills.slow", *WORDS["processes"](folder), "-q"]
    with said.open("w") as file:
        process = subprocess.Popen(command, cwd=ROOT, stderr=file, stdout=file)
    while "working" not in said.read_text():
        time.sleep(0.05)
    process.send_signal(signal.SIGHUP)
    time.sleep(0.3)
    assert process.poll() is None
    process.send_signal(signal.SIGTERM)
    assert process.wait(SECONDS) == 143


@thorough
@pytest.mark.parametrize("scatter", ["processes:2", "local:processes=2"])
def test_runs_may_be_ended_at_random_moments_and_leave_nothing_behind(folder, scatter):
    """Whole runs, whose tasks do end: the next one completes what there is."""
    chance = random.Random(5)
    ended = {0, *(-number for number in SIGNALS), *(128 + number for number in SIGNALS)}
    words = ingest(folder, scatter)
    cohort = folder / "cohort"
    for _ in range(max(2, KILLS // FEW)):
        for number in SIGNALS:
            run = Run(words, folder / "said.txt", "tests.kills.plain")
            time.sleep(chance.uniform(0.3, 3.0))
            code = run.end(number) if run.process.poll() is None else run.process.wait()
            said = run.said.read_text()
            assert code in ended or "<frozen site>" in said, (number, code, said)  # Python's own start ends with 1
    assert main(words) == 0
    assert main(["verify", str(cohort), "-q"]) == 0

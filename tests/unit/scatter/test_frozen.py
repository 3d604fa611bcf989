"""A worker that is stopped (SIGSTOP) is noticed in the time that a setting allows, named, and its tasks move."""

import logging
import os
import signal
import time
from pathlib import Path

import pytest

from genocloud import children
from genocloud.errors import SettingError
from genocloud.scatter.dask import connection
from genocloud.scatter.executors import open_scatter


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(children.FROZEN_VARIABLE, "1")
    monkeypatch.setattr(children, "LOOK_SECONDS", 0.1)
    monkeypatch.setattr(connection, "CHECK_SECONDS", 0.5)


def stop_once(task: tuple[Path, int]) -> int:
    """Stop this process at the first attempt of task 1."""
    note, number = task
    if number == 1 and not note.exists():
        note.write_text(str(os.getpid()))
        os.kill(os.getpid(), signal.SIGSTOP)
    time.sleep(0.05)
    return number


in_kills = pytest.mark.skipif("GENOCLOUD_KILLS" not in os.environ, reason="takes 8 s: make kills runs it")


@pytest.mark.parametrize("choice", ["processes:2", pytest.param("local:processes=2", marks=in_kills)])
def test_a_frozen_worker_is_named_and_its_tasks_move(choice, tmp_path, caplog):
    caplog.set_level(logging.WARNING, "genocloud")
    tasks = [(tmp_path / "note", number) for number in range(6)]
    with open_scatter(choice) as scatter:
        start = time.monotonic()
        assert scatter.run(stop_once, tasks, lambda _: None) == list(range(6))
        assert time.monotonic() - start < 15
    assert caplog.text.count("shown no life") + caplog.text.count("no life from") == 1
    frozen = int((tmp_path / "note").read_text())
    with pytest.raises(ProcessLookupError):
        os.kill(frozen, 0)


def always_stop(_: int) -> None:
    os.kill(os.getpid(), signal.SIGSTOP)


def test_processes_that_freeze_again_and_again_end_the_run(monkeypatch):
    monkeypatch.setattr(children, "MOST_REPLACED", 0)
    with open_scatter("processes:1") as scatter, pytest.raises(SettingError, match="froze 1 times"):
        scatter.run(always_stop, [1], lambda _: None)


def compute(seconds: float) -> int:
    """Keep the interpreter busy, so that no other thread of this process runs often."""
    until, count = time.monotonic() + seconds, 0
    while time.monotonic() < until:
        count += 1
    return 1


def wait(seconds: float) -> int:
    time.sleep(seconds)
    return 1


@pytest.mark.parametrize("work", [compute, wait])
def test_a_slow_worker_is_not_a_frozen_one(work, caplog):
    with open_scatter("processes:1") as scatter:
        assert scatter.run(work, [1.5], lambda _: None) == [1]
    assert caplog.text == ""


@pytest.mark.parametrize("text", ["soon", "0", "nan", "inf"])
def test_a_setting_that_is_no_number_of_seconds_is_refused(text, monkeypatch):
    monkeypatch.setenv(children.FROZEN_VARIABLE, text)
    with pytest.raises(SettingError, match="not a number of seconds"), open_scatter("processes:1"):
        pass

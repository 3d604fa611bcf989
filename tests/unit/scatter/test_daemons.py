"""Workers wait for their scheduler: what is said, and how long."""

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest
from distributed import comm

from genocloud.errors import SettingError
from genocloud.scatter.deploy import daemons


class Scheduler:
    """One that answers after some refusals; `stop` is set when it has been called `calls` times."""

    def __init__(self, refusals: int, calls: int = 1_000) -> None:
        self.refusals, self.calls, self.tried, self.stop = refusals, calls, 0, asyncio.Event()

    async def connect(self, *_: Any, **__: Any) -> Any:
        self.tried += 1
        if self.tried == self.calls:
            self.stop.set()
        if self.tried <= self.refusals:
            raise OSError("refused")

        async def close() -> None:
            pass

        return SimpleNamespace(close=close)


def wait_for(scheduler: Scheduler, monkeypatch: pytest.MonkeyPatch, wait: int) -> list[str]:
    """What is said until the scheduler answers; no pause between the tries."""

    async def at_once(*waits: Any) -> None:
        for each in waits:
            each.close()

    monkeypatch.setattr(comm, "connect", scheduler.connect)
    monkeypatch.setattr(daemons, "_first_of", at_once)
    group = daemons.WorkerGroup(
        scheduler="tcp://h:1", site="", count=1, threads=1, memory=None, tls=None, insecure=True, wait=wait, ports=0
    )
    said: list[str] = []
    asyncio.run(daemons._await_scheduler(group, None, said.append, scheduler.stop))
    return said


def test_a_scheduler_that_answers_is_not_spoken_of(monkeypatch):
    assert wait_for(Scheduler(refusals=0), monkeypatch, wait=60) == []


def test_a_scheduler_that_is_late_is_said_once(monkeypatch):
    scheduler = Scheduler(refusals=3)
    assert wait_for(scheduler, monkeypatch, wait=60) == ["no scheduler answers at tcp://h:1 (refused); trying for 60 s"]
    assert scheduler.tried == 4


def test_after_the_wait_the_scheduler_is_given_up(monkeypatch):
    with pytest.raises(SettingError, match=r"no scheduler has answered at tcp://h:1 for 0 s \(refused\)"):
        wait_for(Scheduler(refusals=1_000), monkeypatch, wait=0)


def test_workers_that_are_ended_wait_no_longer(monkeypatch):
    scheduler = Scheduler(refusals=1_000, calls=2)
    wait_for(scheduler, monkeypatch, wait=60)
    assert scheduler.tried == 2

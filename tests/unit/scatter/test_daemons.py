"""Workers wait for their scheduler, and are started anew: what is said, how long, and how often."""

import asyncio
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest
from distributed import comm

from genocloud.errors import SettingError
from genocloud.scatter.deploy import daemons

GROUP = daemons.WorkerGroup(
    scheduler="tcp://h:1", site="", count=1, threads=1, memory=None, tls=None, insecure=True, wait=9, ports=0
)


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
    group = replace(GROUP, wait=wait)
    said: list[str] = []
    asyncio.run(daemons._await_scheduler(group, None, said.append, scheduler.stop))
    return said


def test_a_scheduler_that_answers_is_not_spoken_of(monkeypatch):
    assert wait_for(Scheduler(refusals=0), monkeypatch, wait=60) == []


def test_a_scheduler_that_is_late_is_said_once(monkeypatch):
    scheduler = Scheduler(refusals=3)
    assert wait_for(scheduler, monkeypatch, wait=60) == ["no scheduler answers at tcp://h:1 (refused); trying for 60 s"]
    assert scheduler.tried == 4


def test_after_the_wait_the_workers_end_with_a_message(monkeypatch):
    with pytest.raises(SettingError, match=r"no scheduler has answered at tcp://h:1 for 0 s \(refused\)"):
        wait_for(Scheduler(refusals=1_000), monkeypatch, wait=0)


def test_workers_that_are_ended_wait_no_longer(monkeypatch):
    scheduler = Scheduler(refusals=1_000, calls=2)
    wait_for(scheduler, monkeypatch, wait=60)
    assert scheduler.tried == 2


class Nanny:
    """Of a worker whose start fails or not; that it was closed is noted in `events`."""

    name, worker_address = "w", "tcp://h:2"

    def __init__(self, starts: bool, events: list[str]) -> None:
        self.starts, self.events = starts, events

    def __await__(self) -> Any:
        return self._start().__await__()

    async def _start(self) -> None:
        if not self.starts:
            raise RuntimeError("no port")

    async def finished(self) -> None:
        pass

    async def close(self, timeout: float) -> None:
        self.events.append(f"closed within {timeout} s")


def keep_running(starts: list[bool], monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What happens to workers one after another, until there are no more or starting is given up."""
    stop, events, left = asyncio.Event(), list[str](), list(starts)

    async def answered(*_: Any) -> None:
        pass

    def nanny(*_: Any) -> Nanny:
        started = left.pop(0)
        if not left:
            stop.set()
        return Nanny(started, events)

    async def first_of(start: Any, stopped: Any) -> None:
        stopped.close()
        await start

    monkeypatch.setattr(daemons, "_await_scheduler", answered)
    monkeypatch.setattr(daemons, "_nanny", nanny)
    monkeypatch.setattr(daemons, "_first_of", first_of)
    asyncio.run(daemons._keep_running(GROUP, None, 0, events.append, stop))
    return events


CLOSED = f"closed within {daemons.CLOSE_SECONDS} s"


def test_a_worker_that_ended_is_replaced_and_each_is_closed(monkeypatch):
    said = "worker w at tcp://h:2"
    assert keep_running([True, True, False, True, True], monkeypatch) == [said, CLOSED] * 2 + [CLOSED] + [
        said,
        CLOSED,
        CLOSED,
    ]


def test_starts_that_fail_in_a_row_end_the_workers(monkeypatch):
    with pytest.raises(SettingError, match=r"tcp://h:1 could not start 3 times in a row \(no port\)"):
        keep_running([True, False, False, False, True], monkeypatch)


def test_a_start_between_failures_begins_the_count_anew(monkeypatch):
    events = keep_running([False, False, True, False, False, True, True], monkeypatch)
    assert events.count(CLOSED) == 7


@pytest.mark.parametrize(("memory", "limit"), [(None, "auto"), (7, 7)])
def test_a_worker_has_its_groups_limit_and_no_dashboard_for_others(monkeypatch, memory, limit):
    """Dask's dashboard has no access control."""
    made: dict[str, Any] = {}
    monkeypatch.setattr("distributed.Nanny", lambda scheduler, **options: made.update(options))
    daemons._nanny(replace(GROUP, memory=memory, site="north", environment={"A": "b"}), "keys", 3)
    assert (made["memory_limit"], made["nthreads"], made["security"]) == (limit, 1, "keys")
    assert made["name"].startswith("north-")
    assert made["name"].endswith("-3")
    assert made["env"] == {"GENOCLOUD_SITE": "north", "A": "b"}
    assert (made["dashboard"], made["dashboard_address"]) == (False, "127.0.0.1:0")


def test_a_scheduler_has_no_dashboard_for_others(monkeypatch):
    made: dict[str, Any] = {}

    class Refused:
        def __init__(self, **options: Any) -> None:
            made.update(options)

        def __await__(self) -> Any:
            raise OSError("in use")

    monkeypatch.setattr("distributed.Scheduler", Refused)
    options = daemons.SchedulerOptions(listen="tcp://:1", tls=None, insecure=True, allowed_failures=2)
    with pytest.raises(SettingError, match="in use"):
        asyncio.run(daemons._schedule(options, None, str, asyncio.Event()))
    assert (made["allowed_failures"], made["dashboard"], made["dashboard_address"]) == (2, False, "127.0.0.1:0")

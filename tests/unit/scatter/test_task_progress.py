"""Bytes that tasks report while they run arrive, wherever they run."""

import threading
import time

import pytest

from genocloud.scatter import task_progress
from genocloud.scatter.executors import open_scatter
from genocloud.scatter.task_progress import ThrottledReporter, report_bytes


def work(amount: int) -> int:
    for _ in range(amount):
        report_bytes(1)
    return amount


@pytest.mark.parametrize("choice", ["inline", "threads:2", "local:processes=1,threads=2"])
def test_all_reported_bytes_arrive(choice):
    sizes: list[int] = []
    with open_scatter(choice) as scatter:
        assert scatter.run(work, [1, 20, 300], lambda _: None, sizes.append) == [1, 20, 300]
        end = time.monotonic() + 10  # events of a cluster come on their own ways
        while sum(sizes) < 321 and time.monotonic() < end:
            time.sleep(0.01)
    assert sum(sizes) == 321


def test_without_a_listener_nothing_happens():
    with open_scatter("inline") as scatter:
        assert scatter.run(work, [5], lambda _: None) == [5]
    report_bytes(1)


def test_a_listener_gets_its_own_tasks_only():
    with task_progress.reporting_to(lambda _: pytest.fail("reported in another thread")):
        other = threading.Thread(target=report_bytes, args=(1,))
        other.start()
        other.join()


def test_reports_are_sent_at_most_once_a_second(monkeypatch):
    now = [0.0]
    monkeypatch.setattr(task_progress.time, "monotonic", lambda: now[0])
    sent: list[int] = []
    reporter = ThrottledReporter(sent.append)
    for tenth in range(25):
        now[0] = tenth / 10
        reporter(1)
    reporter.send()
    assert sent == [11, 10, 4]

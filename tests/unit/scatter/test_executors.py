"""The ways to run tasks give the same results in the same order, and errors arrive as they were raised."""

import logging
import time

import pytest

from genocloud.errors import BadRecord, SettingError
from genocloud.scatter.deploy import dask_clusters
from genocloud.scatter.executors import open_scatter

CHOICES = ["inline", "threads:2", "processes:2", "local:processes=1,threads=2"]


def slow_square(number: int) -> int:
    time.sleep(0.01 * (number % 3))
    return number * number


def refuse(number: int) -> int:
    if number == 3:
        raise BadRecord("a.g.vcf", f"line {number}", "END before POS", "call it again")
    return number


@pytest.mark.parametrize("choice", CHOICES)
def test_results_come_in_task_order_and_each_is_seen_once(choice):
    seen: list[int] = []
    with open_scatter(choice) as scatter:
        assert scatter.run(slow_square, list(range(12)), seen.append) == [n * n for n in range(12)]
    assert sorted(seen) == [n * n for n in range(12)]


@pytest.mark.parametrize("choice", CHOICES)
def test_an_error_arrives_with_its_facts(choice):
    with open_scatter(choice) as scatter, pytest.raises(BadRecord) as caught:
        scatter.run(refuse, [1, 2, 3, 4], lambda _: None)
    assert caught.value.place == "line 3"


@pytest.mark.parametrize(
    "choice", ["", "threads", "threads:0", "local:cores=2", "local:processes=x", "local:memory=banana", "ssh://host"]
)
def test_an_unusable_choice_is_a_setting_error(choice):
    with pytest.raises(SettingError, match="none of"), open_scatter(choice):
        pass


def level(_: int) -> int:
    return logging.getLogger("distributed.worker").getEffectiveLevel()


def test_workers_of_this_machine_say_nothing_themselves():
    with open_scatter("local:processes=1") as scatter:
        assert scatter.run(level, [1], lambda _: None) == [logging.CRITICAL]


def test_a_scheduler_that_does_not_answer_is_said(monkeypatch):
    monkeypatch.setattr(dask_clusters, "CONNECT_SECONDS", 1)
    with pytest.raises(SettingError, match="no Dask scheduler"), open_scatter("tcp://127.0.0.1:9"):
        pass

"""A task may run tasks of its own, wherever it runs itself, and holds no thread meanwhile."""

import pytest

from genocloud.errors import BadRecord
from genocloud.scatter.executors import open_scatter, run_needing, within
from genocloud.scatter.task_progress import report_bytes


def square(number: int) -> int:
    report_bytes(1)
    if number == 7:
        raise BadRecord("a.g.vcf", "line 7", "END before POS", "call it again")
    return number * number


def squares(numbers: list[int]) -> int:
    with within() as scatter:
        return sum(run_needing(scatter, square, numbers, [1] * len(numbers), lambda _: None))


@pytest.mark.parametrize("choice", ["inline", "threads:2", "local:processes=1,threads=1", "local:processes=2"])
def test_a_task_scatters_tasks_of_its_own(choice):
    with open_scatter(choice) as scatter:
        assert scatter.run(squares, [[1, 2, 3], [4, 5], [], [6]], lambda _: None) == [14, 41, 0, 36]
        with pytest.raises(BadRecord):
            scatter.run(squares, [[1, 7]], lambda _: None)


def test_outside_of_a_task_it_is_inline():
    with within(1_000_000_000) as scatter:
        assert scatter.run(square, [3], lambda _: None) == [9]
        assert 0 < scatter.memory < 1_000_000_000

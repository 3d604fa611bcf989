"""Run tasks in a pool of threads: submit all at once, gather results as they finish."""

from collections.abc import Callable, Sequence
from concurrent.futures import Executor, as_completed
from typing import TypeVar

Task = TypeVar("Task")
Result = TypeVar("Result")


def run_in(
    pool: Executor, function: Callable[[Task], Result], tasks: Sequence[Task], on_result: Callable[[Result], None]
) -> list[Result]:
    """The results in the order of the tasks; `on_result` gets each as it arrives. After an error no task begins."""
    futures = [pool.submit(function, task) for task in tasks]
    try:
        for future in as_completed(futures):
            on_result(future.result())
    finally:
        for future in futures:
            future.cancel()
    return [future.result() for future in futures]

"""Tasks in a pool of threads or processes: handed in all at once, gathered as they finish."""

from collections.abc import Callable, Sequence
from concurrent.futures import Executor, as_completed
from typing import TypeVar

Task = TypeVar("Task")
Result = TypeVar("Result")


def run_in(
    pool: Executor, function: Callable[[Task], Result], tasks: Sequence[Task], done: Callable[[Result], None]
) -> list[Result]:
    """The results in the order of the tasks; `done` sees each as it arrives. After an error nothing more is begun."""
    futures = [pool.submit(function, task) for task in tasks]
    try:
        for future in as_completed(futures):
            done(future.result())
    finally:
        for future in futures:
            future.cancel()
    return [future.result() for future in futures]

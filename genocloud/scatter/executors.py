"""Executors of tasks: inline, threads, processes or Dask workers, chosen by the text of --scatter."""

import sys
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from importlib import import_module
from typing import Protocol, TypeVar

from genocloud.scatter.memory_limit import Needing, largest_first, room_by_default, room_in
from genocloud.scatter.pools import run_in
from genocloud.scatter.spec import count_of, kind_of, unusable
from genocloud.scatter.task_progress import OnBytes, run_reporting

Task = TypeVar("Task")
Result = TypeVar("Result")

MANY_TASKS = 4
"""With at least so many tasks per thread, threads that are idle at the end hardly count."""


class Scatter(Protocol):
    """Where tasks run."""

    def run(
        self,
        function: Callable[[Task], Result],
        tasks: Sequence[Task],
        on_result: Callable[[Result], None],
        on_bytes: OnBytes | None = None,
    ) -> list[Result]:
        """The results in the order of the tasks; `on_result` gets each as it arrives. The first error ends the run.

        `on_bytes` is called, from any thread, with the bytes that tasks report while they run (`report_bytes`).
        """

    @property
    def threads(self) -> int:
        """How many threads a task that runs alone may use."""

    @property
    def spread(self) -> bool:
        """Whether tasks may run far from one another, so that many small ones fill it better than a few large ones."""

    @property
    def memory(self) -> int:
        """Bytes that the tasks of one process may need together."""


@dataclass(frozen=True)
class Inline:
    """One task after another, in this thread: for debugging."""

    memory: int = field(default_factory=room_by_default)
    threads = 1
    spread = False

    def run(
        self,
        function: Callable[[Task], Result],
        tasks: Sequence[Task],
        on_result: Callable[[Result], None],
        on_bytes: OnBytes | None = None,
    ) -> list[Result]:
        """Run the tasks here."""
        results = []
        for task in tasks:
            results.append(run_reporting(on_bytes, function, task))
            on_result(results[-1])
        return results


@dataclass(frozen=True)
class Threads:
    """A pool of threads in this process; the kernels release the interpreter lock."""

    pool: ThreadPoolExecutor
    threads: int
    memory: int
    spread = False

    def run(
        self,
        function: Callable[[Task], Result],
        tasks: Sequence[Task],
        on_result: Callable[[Result], None],
        on_bytes: OnBytes | None = None,
    ) -> list[Result]:
        """Run the tasks in the pool."""
        return run_in(self.pool, partial(run_reporting, on_bytes, function), tasks, on_result)


def run_needing(
    scatter: Scatter,
    function: Callable[[Task], Result],
    tasks: Sequence[Task],
    needs: Sequence[int],
    on_result: Callable[[Result], None],
    *,
    on_bytes: OnBytes | None = None,
) -> list[Result]:
    """As `Scatter.run`, but the tasks begin largest first, and each where and when there is room for it.

    needs  bytes of each task; one that needs more than all of `scatter.memory` runs alone in its process
    """
    order = largest_first(needs)
    items = [(needs[place], tasks[place]) for place in order]
    results = scatter.run(Needing(function, scatter.memory), items, on_result, on_bytes)
    by_place = dict(zip(order, results, strict=True))
    return [by_place[place] for place in range(len(tasks))]


def threads_each(scatter: Scatter, tasks: int) -> int:
    """How many threads each of so many tasks may use: all where tasks are few, so that the last leave none idle."""
    return scatter.threads if tasks < MANY_TASKS * scatter.threads else 1


def in_threads(function: Callable[[Task], Result], tasks: Iterable[Task], threads: int) -> Iterator[Result]:
    """The results within one task, in order; no more than `threads` are computed or kept ahead of their turn."""
    if threads == 1:
        yield from map(function, tasks)
        return
    with ThreadPoolExecutor(threads) as pool:
        ahead: deque[Future[Result]] = deque()
        for task in tasks:
            ahead.append(pool.submit(function, task))
            if len(ahead) > threads:
                yield ahead.popleft().result()
        while ahead:
            yield ahead.popleft().result()


@contextmanager
def open_scatter(choice: str, memory: int | None = None) -> Iterator[Scatter]:
    """Open an executor and close it at the end.

    `choice` is the name and the settings of one of the EXECUTOR_KINDS: `threads:4`, say, or
    `local:processes=2,threads=1,memory=4GiB`; each setting may be left out.

    `memory` is the budget in bytes of all processes together, for Dask of one worker; by default a share of what is
    free, for Dask of its workers' limit. Raises SettingError for anything else, and for a budget that is too small.
    """
    kind, text = kind_of(choice), choice.partition(":")[2]
    module, _, name = kind.opener.partition(":")
    opener = getattr(import_module(module), name)
    if kind.dask:
        from genocloud.scatter.dask.client import open_dask

        with opener(text, choice) as workers, open_dask(workers, memory) as dask:
            yield dask
    else:
        with opener(text, choice, memory) as scatter:
            yield scatter


@contextmanager
def open_inline(_: str, choice: str, memory: int | None) -> Iterator[Scatter]:
    """This thread."""
    if choice != "inline":
        raise unusable(choice)
    yield Inline(room_in(memory))


@contextmanager
def open_threads(text: str, choice: str, memory: int | None) -> Iterator[Scatter]:
    """A pool of as many threads as `text` says."""
    count = count_of(text, choice)
    with ThreadPoolExecutor(count) as pool:
        yield Threads(pool, count, room_in(memory))


@contextmanager
def within(memory: int | None = None) -> Iterator[Scatter]:
    """Where a task may run tasks of its own: in a Dask worker all workers of its scheduler, anywhere else inline.

    The task's thread is free for others meanwhile. `memory` is as for `open_scatter`, by default what the workers'
    limit allows. A task that holds room (`run_needing`) must not wait for others that need room.
    """
    if _in_worker():
        from genocloud.scatter.dask.client import inside_worker

        with inside_worker(memory) as workers:
            yield workers
    else:
        yield Inline(room_in(memory))


def _in_worker() -> bool:
    """Whether this code runs in a task of a Dask worker."""
    distributed = sys.modules.get("distributed")  # where it was not loaded there is no worker
    if not distributed:
        return False
    try:
        distributed.get_worker()
    except ValueError:
        return False
    return True

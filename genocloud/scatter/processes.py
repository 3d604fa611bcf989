"""Run tasks in processes of this machine: for work that holds the interpreter lock."""

import gc
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

from genocloud import children
from genocloud.scatter.memory_limit import room_in
from genocloud.scatter.spec import count_of
from genocloud.scatter.task_progress import OnBytes, ThrottledReporter, reporting_to

Task = TypeVar("Task")
Result = TypeVar("Result")


@dataclass(frozen=True)
class Processes:
    """A pool of forked processes, which share what this process had loaded when they were forked."""

    workers: children.Children
    memory: int
    threads = 1
    spread = False

    def run(
        self,
        function: Callable[[Task], Result],
        tasks: Sequence[Task],
        on_result: Callable[[Result], None],
        on_bytes: OnBytes | None = None,
    ) -> list[Result]:
        """Run the tasks in the pool. Raises SettingError where a process was killed, or processes keep freezing."""
        results: dict[int, Result] = {}
        with closing(self.workers.run(partial(_reporting, function), tasks, on_bytes)) as arriving:
            for place, result in arriving:
                results[place] = result
                on_result(result)
        return [results[place] for place in range(len(tasks))]


def _reporting(function: Callable[[Task], Result], task: Task) -> Result:
    """In a worker: the result, while bytes that the task reports go to the pool."""
    reporter = ThrottledReporter(children.report)
    with reporting_to(reporter):
        result = function(task)
    reporter.send()
    return result


@contextmanager
def open_processes(count: int, memory: int) -> Iterator[Processes]:
    """A pool of `count` processes, forked at once: before this process has threads; `memory` is each one's."""
    gc.freeze()  # what is here stays: a collection in a child would touch it, and so copy it
    with children.open_children(count, "fork") as workers:
        yield Processes(workers, memory)


@contextmanager
def open_process_pool(text: str, choice: str, memory: int | None) -> Iterator[Processes]:
    """A pool of as many processes as `text` says; `memory` is all of theirs together."""
    count = count_of(text, choice)
    with open_processes(count, room_in(memory, count)) as processes:
        yield processes

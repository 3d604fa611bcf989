"""One client per location of a hybrid run: submits tasks to its workers and logs every message that crosses."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, fields, is_dataclass
from functools import partial
from typing import Any, Generic, TypeVar

from genocloud.federation import Location, Message, Requester, TransferLog, run_under_policy
from genocloud.scatter.executors import Scatter, in_threads, run_needing
from genocloud.scatter.progress import Progress, Stage
from genocloud.scatter.task_progress import OnBytes

Task = TypeVar("Task")
Result = TypeVar("Result")
OnTask = Callable[[str, str, float], None]
"""Called with location, task name and seconds after each task."""
ANY_NEED = 0
"""Need in bytes of tasks whose memory does not matter."""


@dataclass(frozen=True)
class TimedResult(Generic[Result]):
    """A task's result, and the seconds that it took."""

    result: Result
    seconds: float


@dataclass
class LocationClient:
    """A location and its workers; `submit` is the only way from the coordinator to a location.

    `seconds`: the sum of its tasks' durations.
    """

    location: Location
    scatter: Scatter
    transfer_log: TransferLog
    coordinator: str
    on_task: OnTask
    stage: Stage
    seconds: float = 0.0

    @property
    def name(self) -> str:
        """The location's name in the config."""
        return self.location.name

    @property
    def is_coordinator(self) -> bool:
        """Whether the coordinator is at this location."""
        return self.name == self.coordinator

    def submit(
        self,
        function: Callable[[Task], Result],
        tasks: Sequence[Task],
        needs: Sequence[int] | None = None,
        on_bytes: OnBytes | None = None,
    ) -> list[Result]:
        """Run tasks at the location, each when a worker has room for the bytes that it needs.

        The location's policy decides what runs, and how much of an error is returned: see redaction.run_under_policy.
        """
        self.transfer_log.note(messages_in(tasks), self.coordinator, self.name)

        def on_result(answer: TimedResult[Result]) -> None:
            self.seconds += answer.seconds
            self.on_task(self.name, function.__name__, answer.seconds)
            self.transfer_log.note(messages_in(answer.result), self.name, self.coordinator)

        needs = [ANY_NEED] * len(tasks) if needs is None else needs
        work = partial(run_under_policy, Requester(self.location.store, self.is_coordinator), function)
        answers = run_needing(self.scatter, partial(_timed, work), tasks, needs, on_result, on_bytes=on_bytes)
        return [answer.result for answer in answers]

    def submit_one(self, function: Callable[[Task], Result], task: Task, need: int = ANY_NEED) -> Result:
        """Run one task at the location."""
        (result,) = self.submit(function, [task], [need])
        return result


def _timed(function: Callable[[Task], Result], task: Task) -> TimedResult[Result]:
    start = time.perf_counter()
    result = function(task)
    return TimedResult(result, time.perf_counter() - start)


def messages_in(value: Any) -> Iterator[Message]:
    """Every message in a task or in a result."""
    if isinstance(value, Message):
        yield value
    elif isinstance(value, (list, tuple)):
        for each in value:
            yield from messages_in(each)
    elif is_dataclass(value):
        for field in fields(value):
            yield from messages_in(getattr(value, field.name))


def map_locations(function: Callable[[LocationClient], Result], clients: Sequence[LocationClient]) -> list[Result]:
    """A function's result for each client, all at the same time."""
    return list(in_threads(function, clients, max(1, len(clients))))


@contextmanager
def show_stages(
    clients: Sequence[LocationClient], progress: Progress, step: str, tasks: int, unit: str
) -> Iterator[None]:
    """Show the progress of each client in a step."""
    with ExitStack() as stack:
        for client in clients:
            client.stage = stack.enter_context(progress.stage(f"{client.name}: {step}", tasks=tasks, unit=unit))
        yield


def ignore_task(site: str, step: str, seconds: float) -> None:
    """The default `on_task`: does nothing."""

"""Stations: a hybrid run's sites as the coordinator sees them, each with its workers and its side of the ledger."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, fields, is_dataclass
from functools import partial
from typing import Any, Generic, TypeVar

from genocloud.federation import Location, Message, Requester, TransferLog, redacted
from genocloud.scatter.executors import Scatter, in_threads, run_needing
from genocloud.scatter.progress import Progress, Stage
from genocloud.scatter.task_progress import Heard

Task = TypeVar("Task")
Result = TypeVar("Result")
Watch = Callable[[str, str, float], None]
"""Gets the site, the step and the seconds of each task that has been done."""
ANY_NEED = 0
"""Of tasks that take next to no memory."""


@dataclass(frozen=True)
class Answer(Generic[Result]):
    """What a task gave, and how long it took, in seconds."""

    result: Result
    seconds: float


@dataclass
class LocationClient:
    """A site, and where its tasks run; `ask` is the one door between it and the coordinator.

    `seconds`: what its tasks took, one after another.
    """

    location: Location
    scatter: Scatter
    ledger: TransferLog
    coordinator: str
    watch: Watch
    stage: Stage
    seconds: float = 0.0

    @property
    def name(self) -> str:
        """The site's name in the config."""
        return self.location.name

    @property
    def home(self) -> bool:
        """Whether it is the site that coordinates."""
        return self.name == self.coordinator

    def ask(
        self,
        function: Callable[[Task], Result],
        tasks: Sequence[Task],
        needs: Sequence[int] | None = None,
        heard: Heard | None = None,
    ) -> list[Result]:
        """Have tasks done at the site, each where and when there is room for the bytes that it needs.

        The site's policy decides what is done, and how much is told of why a task failed: see locations.discreet.
        """
        self.ledger.note(messages_in(tasks), self.coordinator, self.name)

        def done(answer: Answer[Result]) -> None:
            self.seconds += answer.seconds
            self.watch(self.name, function.__name__, answer.seconds)
            self.ledger.note(messages_in(answer.result), self.name, self.coordinator)

        needs = [ANY_NEED] * len(tasks) if needs is None else needs
        work = partial(redacted, Requester(self.location.store, self.home), function)
        answers = run_needing(self.scatter, partial(_timed, work), tasks, needs, done, heard)
        return [answer.result for answer in answers]

    def ask_one(self, function: Callable[[Task], Result], task: Task, need: int = ANY_NEED) -> Result:
        """Have one task done at the site."""
        (result,) = self.ask(function, [task], [need])
        return result


def _timed(function: Callable[[Task], Result], task: Task) -> Answer[Result]:
    start = time.perf_counter()
    result = function(task)
    return Answer(result, time.perf_counter() - start)


def messages_in(value: Any) -> Iterator[Message]:
    """Every parcel in a task or in a result."""
    if isinstance(value, Message):
        yield value
    elif isinstance(value, (list, tuple)):
        for each in value:
            yield from messages_in(each)
    elif is_dataclass(value):
        for field in fields(value):
            yield from messages_in(getattr(value, field.name))


def together(function: Callable[[LocationClient], Result], stations: Sequence[LocationClient]) -> list[Result]:
    """What a function gives of each station, all side by side."""
    return list(in_threads(function, stations, max(1, len(stations))))


@contextmanager
def showing(stations: Sequence[LocationClient], progress: Progress, step: str, tasks: int, unit: str) -> Iterator[None]:
    """Show how far each station is with a step."""
    with ExitStack() as stack:
        for station in stations:
            station.stage = stack.enter_context(progress.stage(f"{station.name}: {step}", tasks=tasks, unit=unit))
        yield


def unwatched(site: str, step: str, seconds: float) -> None:
    """Watch nothing."""

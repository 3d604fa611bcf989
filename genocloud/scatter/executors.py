"""Applying a function to tasks: inline, in threads, or on a Dask cluster, by one short text."""

import logging
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Protocol, TypeVar
from uuid import uuid4

from genocloud.errors import GenocloudError, SettingError
from genocloud.scatter.memory import LEAST_BYTES, SHARE, Needing, largest_first, room_by_default, room_in
from genocloud.scatter.pools import run_in
from genocloud.scatter.processes import open_processes
from genocloud.scatter.telling import Heard, Letters, listening

Task = TypeVar("Task")
Result = TypeVar("Result")

CONNECT_TIMEOUT = "20s"
"""How long to knock at a scheduler's door."""
MANY_TASKS = 4
"""Tasks for each thread from which on the last ones hardly count."""


class Scatter(Protocol):
    """Where tasks run."""

    def run(
        self,
        function: Callable[[Task], Result],
        tasks: Sequence[Task],
        done: Callable[[Result], None],
        heard: Heard | None = None,
    ) -> list[Result]:
        """The results in the order of the tasks; `done` sees each as it arrives. The first error ends the run.

        `heard` gets what tasks `tell` while they run, in any thread.
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
        done: Callable[[Result], None],
        heard: Heard | None = None,
    ) -> list[Result]:
        """Run the tasks here."""
        results = []
        for task in tasks:
            results.append(_heard(heard, function, task))
            done(results[-1])
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
        done: Callable[[Result], None],
        heard: Heard | None = None,
    ) -> list[Result]:
        """Run the tasks in the pool."""
        return run_in(self.pool, partial(_heard, heard, function), tasks, done)


@dataclass(frozen=True)
class Dask:
    """The workers of a Dask scheduler."""

    client: Any
    memory: int
    threads = 1  # a worker has as many tasks as threads
    spread = True

    def run(
        self,
        function: Callable[[Task], Result],
        tasks: Sequence[Task],
        done: Callable[[Result], None],
        heard: Heard | None = None,
    ) -> list[Result]:
        """Submit every task, gather as they finish.

        A lost worker's tasks run again elsewhere; a task whose workers die one after another is named.
        """
        import distributed

        topic = f"genocloud-{uuid4().hex}" if heard else ""
        if heard:
            self.client.subscribe_topic(topic, lambda event: heard(event[1]))
        futures = self.client.map(partial(_told, function, topic), tasks, pure=False)
        places = {future.key: place for place, future in enumerate(futures)}
        results: dict[int, Result] = {}
        try:
            for future, result in distributed.as_completed(futures, with_results=True):
                if isinstance(result, GenocloudError):
                    raise result
                results[places[future.key]] = result
                done(result)
        except distributed.KilledWorker as error:
            raise SettingError(
                f"task {tasks[places[error.task]]} killed {error.allowed_failures + 1} workers one after another, most "
                "likely for lack of memory; give workers more memory or fewer threads, or cut smaller shards or batches"
            ) from error
        finally:
            self.client.cancel(futures)
            if heard:
                self.client.unsubscribe_topic(topic)
        return [results[place] for place in range(len(tasks))]


def _heard(heard: Heard | None, function: Callable[[Task], Result], task: Task) -> Result:
    with listening(heard):
        return function(task)


def _told(function: Callable[[Task], Result], topic: str, task: Task) -> Result | GenocloudError:
    """The result, or what the user can mend: a worker would log that as a failure of its own, with a traceback."""
    import distributed

    letters = Letters(partial(distributed.get_worker().log_event, topic)) if topic else None
    try:
        result = _heard(letters, function, task)
        if letters:
            letters.send()
        return result
    except GenocloudError as error:
        return error


def run_needing(
    scatter: Scatter,
    function: Callable[[Task], Result],
    tasks: Sequence[Task],
    needs: Sequence[int],
    done: Callable[[Result], None],
    heard: Heard | None = None,
) -> list[Result]:
    """As `Scatter.run`, but the tasks begin largest first, and each where and when there is room for it.

    needs  bytes of each task; one that needs more than all of `scatter.memory` runs alone in its process
    """
    order = largest_first(needs)
    items = [(needs[place], tasks[place]) for place in order]
    results = scatter.run(Needing(function, scatter.memory), items, done, heard)
    found = dict(zip(order, results, strict=True))
    return [found[place] for place in range(len(tasks))]


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
    """Open what `choice` names and close it at the end.

    - `inline`
    - `threads:4`
    - `processes:4`
    - `local:processes=2,threads=1,memory=4GiB`: a Dask LocalCluster; each setting may be left out
    - `tcp://host:8786`, `tls://…`: a Dask scheduler that runs already

    `memory` is the budget in bytes of all processes together, for Dask of one worker; by default a share of what is
    free, for Dask of its workers' limit. Raises SettingError for anything else, and for a budget that is too small.
    """
    kind, _, rest = choice.partition(":")
    if choice == "inline":
        yield Inline(room_in(memory))
    elif kind == "threads":
        count = _count(rest, choice)
        with ThreadPoolExecutor(count) as pool:
            yield Threads(pool, count, room_in(memory))
    elif kind == "processes":
        count = _count(rest, choice)
        with open_processes(count, room_in(memory, count)) as processes:
            yield processes
    elif kind == "local":
        with _local_client(_settings(rest, choice), choice) as client:
            yield Dask(client, _worker_room(client, memory))
    elif kind in ("tcp", "tls"):
        with _remote_client(choice) as client:
            yield Dask(client, _worker_room(client, memory))
    else:
        raise _unusable(choice)


def _worker_room(client: Any, memory: int | None) -> int:
    """Bytes for the tasks of a worker; without a budget they follow from the smallest worker's limit, if there is one.

    A Dask worker pauses at 80% of its limit, so that a SHARE of it is what it can use.
    """
    limits = [worker["memory_limit"] for worker in client.scheduler_info(n_workers=-1)["workers"].values()]
    limit = min((each for each in limits if each), default=None)
    return room_in(memory if memory or not limit else max(int(SHARE * limit), LEAST_BYTES))


@contextmanager
def _local_client(settings: dict[str, str], choice: str) -> Iterator[Any]:
    import dask
    import distributed
    from dask.utils import parse_bytes

    # Its scheduler lives in this process and would tell every step it takes; what goes wrong is still said.
    logging.getLogger("distributed").setLevel(logging.WARNING)
    quiet = {"distributed.admin.tick.limit": "60s", "distributed.worker.profile.enabled": False}
    memory = settings.get("memory", "auto")
    try:
        parse_bytes("1B" if memory == "auto" else memory)
    except ValueError:
        raise _unusable(choice) from None
    with (
        dask.config.set(quiet),
        distributed.LocalCluster(
            n_workers=_count(settings.get("processes", "1"), choice),
            threads_per_worker=_count(settings.get("threads", "1"), choice),
            memory_limit=memory,
            dashboard_address=None,
            silence_logs=logging.WARNING,
        ) as cluster,
        distributed.Client(cluster) as client,
    ):
        yield client


@contextmanager
def _remote_client(address: str) -> Iterator[Any]:
    import distributed

    try:
        client = distributed.Client(address, timeout=CONNECT_TIMEOUT)
    except (OSError, TimeoutError, ValueError) as error:
        raise SettingError(f"no Dask scheduler answers at {address} ({error}); start one, or choose local") from error
    with client:
        yield client


def _settings(text: str, choice: str) -> dict[str, str]:
    pairs = [item.partition("=")[::2] for item in text.split(",") if item]
    if any(name not in ("processes", "threads", "memory") or not value for name, value in pairs):
        raise _unusable(choice)
    return dict(pairs)


def _count(text: str, choice: str) -> int:
    if not text.isdigit() or int(text) < 1:
        raise _unusable(choice)
    return int(text)


def _unusable(choice: str) -> SettingError:
    return SettingError(
        f"scatter {choice!r} is none of: inline; threads:N; processes:N; local:processes=N,threads=N,memory=SIZE; "
        "tcp://HOST:PORT; give one of these"
    )

"""Run tasks on the workers of a Dask scheduler; workers may come and go."""

import queue
import time
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar
from uuid import uuid4

from genocloud.errors import GenocloudError, SettingError
from genocloud.formatting import size_text
from genocloud.scatter.dask import connection
from genocloud.scatter.dask.connection import ConnectionLost, Link, Pool, PoolMonitor, await_workers
from genocloud.scatter.dask.handshake import SoftwareMismatch, difference, identity, worker_name
from genocloud.scatter.memory_limit import LEAST_BYTES, SHARE, Needing, room_in
from genocloud.scatter.task_progress import OnBytes, ThrottledReporter, run_reporting

Task = TypeVar("Task")
Result = TypeVar("Result")

CONNECT_SECONDS = 20
"""Timeout of a connection to a scheduler."""

WAIT_SECONDS = 120
"""How long a pool may have no workers: at its start, or after all were lost."""

TASK_TEXT_LENGTH = 200
"""Error texts show so many characters of a task that has no name."""


@dataclass(frozen=True)
class Dask:
    """The workers of a Dask scheduler."""

    link: Link
    memory: int
    threads = 1  # a worker has as many tasks as threads
    spread = True

    def run(
        self,
        function: Callable[[Task], Result],
        tasks: Sequence[Task],
        on_result: Callable[[Result], None],
        on_bytes: OnBytes | None = None,
    ) -> list[Result]:
        """Submit every task, gather results as they finish.

        Tasks of a lost worker run again on another one, and all unfinished tasks after a lost scheduler connection.
        Raises SettingError if a task kills one worker after another (named), if the pool stays without workers, or if
        the connection does not come back.
        """
        left, results = dict(enumerate(tasks)), {}
        while left:
            monitor = self.link.monitor
            arriving = _Submitted(monitor, function, left, on_bytes).results()
            try:
                with closing(arriving):
                    for place, result in arriving:
                        del left[place]
                        results[place] = result
                        on_result(result)
            except ConnectionLost:
                self.link.renew(monitor.client, len(left))
        return [results[place] for place in range(len(tasks))]


class _Submitted:
    """Tasks, by place, submitted to a scheduler."""

    def __init__(
        self, monitor: PoolMonitor, function: Callable[[Any], Any], tasks: Mapping[int, Any], on_bytes: OnBytes | None
    ) -> None:
        self._monitor, self._client, self._function = monitor, monitor.client, function
        self._tasks, self._on_bytes = dict(tasks), on_bytes
        self._arrived = queue.SimpleQueue[int]()
        self._due = time.monotonic() + connection.CHECK_SECONDS

    def results(self) -> Generator[tuple[int, Any]]:
        """Places and results as they come. Raises ConnectionLost when the client loses its scheduler."""
        with self._topic() as topic:
            futures = self._submitted(partial(_run_on_worker, self._function, topic, identity()))
            try:
                while futures:
                    ended = {place: futures.pop(place) for place in self._next(len(futures))}
                    yield from self._fetched(ended)
            finally:
                self._cancel(futures)

    def _submitted(self, work: Callable[[Any], Any]) -> dict[int, Any]:
        try:
            submitted = self._client.map(work, list(self._tasks.values()), pure=False)
        except OSError as error:
            raise ConnectionLost from error
        futures = dict(zip(self._tasks, submitted, strict=True))
        for place, future in futures.items():
            future.add_done_callback(partial(self._arrive, place))
        return futures

    @contextmanager
    def _topic(self) -> Iterator[str]:
        """The Dask topic under which tasks report bytes; empty without a listener."""
        if not (on_bytes := self._on_bytes):
            yield ""
            return
        topic = f"genocloud-{uuid4().hex}"
        self._client.subscribe_topic(topic, lambda event: on_bytes(event[1]))
        try:
            yield topic
        finally:
            if self._client.status == "running":
                self._client.unsubscribe_topic(topic)

    def _arrive(self, place: int, _future: Any) -> None:
        self._arrived.put(place)

    def _next(self, waiting: int) -> list[int]:
        """Places of finished futures; checks the pool whenever that is due."""
        while True:
            if time.monotonic() >= self._due:
                self._check_pool(waiting)
            with suppress(queue.Empty):
                places = [self._arrived.get(timeout=max(0.0, self._due - time.monotonic()))]
                while not self._arrived.empty():
                    places.append(self._arrived.get())
                return places

    def _check_pool(self, waiting: int) -> None:
        self._due = time.monotonic() + connection.CHECK_SECONDS
        try:
            self._monitor.check(waiting)
        except OSError as error:
            raise ConnectionLost from error

    def _fetched(self, ended: dict[int, Any]) -> Iterator[tuple[int, Any]]:
        for place, future in ended.items():
            if future.status == "error":
                raise self._error(place, future.exception())
        if any(future.status == "cancelled" for future in ended.values()):
            raise ConnectionLost
        for place, result in zip(ended, self._gathered(list(ended.values())), strict=True):
            if isinstance(result, GenocloudError):
                raise result
            yield place, result

    def _gathered(self, futures: list[Any]) -> list[Any]:
        from distributed.client import FutureCancelledError

        try:
            return list(self._client.gather(futures))
        except (OSError, FutureCancelledError) as error:
            raise ConnectionLost from error

    def _error(self, place: int, error: Exception) -> Exception:
        import distributed

        if not isinstance(error, distributed.KilledWorker):
            return error
        need, name = self._need_and_name(place)
        return SettingError(
            f"task {name} killed {error.allowed_failures + 1} workers one after another, most likely for lack of "
            f"memory{need}; give workers more memory or fewer threads, or cut smaller shards or batches"
        )

    def _need_and_name(self, place: int) -> tuple[str, str]:
        """The task's estimated memory as text, and its name."""
        task = self._tasks[place]
        if isinstance(self._function, Needing):
            need, task = task
            return f" (its estimated need is {size_text(need)})", task_name(task)
        return "", task_name(task)

    def _cancel(self, futures: dict[int, Any]) -> None:
        if futures and self._client.status == "running":
            self._client.cancel(list(futures.values()))


def task_name(task: object) -> str:
    """A task's name for error texts: its shard's or its own, if it has one."""
    named = getattr(task, "shard", task)
    name = getattr(named, "name", None)
    return name if isinstance(name, str) else str(task)[:TASK_TEXT_LENGTH]


@contextmanager
def open_dask(pool: Pool, memory: int | None) -> Iterator[Dask]:
    """Connect to a pool's workers and check them; `memory` in bytes of each, by default from their limits."""
    link = Link(pool)
    try:
        yield Dask(link, worker_room(_handshaken(link), memory))
    finally:
        link.close()


def _handshaken(link: Link) -> Mapping[str, Any]:
    try:
        return await_workers(link)
    except OSError as error:
        raise SettingError(f"{link.pool.name}: the link broke at once ({error}); see what cuts it") from error


@contextmanager
def inside_worker(memory: int | None) -> Iterator[Dask]:
    """Within a task of a Dask worker: all workers of its scheduler; the task secedes from its thread."""
    import distributed

    worker = distributed.get_worker()
    address, security = worker.scheduler.address, worker.security
    distributed.secede()
    connect = partial(distributed.Client, address, security=security, timeout=CONNECT_SECONDS, set_as_default=False)
    pool = Pool(name=f"the scheduler at {address}", connect=connect, wait=WAIT_SECONDS, remedy="start workers")
    with open_dask(pool, memory) as workers:
        yield workers


def worker_room(workers: Mapping[str, Any], memory: int | None) -> int:
    """Bytes for the tasks of a worker; without a budget they follow from the smallest worker's limit, if there is one.

    A Dask worker pauses at 80% of its limit, so that a SHARE of it is what it can use.
    """
    limit = min((each["memory_limit"] for each in workers.values() if each["memory_limit"]), default=None)
    return room_in(memory if memory or not limit else max(int(SHARE * limit), LEAST_BYTES))


def _run_on_worker(
    function: Callable[[Task], Result], topic: str, expected_identity: Mapping[str, str], task: Task
) -> Result | GenocloudError:
    """The result, or a GenocloudError as a value: raised, the worker would log it with a traceback."""
    import distributed

    worker = distributed.get_worker()
    if identity() != expected_identity:  # it came after the handshake with the others
        return SoftwareMismatch(
            {worker_name(str(worker.name), worker.address): difference(identity(), expected_identity)}
        )
    reporter = ThrottledReporter(partial(worker.log_event, topic)) if topic else None
    try:
        result = run_reporting(reporter, function, task)
        if reporter:
            reporter.send()
        return result
    except GenocloudError as error:
        return error

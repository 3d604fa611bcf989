"""Tasks on the workers of a Dask scheduler, which may come and go."""

import queue
import sys
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
from genocloud.scatter.dask.connection import Link, Lost, Pool, Watch, await_workers
from genocloud.scatter.dask.handshake import Different, difference, identity, worker_name
from genocloud.scatter.memory_limit import LEAST_BYTES, SHARE, Needing, room_in
from genocloud.scatter.task_progress import Heard, ThrottledReporter, work_heard

Task = TypeVar("Task")
Result = TypeVar("Result")

CONNECT_SECONDS = 20
"""How long to knock at a scheduler's door."""

WAIT_SECONDS = 120
"""A pool may have no workers for so long: they start, or are started anew after each of them was lost."""

TOLD_LETTERS = 200
"""A task that has no name of its own is told with so many letters at most."""


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
        done: Callable[[Result], None],
        heard: Heard | None = None,
    ) -> list[Result]:
        """Submit every task, gather as they finish.

        A lost worker's tasks run again elsewhere, and all that is not done when the link to the scheduler was lost.
        Raises SettingError, naming the task, where workers die of it one after another; where a pool stays without
        workers; and where the link does not come back.
        """
        left, results = dict(enumerate(tasks)), {}
        while left:
            watch = self.link.watch
            arriving = _Submitted(watch, function, left, heard).results()
            try:
                with closing(arriving):
                    for place, result in arriving:
                        del left[place]
                        results[place] = result
                        done(result)
            except Lost:
                self.link.renew(watch.client, len(left))
        return [results[place] for place in range(len(tasks))]


class _Submitted:
    """Tasks (by place) in the hands of a scheduler."""

    def __init__(
        self, watch: Watch, function: Callable[[Any], Any], tasks: Mapping[int, Any], heard: Heard | None
    ) -> None:
        self._watch, self._client, self._function = watch, watch.client, function
        self._tasks, self._heard = dict(tasks), heard
        self._arrived = queue.SimpleQueue[int]()
        self._due = time.monotonic() + connection.LOOK_SECONDS

    def results(self) -> Generator[tuple[int, Any]]:
        """Places and results as they come. Raises Lost when the client loses its scheduler."""
        with self._topic() as topic:
            futures = self._submitted(partial(_told, self._function, topic, identity()))
            try:
                while futures:
                    ended = {place: futures.pop(place) for place in self._next(len(futures))}
                    yield from self._fetched(ended)
            finally:
                self._give_up(futures)

    def _submitted(self, work: Callable[[Any], Any]) -> dict[int, Any]:
        try:
            submitted = self._client.map(work, list(self._tasks.values()), pure=False)
        except OSError as error:
            raise Lost from error
        futures = dict(zip(self._tasks, submitted, strict=True))
        for place, future in futures.items():
            future.add_done_callback(partial(self._arrive, place))
        return futures

    @contextmanager
    def _topic(self) -> Iterator[str]:
        """The topic under which tasks tell how far they are, if somebody hears it."""
        if not (heard := self._heard):
            yield ""
            return
        topic = f"genocloud-{uuid4().hex}"
        self._client.subscribe_topic(topic, lambda event: heard(event[1]))
        try:
            yield topic
        finally:
            if self._client.status == "running":
                self._client.unsubscribe_topic(topic)

    def _arrive(self, place: int, _future: Any) -> None:
        self._arrived.put(place)

    def _next(self, waiting: int) -> list[int]:
        """Places of futures that are done; the pool is looked at whenever that is due."""
        while True:
            if time.monotonic() >= self._due:
                self._look(waiting)
            with suppress(queue.Empty):
                places = [self._arrived.get(timeout=max(0.0, self._due - time.monotonic()))]
                while not self._arrived.empty():
                    places.append(self._arrived.get())
                return places

    def _look(self, waiting: int) -> None:
        self._due = time.monotonic() + connection.LOOK_SECONDS
        try:
            self._watch.look(waiting)
        except OSError as error:
            raise Lost from error

    def _fetched(self, ended: dict[int, Any]) -> Iterator[tuple[int, Any]]:
        for place, future in ended.items():
            if future.status == "error":
                raise self._error(place, future.exception())
        if any(future.status == "cancelled" for future in ended.values()):
            raise Lost
        for place, result in zip(ended, self._gathered(list(ended.values())), strict=True):
            if isinstance(result, GenocloudError):
                raise result
            yield place, result

    def _gathered(self, futures: list[Any]) -> list[Any]:
        from distributed.client import FutureCancelledError

        try:
            return list(self._client.gather(futures))
        except (OSError, FutureCancelledError) as error:
            raise Lost from error

    def _error(self, place: int, error: Exception) -> Exception:
        import distributed

        if not isinstance(error, distributed.KilledWorker):
            return error
        need, name = self._told_of(place)
        return SettingError(
            f"task {name} killed {error.allowed_failures + 1} workers one after another, most likely for lack of "
            f"memory{need}; give workers more memory or fewer threads, or cut smaller shards or batches"
        )

    def _told_of(self, place: int) -> tuple[str, str]:
        """What the task was thought to need, in words, and its name."""
        task = self._tasks[place]
        if isinstance(self._function, Needing):
            need, task = task
            return f" (it was thought to need {size_text(need)})", name_of(task)
        return "", name_of(task)

    def _give_up(self, futures: dict[int, Any]) -> None:
        if futures and self._client.status == "running":
            self._client.cancel(list(futures.values()))


def name_of(task: object) -> str:
    """A task in a message: by its shard's or its own name if it has one."""
    named = getattr(task, "shard", task)
    name = getattr(named, "name", None)
    return name if isinstance(name, str) else str(task)[:TOLD_LETTERS]


@contextmanager
def open_dask(pool: Pool, memory: int | None) -> Iterator[Dask]:
    """The workers of a pool, after the handshake with them; `memory` in bytes of each, by default from their limits."""
    link = Link(pool)
    try:
        yield Dask(link, worker_room(_greeted(link), memory))
    finally:
        link.close()


def _greeted(link: Link) -> Mapping[str, Any]:
    try:
        return await_workers(link)
    except OSError as error:
        raise SettingError(f"{link.pool.name}: the link broke at once ({error}); see what cuts it") from error


@contextmanager
def inside_worker(memory: int | None) -> Iterator[Dask]:
    """Within a task of a Dask worker: the workers of its own scheduler; the task's thread is another's from now on."""
    import distributed

    worker = distributed.get_worker()
    address, security = worker.scheduler.address, worker.security
    distributed.secede()
    connect = partial(distributed.Client, address, security=security, timeout=CONNECT_SECONDS, set_as_default=False)
    with open_dask(Pool(f"the scheduler at {address}", connect, WAIT_SECONDS, "start workers"), memory) as workers:
        yield workers


def in_worker() -> bool:
    """Whether this is a task of a Dask worker."""
    distributed = sys.modules.get("distributed")  # where it was not loaded there is no worker
    if not distributed:
        return False
    try:
        distributed.get_worker()
    except ValueError:
        return False
    return True


def worker_room(workers: Mapping[str, Any], memory: int | None) -> int:
    """Bytes for the tasks of a worker; without a budget they follow from the smallest worker's limit, if there is one.

    A Dask worker pauses at 80% of its limit, so that a SHARE of it is what it can use.
    """
    limit = min((each["memory_limit"] for each in workers.values() if each["memory_limit"]), default=None)
    return room_in(memory if memory or not limit else max(int(SHARE * limit), LEAST_BYTES))


def _told(
    function: Callable[[Task], Result], topic: str, asked: Mapping[str, str], task: Task
) -> Result | GenocloudError:
    """The result, or what the user can mend: a worker would log that as a failure of its own, with a traceback."""
    import distributed

    worker = distributed.get_worker()
    if identity() != asked:  # it came after the handshake with the others
        return Different({worker_name(str(worker.name), worker.address): difference(identity(), asked)})
    letters = ThrottledReporter(partial(worker.log_event, topic)) if topic else None
    try:
        result = work_heard(letters, function, task)
        if letters:
            letters.send()
        return result
    except GenocloudError as error:
        return error

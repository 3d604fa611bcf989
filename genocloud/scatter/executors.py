"""Applying a function to tasks: inline, in threads, or on a Dask cluster, by one short text."""

import logging
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from genocloud.errors import SettingError

Task = TypeVar("Task")
Result = TypeVar("Result")

CONNECT_TIMEOUT = "20s"
"""How long to knock at a scheduler's door."""


class Scatter(Protocol):
    """Where tasks run."""

    def run(
        self, function: Callable[[Task], Result], tasks: Sequence[Task], done: Callable[[Result], None]
    ) -> list[Result]:
        """The results in the order of the tasks; `done` sees each as it arrives. The first error ends the run."""


class Inline:
    """One task after another, in this thread: for debugging."""

    def run(
        self, function: Callable[[Task], Result], tasks: Sequence[Task], done: Callable[[Result], None]
    ) -> list[Result]:
        """Run the tasks here."""
        results = []
        for task in tasks:
            results.append(function(task))
            done(results[-1])
        return results


@dataclass(frozen=True)
class Threads:
    """A pool of threads in this process; the kernels release the interpreter lock."""

    pool: ThreadPoolExecutor

    def run(
        self, function: Callable[[Task], Result], tasks: Sequence[Task], done: Callable[[Result], None]
    ) -> list[Result]:
        """Run the tasks in the pool."""
        futures = [self.pool.submit(function, task) for task in tasks]
        try:
            for future in as_completed(futures):
                done(future.result())
        except BaseException:
            for future in futures:
                future.cancel()
            raise
        return [future.result() for future in futures]


@dataclass(frozen=True)
class Dask:
    """The workers of a Dask scheduler."""

    client: Any

    def run(
        self, function: Callable[[Task], Result], tasks: Sequence[Task], done: Callable[[Result], None]
    ) -> list[Result]:
        """Submit every task, gather as they finish.

        A lost worker's tasks run again elsewhere; a task whose workers die one after another is named.
        """
        import distributed

        futures = self.client.map(function, tasks, pure=False)
        places = {future.key: place for place, future in enumerate(futures)}
        results: dict[int, Result] = {}
        try:
            for future, result in distributed.as_completed(futures, with_results=True):
                results[places[future.key]] = result
                done(result)
        except distributed.KilledWorker as error:
            raise SettingError(
                f"task {tasks[places[error.task]]} killed {error.allowed_failures + 1} workers one after another, most "
                "likely for lack of memory; give workers more memory or fewer threads, or cut smaller shards or batches"
            ) from error
        finally:
            self.client.cancel(futures)
        return [results[place] for place in range(len(tasks))]


@contextmanager
def open_scatter(choice: str) -> Iterator[Scatter]:
    """Open what `choice` names and close it at the end.

    - `inline`
    - `threads:4`
    - `local:processes=2,threads=1,memory=4GiB`: a Dask LocalCluster; each setting may be left out
    - `tcp://host:8786`, `tls://…`: a Dask scheduler that runs already

    Raises SettingError for anything else.
    """
    kind, _, rest = choice.partition(":")
    if choice == "inline":
        yield Inline()
    elif kind == "threads":
        with ThreadPoolExecutor(_count(rest, choice)) as pool:
            yield Threads(pool)
    elif kind == "local":
        with _local_client(_settings(rest, choice), choice) as client:
            yield Dask(client)
    elif kind in ("tcp", "tls"):
        with _remote_client(choice) as client:
            yield Dask(client)
    else:
        raise _unusable(choice)


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
        f"scatter {choice!r} is none of: inline; threads:N; local:processes=N,threads=N,memory=SIZE; "
        "tcp://HOST:PORT; give one of these"
    )

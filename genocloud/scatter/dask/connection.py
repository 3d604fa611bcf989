"""The link to a Dask scheduler and its pool of workers: made anew when it breaks, and watched while tasks run."""

import logging
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from genocloud.errors import SettingError
from genocloud.formatting import seconds_text
from genocloud.scatter.dask.frozen_workers import Frozen
from genocloud.scatter.dask.handshake import Different, greet_scheduler, shake_hands

log = logging.getLogger(__name__)

RECONNECT_SECONDS = 300.0
"""A scheduler that cannot be reached is tried for so long."""

LOOK_SECONDS = 5.0
"""How often a pool is looked at while tasks run."""

TELL_SECONDS = 60.0
"""That a pool has no workers is said again so often."""


class Lost(OSError):
    """The link to the scheduler broke; what was submitted through it is nobody's any more."""


@dataclass(frozen=True)
class Pool:
    """A scheduler and its workers.

    connect  makes a client of it; raises OSError where nobody answers, SettingError where that will not change
    wait     for so many seconds it may have no workers
    remedy   what to do where it has none
    """

    name: str
    connect: Callable[[], Any]
    wait: float
    remedy: str


class Link:
    """A client of a pool's scheduler, replaced by another when its connection breaks; `watch` looks after the pool."""

    def __init__(self, pool: Pool) -> None:
        self.pool, self.watch = pool, Watch(pool, pool.connect())
        self._lock = threading.Lock()

    @property
    def client(self) -> Any:
        """The client of now."""
        return self.watch.client

    def renew(self, broken: Any, waiting: int) -> None:
        """Replace a client that broke while so many tasks were not done.

        Raises SettingError if nobody answers for RECONNECT_SECONDS.
        """
        with self._lock:
            if self.client is broken:
                log.warning(
                    "the link to %s is lost, %s tasks are not done; trying again for %s",
                    self.pool.name,
                    f"{waiting:,}",
                    seconds_text(RECONNECT_SECONDS),
                )
                drop(broken)
                self.watch = Watch(self.pool, self._anew())
                log.warning("the link to %s is back; what is not done begins again", self.pool.name)

    def _anew(self) -> Any:
        until = time.monotonic() + RECONNECT_SECONDS
        while True:
            try:
                return self.pool.connect()
            except (OSError, SettingError) as error:
                if time.monotonic() > until:
                    raise SettingError(
                        f"{self.pool.name} has not answered for {seconds_text(RECONNECT_SECONDS)} ({error}); when it "
                        "does again run this again: what is done stays"
                    ) from error
            time.sleep(1)

    def close(self) -> None:
        """Leave the scheduler."""
        drop(self.client)


def drop(client: Any) -> None:
    """Close a client, whatever has become of its scheduler."""
    with suppress(Exception):
        client.close(timeout=1)


class Watch:
    """Looks after a pool through one client: whether anybody works there, and whether newcomers are the same."""

    def __init__(self, pool: Pool, client: Any) -> None:
        self.client, self._pool = client, pool
        self._greeting: Greeting | None = None
        self._frozen = Frozen(client, LOOK_SECONDS)
        self._known: set[str] = set()
        self._empty_since = self._told = 0.0

    def look(self, waiting: int) -> Mapping[str, Any]:
        """The workers, by address, while so many tasks wait for them.

        Raises Different for a newcomer that is, SettingError if there was none for longer than the pool may have none,
        Lost if the scheduler does not answer.
        """
        workers = self.client.scheduler_info(n_workers=-1)["workers"]
        if self.client.status != "running":
            raise Lost
        self._frozen.look(workers)
        self._greet({address: str(worker["name"]) for address, worker in workers.items()})
        if any(map(_works, workers.values())):
            self._empty_since = self._told = 0.0
        else:
            self._missing(time.monotonic(), waiting, len(workers))
        return dict(workers)

    def _greet(self, workers: dict[str, str]) -> None:
        if self._greeting and not self._greeting.is_alive():
            self._greeting.tell()
            self._greeting = None
        if not self._greeting:
            new = {address: name for address, name in workers.items() if address not in self._known}
            self._known = set(workers)
            self._greeting = Greeting(self.client, new) if new else None

    def await_greeting(self) -> None:
        """Wait for the end of the handshake with those who were there, of whom one may be frozen. Raises Different."""
        if self._greeting:
            while self._greeting.is_alive():
                self._greeting.join(LOOK_SECONDS)
                self._frozen.look(self.client.scheduler_info(n_workers=-1)["workers"])
            self._greeting.tell()
            self._greeting = None

    def _missing(self, now: float, waiting: int, paused: int) -> None:
        self._empty_since = self._empty_since or now
        state = "all workers are paused: their memory is full" if paused else "no workers"
        if now - self._empty_since >= self._pool.wait:
            tasks = f" while {waiting:,} tasks wait" if waiting else ""
            raise SettingError(
                f"{self._pool.name}: {state} for {seconds_text(self._pool.wait)}{tasks}; {self._pool.remedy}, and run "
                "this again: what is done stays"
            )
        if now - self._told >= TELL_SECONDS:
            left = seconds_text(self._empty_since + self._pool.wait - now)
            log.warning("%s: %s; waiting for %s more", self._pool.name, state, left)
            self._told = now


class Greeting(threading.Thread):
    """A handshake with workers, apart from whoever waits for results: one that is just dying answers after a minute."""

    def __init__(self, client: Any, workers: Mapping[str, str]) -> None:
        super().__init__(name="handshake", daemon=True)
        self._client, self._workers = client, workers
        self._error: Different | None = None
        self.start()

    def run(self) -> None:
        """Shake hands; a link that breaks meanwhile is noticed by others."""
        try:
            with suppress(OSError):
                shake_hands(self._client, self._workers)
        except Different as error:
            self._error = error

    def tell(self) -> None:
        """Raise what was found."""
        if self._error:
            raise self._error


def _works(worker: Mapping[str, Any]) -> bool:
    """Whether a worker takes tasks, or works on some."""
    counts = worker.get("metrics", {}).get("task_counts", {})
    return worker.get("status") != "paused" or bool(counts.get("executing") or counts.get("long-running"))


def await_workers(link: Link) -> Mapping[str, Any]:
    """The pool's workers, as soon as there are some, after the handshake with them and the scheduler.

    Raises Different, or SettingError if none came in time.
    """
    greet_scheduler(link.client)
    workers, call, pause = link.watch.look(0), None, 0.05
    while not workers:
        call = call or link.client.submit(abs, -1, pure=False)  # a pool that adapts has workers where there are tasks
        time.sleep(pause)
        pause = min(2 * pause, LOOK_SECONDS)
        workers = link.watch.look(0)
    link.watch.await_greeting()
    return workers

"""The connection to a Dask scheduler: reconnects when it breaks, and monitors the workers while tasks run."""

import logging
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from genocloud.errors import SettingError
from genocloud.formatting import seconds_text
from genocloud.scatter.dask.frozen_workers import FrozenWorkers
from genocloud.scatter.dask.handshake import SoftwareMismatch, check_scheduler, check_workers

log = logging.getLogger(__name__)

RECONNECT_SECONDS = 300.0
"""How long to try to reconnect to a scheduler."""

CHECK_SECONDS = 5.0
"""How often a pool is checked while tasks run."""

WARN_SECONDS = 60.0
"""How often the warning that a pool has no workers is repeated."""


class ConnectionLost(OSError):
    """The connection to the scheduler broke; what was submitted through it is lost."""


@dataclass(frozen=True, kw_only=True)
class Pool:
    """A scheduler and its workers.

    connect  makes a client; raises OSError if there is no answer, SettingError if trying again is useless
    wait     seconds that it may have no workers
    remedy   for the error text: what to do if it has none
    """

    name: str
    connect: Callable[[], Any]
    wait: float
    remedy: str


class Link:
    """A client of a pool's scheduler, replaced when its connection breaks; `monitor` checks the pool."""

    def __init__(self, pool: Pool) -> None:
        self.pool, self.monitor = pool, PoolMonitor(pool, pool.connect())
        self._lock = threading.Lock()

    @property
    def client(self) -> Any:
        """The current client."""
        return self.monitor.client

    def renew(self, broken: Any, waiting: int) -> None:
        """Replace a broken client; `waiting` tasks are unfinished.

        Raises SettingError if there is no answer for RECONNECT_SECONDS.
        """
        with self._lock:
            if self.client is broken:
                log.warning(
                    "the link to %s is lost, %s tasks are not done; trying again for %s",
                    self.pool.name,
                    f"{waiting:,}",
                    seconds_text(RECONNECT_SECONDS),
                )
                close_client(broken)
                self.monitor = PoolMonitor(self.pool, self._reconnect())
                log.warning("the link to %s is back; what is not done begins again", self.pool.name)

    def _reconnect(self) -> Any:
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
        """Close the client."""
        close_client(self.client)


def close_client(client: Any) -> None:
    """Close a client, whether or not its scheduler still answers."""
    with suppress(Exception):
        client.close(timeout=1)


class PoolMonitor:
    """Checks a pool through one client: has it usable workers, and do new ones have the same software."""

    def __init__(self, pool: Pool, client: Any) -> None:
        self.client, self._pool = client, pool
        self._handshake: HandshakeThread | None = None
        self._frozen = FrozenWorkers(client, CHECK_SECONDS)
        self._known: set[str] = set()
        self._empty_since = self._warned_at = 0.0

    def check(self, waiting: int) -> Mapping[str, Any]:
        """The workers by address; `waiting` tasks are unfinished.

        Raises SoftwareMismatch for a new worker with other software, SettingError if the pool has had no usable worker
        for longer than `wait`, ConnectionLost if the scheduler does not answer.
        """
        workers = self.client.scheduler_info(n_workers=-1)["workers"]
        if self.client.status != "running":
            raise ConnectionLost
        self._frozen.check(workers)
        self._start_handshake({address: str(worker["name"]) for address, worker in workers.items()})
        if any(map(_works, workers.values())):
            self._empty_since = self._warned_at = 0.0
        else:
            self._check_empty(time.monotonic(), waiting, len(workers))
        return dict(workers)

    def _start_handshake(self, workers: dict[str, str]) -> None:
        if self._handshake and not self._handshake.is_alive():
            self._handshake.raise_error()
            self._handshake = None
        if not self._handshake:
            new = {address: name for address, name in workers.items() if address not in self._known}
            self._known = set(workers)
            self._handshake = HandshakeThread(self.client, new) if new else None

    def await_handshake(self) -> None:
        """Wait for the running handshake, in which a worker may be frozen. Raises SoftwareMismatch."""
        if self._handshake:
            while self._handshake.is_alive():
                self._handshake.join(CHECK_SECONDS)
                self._frozen.check(self.client.scheduler_info(n_workers=-1)["workers"])
            self._handshake.raise_error()
            self._handshake = None

    def _check_empty(self, now: float, waiting: int, paused: int) -> None:
        self._empty_since = self._empty_since or now
        state = "all workers are paused: their memory is full" if paused else "no workers"
        if now - self._empty_since >= self._pool.wait:
            tasks = f" while {waiting:,} tasks wait" if waiting else ""
            raise SettingError(
                f"{self._pool.name}: {state} for {seconds_text(self._pool.wait)}{tasks}; {self._pool.remedy}, and run "
                "this again: what is done stays"
            )
        if now - self._warned_at >= WARN_SECONDS:
            left = seconds_text(self._empty_since + self._pool.wait - now)
            log.warning("%s: %s; waiting for %s more", self._pool.name, state, left)
            self._warned_at = now


class HandshakeThread(threading.Thread):
    """A handshake in a thread of its own, as a worker that is just dying may delay it by a minute."""

    def __init__(self, client: Any, workers: Mapping[str, str]) -> None:
        super().__init__(name="handshake", daemon=True)
        self._client, self._workers = client, workers
        self._error: SoftwareMismatch | None = None
        self.start()

    def run(self) -> None:
        """Do the handshake; a connection that breaks meanwhile is noticed elsewhere."""
        try:
            with suppress(OSError):
                check_workers(self._client, self._workers)
        except SoftwareMismatch as error:
            self._error = error

    def raise_error(self) -> None:
        """Raise the handshake's SoftwareMismatch, if there was one."""
        if self._error:
            raise self._error


def _works(worker: Mapping[str, Any]) -> bool:
    """Whether a worker accepts tasks, or runs some."""
    counts = worker.get("metrics", {}).get("task_counts", {})
    return worker.get("status") != "paused" or bool(counts.get("executing") or counts.get("long-running"))


def await_workers(link: Link) -> Mapping[str, Any]:
    """Wait for the pool's first workers; return them after the handshake with them and the scheduler.

    Raises SoftwareMismatch, or SettingError if none came in time.
    """
    check_scheduler(link.client)
    workers, call, pause = link.monitor.check(0), None, 0.05
    while not workers:
        call = call or link.client.submit(abs, -1, pure=False)  # a pool that adapts has workers where there are tasks
        time.sleep(pause)
        pause = min(2 * pause, CHECK_SECONDS)
        workers = link.monitor.check(0)
    link.monitor.await_handshake()
    return workers

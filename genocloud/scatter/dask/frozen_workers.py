"""Dask workers that are frozen: noticed by their missing heartbeats, named, and removed, so that their tasks move."""

import logging
import math
import threading
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from genocloud.children import frozen_seconds
from genocloud.scatter.dask.handshake import worker_name

log = logging.getLogger(__name__)

NANNY_SECONDS = 10
"""A nanny has so long to kill its frozen worker; one that is frozen itself is given up with it."""


class Frozen:
    """Counts, for each worker of one client's scheduler, the looks in a row that saw no new heartbeat.

    Looks and not seconds: a client that was stopped itself, and goes on, has missed all heartbeats.
    """

    def __init__(self, client: Any, look_seconds: float) -> None:
        self._client = client
        self._seconds = frozen_seconds()
        self._most = math.ceil(self._seconds / look_seconds)
        self._seen: dict[str, tuple[float, int]] = {}

    def look(self, workers: Mapping[str, Any]) -> None:
        """Count; remove who has shown no life for too long."""
        seen = {}
        for address, worker in workers.items():
            last, looks = self._seen.get(address, (math.nan, 0))
            seen[address] = worker["last_seen"], looks + 1 if worker["last_seen"] == last else 0
        self._seen = seen
        frozen = [address for address, (_, looks) in seen.items() if looks == self._most]
        if frozen:
            names = [worker_name(str(workers[address]["name"]), address) for address in frozen]
            log.warning(
                "no life from %s for %.0f s (stopped, or its machine is): its tasks move to others",
                ", ".join(names),
                self._seconds,
            )
            threading.Thread(target=self._remove, args=(frozen,), name="frozen", daemon=True).start()

    def _remove(self, frozen: list[str]) -> None:
        with suppress(OSError):  # a link that breaks meanwhile is noticed by others
            self._client.run_on_scheduler(_restart, addresses=frozen)


async def _restart(dask_scheduler: Any, addresses: list[str]) -> None:
    """On the scheduler: have the workers killed by their nannies, which start others; forget those without."""
    await dask_scheduler.restart_workers(
        addresses, timeout=NANNY_SECONDS, wait_for_workers=False, on_error="return", stimulus_id="genocloud-frozen"
    )

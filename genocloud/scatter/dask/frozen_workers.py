"""Detect frozen Dask workers by missing heartbeats and restart them, so that their tasks move to others."""

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
"""Timeout of a nanny that kills its frozen worker; a frozen nanny is removed together with its worker."""


class FrozenWorkers:
    """Counts, for each worker of a scheduler, the checks in a row without a new heartbeat.

    Checks and not seconds: a client that was itself stopped for a while has missed all heartbeats.
    """

    def __init__(self, client: Any, check_seconds: float) -> None:
        self._client = client
        self._seconds = frozen_seconds()
        self._most = math.ceil(self._seconds / check_seconds)
        self._seen: dict[str, tuple[float, int]] = {}

    def check(self, workers: Mapping[str, Any]) -> None:
        """Count; restart workers without a heartbeat for too long."""
        seen = {}
        for address, worker in workers.items():
            last, checks = self._seen.get(address, (math.nan, 0))
            seen[address] = worker["last_seen"], checks + 1 if worker["last_seen"] == last else 0
        self._seen = seen
        frozen = [address for address, (_, checks) in seen.items() if checks == self._most]
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
    """On the scheduler: let nannies restart the workers; remove workers whose nanny does not answer."""
    await dask_scheduler.restart_workers(
        addresses, timeout=NANNY_SECONDS, wait_for_workers=False, on_error="return", stimulus_id="genocloud-frozen"
    )

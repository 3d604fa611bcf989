"""Dask settings: comm timeouts that survive a 30 s network cut, and quiet logging.

Settings that the user has made stay.
"""

import logging
from typing import Any

TCP_SECONDS = 120
"""A shorter network cut only delays: TCP retransmits. Dask's own 30 s would break every connection in a cut of half a
minute. A machine that dies silently is noticed after as long."""

CONNECT_SECONDS = 60
"""Timeout of a new connection: long enough for workers that start during a network cut."""


def raise_comm_timeouts() -> None:
    """Set the comm timeouts in this process and those that it starts."""
    import dask
    import distributed  # noqa: F401  (its defaults are what is replaced)

    timeouts = {"tcp": f"{TCP_SECONDS}s", "connect": f"{CONNECT_SECONDS}s"}
    dask.config.update_defaults({"distributed": {"comm": {"timeouts": timeouts}}})


def quiet_dask() -> None:
    """In this process: keep dask from logging lost connections and failed tasks, which genocloud reports itself."""
    logging.getLogger("distributed").setLevel(logging.WARNING)
    for name in ("distributed.client", "distributed.utils", "distributed.core", "distributed.comm"):
        logging.getLogger(name).setLevel(logging.CRITICAL)


def quiet_nannies() -> None:
    """In a process that ends: do not log that workers with running tasks are killed."""
    logging.getLogger("distributed.nanny").setLevel(logging.CRITICAL)


def worker_log_config(level: str) -> dict[str, Any]:
    """The dask setting for a process that starts workers: they log from `level` on, but not how they end."""
    levels = {"distributed": level, "distributed.nanny": "critical", "distributed.core": "critical"}
    return {"distributed.nanny.pre-spawn-environ.DASK_LOGGING": repr(levels)}

"""What Dask may say on stderr: only what nobody else here says better."""

import logging
from typing import Any


def quiet_dask() -> None:
    """In this process: lost links and failed tasks are told by those who mend them."""
    logging.getLogger("distributed").setLevel(logging.WARNING)
    for name in ("distributed.client", "distributed.utils", "distributed.core", "distributed.comm"):
        logging.getLogger(name).setLevel(logging.CRITICAL)


def quiet_nannies() -> None:
    """In a process that ends: workers whose tasks still run are killed, which is as it should be."""
    logging.getLogger("distributed.nanny").setLevel(logging.CRITICAL)


def quiet_workers(level: str) -> dict[str, Any]:
    """Settings of dask for those who start workers: their processes log from a level on, their last words never."""
    levels = {"distributed": level, "distributed.nanny": "critical", "distributed.core": "critical"}
    return {"distributed.nanny.pre-spawn-environ.DASK_LOGGING": repr(levels)}

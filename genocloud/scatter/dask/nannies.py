"""Dask workers end with the nanny that started them, also those that are stopped or busy in C."""

import os
from typing import Any

from genocloud.children import end_with_parent


def preloaded() -> dict[str, Any]:
    """The setting of dask by which the workers that this process starts load this module, beside the user's own."""
    import dask

    return {"distributed.worker.preload": [*dask.config.get("distributed.worker.preload", []), __name__]}


def dask_setup(_worker: Any) -> None:
    """In a worker: as dask calls it before the first task."""
    end_with_parent(os.getppid())

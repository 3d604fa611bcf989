"""Let Dask workers end with their nanny, also those that are stopped or busy in C code."""

import os
from typing import Any

from genocloud.children import end_with_parent


def preloaded() -> dict[str, Any]:
    """The dask setting that preloads this module in workers that this process starts, beside the user's preloads."""
    import dask

    return {"distributed.worker.preload": [*dask.config.get("distributed.worker.preload", []), __name__]}


def dask_setup(_worker: Any) -> None:
    """Dask's preload hook: runs in a worker before its first task."""
    end_with_parent(os.getppid())

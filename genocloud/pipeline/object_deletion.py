"""Delete objects of a store so that a kill at any time leaves it readable."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import groupby

from genocloud import storage
from genocloud.cohort.garbage import AT_ONCE
from genocloud.scatter.progress import Progress


def delete_objects(store: storage.Store, names: Sequence[str], progress: Progress) -> None:
    """Remove objects so that a kill at any time leaves a readable store.

    Versions and receipts, which refer to other objects, go in order; objects between these in parallel.
    """
    with (
        progress.stage("delete", tasks=len(names), unit="object") as stage,
        ThreadPoolExecutor(AT_ONCE) as pool,
    ):
        for in_order, run in groupby(names, key=_is_json):
            for _ in map(store.delete, run) if in_order else pool.map(store.delete, run):
                stage.advance(tasks=1)


def _is_json(name: str) -> bool:
    return name.endswith(".json")

"""collect: remove objects of a cohort's store that no kept version needs."""

import time
from collections.abc import Sequence
from itertools import groupby

from genocloud import cohort, storage
from genocloud.cohort.garbage import (
    OLD,
    OUTDATED,
    UNUSED,
    find_garbage,
    last_modified,
    receipts_first,
    total_bytes,
)
from genocloud.pipeline.cached_tables import cached_folders
from genocloud.pipeline.object_deletion import delete_objects
from genocloud.pipeline.receipts import Receipt, receipt_of
from genocloud.scatter.progress import Progress

DRAFTS = "drafts of killed writers"


def collect(
    cohort_url: str,
    *,
    keep: int | None,
    older_than_hours: float,
    progress: Progress,
    dry_run: bool = False,
) -> Receipt:
    """Remove versions but the newest `keep` (None: keep all), and what the kept ones do not need.

    A version goes when another one has been the newest for `older_than_hours`. `dry_run`: only report. The balance is
    in objects; a dry run does not know of drafts. Raises StoreError.
    """
    with receipt_of("collect") as receipt:
        latest = cohort.open_cohort(cohort_url)
        store = storage.open_store(cohort_url)
        there = len(store.list())
        before = time.time() - older_than_hours * 3600
        garbage = find_garbage(store, keep, cached_folders, before)
        sizes = {reason: total_bytes(store, names) for reason, names in garbage.items()}
        drafts: Sequence[str] = ()
        if not dry_run:
            delete_objects(store, [*garbage[OLD], *garbage[OUTDATED]], progress)
            garbage[UNUSED] = _delete_batches(store, garbage[UNUSED], before, progress)
            drafts = store.sweep(older_than_hours * 3600)
        receipt.figures = {
            "cohort_version": latest.version,
            "dry_run": dry_run,
            "bytes": sizes,
            "freed_bytes": sum(sizes.values()),
            DRAFTS: len(drafts),
        }
        dropped = {reason: len(names) for reason, names in garbage.items()}
        receipt.balanced("objects", there, there - sum(dropped.values()), dropped)
    return receipt


def _delete_batches(store: storage.Store, names: Sequence[str], before: float, progress: Progress) -> list[str]:
    """Remove batches, except any that a writer has reused since it was listed (find_batch renews its time)."""
    gone: list[str] = []
    for _, batch in groupby(sorted(names), key=lambda name: name.split("/")[1]):
        there = receipts_first(batch)
        if last_modified(store, there) <= before:
            delete_objects(store, there, progress)
            gone += there
    return gone

"""Find garbage: older versions, and batches and derived tables that no kept version needs."""

from collections.abc import Callable, Collection, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import groupby, pairwise

from genocloud.cohort.batch import receipt_name
from genocloud.cohort.manifest import NAME, Cohort, manifest_names, open_cohort, versions
from genocloud.storage import ObjectMissing, Store

AT_ONCE = 16
"""Concurrent requests to the store: a bucket takes some 30 ms for each."""

OLD, UNUSED, OUTDATED = "older versions", "batches that no version needs", "tables derived from no version"
"""Reasons for which objects are deleted."""


def find_garbage(
    store: Store, keep: int | None, derived_folders: Callable[[Cohort], Collection[str]], before: float
) -> dict[str, list[str]]:
    """Objects to delete, by reason, in an order that leaves no version without its batches.

    keep             how many of the newest versions stay (None: all)
    derived_folders  the folders of tables derived from a version or from one of its batches
    before           seconds since the epoch; later objects stay, as a running writer's batch is in no version yet,
                     and so does a version that was superseded later
    """
    old = _old_versions(store, keep, before)
    dropped = [open_cohort(store.url, version) for version in old]
    kept = [open_cohort(store.url, version) for version in versions(store) if version not in old]
    needed = {folder for cohort in kept for folder in derived_folders(cohort)}
    tables = [names for folder, names in _folders(store, "derived").items() if folder not in needed]
    derived = [name for names in tables if last_modified(store, names) <= before for name in names]
    batches = receipts_first(_spare_batches(store, kept, dropped, before))
    manifests = [name for version in old for name in manifest_names(store, version)]
    return {OLD: manifests, OUTDATED: derived, UNUSED: batches}


def _spare_batches(store: Store, kept: Sequence[Cohort], dropped: Sequence[Cohort], before: float) -> list[str]:
    """Objects of batches that no kept version has.

    Batches that no version has are all kept while one of their objects is recent: an ingest of thousands of samples
    takes days, and commits its batches at the end.
    """
    needed, used = ({batch.id for cohort in cohorts for batch in cohort.batches} for cohorts in (kept, dropped))
    spare = {key: names for key, names in _folders(store, "batches").items() if key not in needed}
    strangers = [name for key, names in spare.items() if key not in used for name in names]
    strangers = strangers if last_modified(store, strangers) <= before else []
    known = [names for key, names in spare.items() if key in used]
    return strangers + [name for names in known if last_modified(store, names) <= before for name in names]


def _folders(store: Store, folder: str) -> dict[str, list[str]]:
    """Objects of a folder, by subfolder."""
    by_folder = groupby(store.list(f"{folder}/"), key=lambda name: name.split("/")[1])
    return {key: list(names) for key, names in by_folder}


def receipts_first(names: Iterable[str]) -> list[str]:
    """Objects of batches in the order of deletion: without its receipt, a batch is incomplete."""
    return sorted(names, key=lambda name: (name != receipt_name(name.split("/")[1]), name))


def _old_versions(store: Store, keep: int | None, before: float) -> list[int]:
    there = versions(store)
    droppable = [] if keep is None else there[:-keep]
    successors = dict(pairwise(there))
    return [version for version in droppable if store.modified(NAME.format(successors[version])) <= before]


def last_modified(store: Store, names: Iterable[str]) -> float:
    """Latest modification time of some objects, in seconds since the epoch."""
    return max(_query_all(store.modified, names), default=0.0)


def total_bytes(store: Store, names: Iterable[str]) -> int:
    """Total size of some objects."""
    return int(sum(_query_all(store.size, names)))


def _query_all(query: Callable[[str], float], names: Iterable[str]) -> list[float]:
    """Query the store for each object concurrently; 0 for one that is missing."""

    def result(name: str) -> float:
        try:
            return query(name)
        except ObjectMissing:
            return 0

    with ThreadPoolExecutor(AT_ONCE) as pool:
        return list(pool.map(result, names))

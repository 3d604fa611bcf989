"""What no kept version of a cohort needs: older versions, batches, derived tables."""

from collections.abc import Callable, Collection, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import groupby, pairwise

from genocloud.cohort.batch import receipt_name
from genocloud.cohort.manifest import NAME, Cohort, manifest_names, open_cohort, versions
from genocloud.storage import ObjectMissing, Store

AT_ONCE = 16
"""Questions to the store at a time: a bucket needs some 30 ms for each."""

OLD, UNUSED, OUTDATED = "older versions", "batches that no version needs", "tables derived from no version"
"""Why objects are dropped."""


def find_garbage(
    store: Store, keep: int | None, derived_folders: Callable[[Cohort], Collection[str]], before: float
) -> dict[str, list[str]]:
    """The objects that can go, by reason; in this order, so that no version is left without its batches.

    `keep`: how many of the newest versions stay (None: all). `derived_folders` names the folders of what is derived
    from a version or from one of its batches. What was written after `before` (seconds since the epoch) stays, as a
    running writer's batch is in no version yet; and so does a version that was the newest until after that.
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
    """The objects of batches that no kept version has.

    Those that no version has at all stay together as long as one of them is young: an ingest of thousands takes days,
    and puts its batches in force all at once.
    """
    needed, used = ({batch.id for cohort in cohorts for batch in cohort.batches} for cohorts in (kept, dropped))
    spare = {key: names for key, names in _folders(store, "batches").items() if key not in needed}
    strangers = [name for key, names in spare.items() if key not in used for name in names]
    strangers = strangers if last_modified(store, strangers) <= before else []
    known = [names for key, names in spare.items() if key in used]
    return strangers + [name for names in known if last_modified(store, names) <= before for name in names]


def _folders(store: Store, folder: str) -> dict[str, list[str]]:
    """The objects of a folder, by the folder in it where they are."""
    by_folder = groupby(store.list(f"{folder}/"), key=lambda name: name.split("/")[1])
    return {key: list(names) for key, names in by_folder}


def receipts_first(names: Iterable[str]) -> list[str]:
    """Objects of batches in the order to delete them in: without its receipt, a batch is none any more."""
    return sorted(names, key=lambda name: (name != receipt_name(name.split("/")[1]), name))


def _old_versions(store: Store, keep: int | None, before: float) -> list[int]:
    there = versions(store)
    droppable = [] if keep is None else there[:-keep]
    successors = dict(pairwise(there))
    return [version for version in droppable if store.modified(NAME.format(successors[version])) <= before]


def last_modified(store: Store, names: Iterable[str]) -> float:
    """When the youngest of some objects was written, in seconds since the epoch."""
    return max(_query_all(store.modified, names), default=0.0)


def total_bytes(store: Store, names: Iterable[str]) -> int:
    """How large some objects are together."""
    return int(sum(_query_all(store.size, names)))


def _query_all(query: Callable[[str], float], names: Iterable[str]) -> list[float]:
    """The answers for some objects; 0 for one that has just gone."""

    def result(name: str) -> float:
        try:
            return query(name)
        except ObjectMissing:
            return 0

    with ThreadPoolExecutor(AT_ONCE) as pool:
        return list(pool.map(result, names))

"""erase: remove a person who withdraws consent from a cohort for good, and search the store to prove it."""

from collections.abc import Sequence

from genocloud import callset, storage
from genocloud.callset.layout import BATCH_FOLDERS
from genocloud.cohort import erasing, open_cohort
from genocloud.cohort.erasing import Erasure
from genocloud.errors import StoreError
from genocloud.pipeline.callset_registry import registered, registered_elsewhere
from genocloud.pipeline.erasure import complete_erasure
from genocloud.pipeline.receipts import Receipt, receipt_of
from genocloud.scatter.executors import Scatter
from genocloud.scatter.progress import Progress

NOT_REACHED = (
    "Not reached: object versions that a bucket keeps, backups and snapshots, gVCFs and reads, sample sheets, exported "
    "files, copies of the cohort, and what a hybrid run left beside it (STORE/samples.tsv, STORE/errors)."
)


def erase(
    cohort_url: str, sample: str, *, callsets: Sequence[str], sure: bool, scatter: Scatter, progress: Progress
) -> Receipt:
    """Rewrite the batches that hold a person, delete every version and cached table that did, and search the store.

    `callsets` are URLs to check in addition to the cohort's registry. Unless `sure`, only report what would be done. A
    killed erasure of any sample is completed first. No other process may write to the cohort meanwhile: unfinished
    batches are removed. The balance is in objects searched. Raises NoCallset for a named
    URL without one, NothingToErase, InForceAsOther, SameFiles, StillThere or another StoreError.
    """
    with receipt_of("erase") as receipt:
        for url in callsets:
            _check_callset(url)
        store = storage.open_store(cohort_url)
        before = erasing.begun(store)
        if sure and before:
            searched = complete_erasure(store, before, scatter, progress)
        erasure = before if before and before.sample == sample else erasing.trace(store, sample)
        receipt.figures = _figures(store, erasure, callsets) | {"done": sure}
        if erasure is not before:
            erasing.plan_erase(erasure, open_cohort(store.url))  # what it refuses has not begun
            if sure:
                erasing.begin(store, erasure)
                searched = complete_erasure(store, erasure, scatter, progress)
        if sure:
            receipt.figures |= {"searched_bytes": sum(one.bytes for one in searched), "hits": 0}
            receipt.balanced("objects searched", len(searched), len(searched), {})
    return receipt


def _check_callset(url: str) -> None:
    """Raise NoCallset where not even an unfinished callset lies; one that cannot be read will be named as such."""
    try:
        if not any(storage.open_store(url).list(f"{folder}/") for folder in BATCH_FOLDERS):
            callset.open_callset(url)
    except callset.NoCallset:
        raise
    except StoreError:
        pass


def _figures(store: storage.Store, erasure: Erasure, callsets: Sequence[str]) -> dict[str, object]:
    """The receipt's figures: the sample, the objects concerned, and what is not reached."""
    urls = dict.fromkeys([*registered(store), *(storage.open_store(url).url for url in callsets)])
    return {
        "sample": erasure.sample,
        "batches": len(erasure.places),
        "versions": sum(name.endswith(".json") for name in erasing.tainted_versions(store, erasure)),
        "objects": len(erasing.tainted_objects(store, erasure)),
        "searched_for": list(erasure.needles),
        "not_searched_for_as_others_have_it": list(erasure.shared),
        "others_with_a_name_or_file_of_theirs": list(erasure.namesakes),
        "callsets_that_hold_them": [
            *(url for url in urls if _holds(url, erasure)),
            *registered_elsewhere(store),
        ],
        "not_reached": NOT_REACHED,
    }


def _holds(url: str, erasure: Erasure) -> bool:
    """Whether a callset holds the person; true for one that cannot be read, to be on the safe side."""
    try:
        return callset.holds(storage.open_store(url), erasure.needles, erasure.places)
    except StoreError:
        return True

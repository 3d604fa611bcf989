"""erase: remove a person who withdraws consent from a cohort for good, and search the store to prove it."""

from collections.abc import Sequence
from dataclasses import dataclass

from genocloud import callset, cohort, storage
from genocloud.callset.layout import GENOTYPES_FOLDER
from genocloud.cohort import erasing
from genocloud.cohort.erasing import Erasure
from genocloud.cohort.garbage import receipts_first
from genocloud.cohort.searching import search
from genocloud.errors import StoreError, first_of
from genocloud.pipeline.batch_rewriting import rewrite
from genocloud.pipeline.callset_registry import registered, registered_elsewhere
from genocloud.pipeline.receipts import Receipt, receipt_of
from genocloud.scatter.executors import Scatter
from genocloud.scatter.progress import Progress
from genocloud.steps.collect import delete

NOT_REACHED = (
    "Not reached: object versions that a bucket keeps, backups and snapshots, gVCFs and reads, sample sheets, exported "
    "files, copies of the cohort, and what a hybrid run left beside it (STORE/samples.tsv, STORE/errors)."
)


class StillThere(StoreError):
    """Objects that still hold an erased sample."""

    def __init__(self, url: str, sample: str, names: Sequence[str]) -> None:
        self.url, self.sample, self.names = url, sample, tuple(names)
        super().__init__(
            f"{url}: sample {sample} is still in {first_of(self.names)}; if somebody wrote there meanwhile, "
            "run this again; remove by hand what genocloud did not write"
        )


@dataclass(frozen=True)
class _Task:
    cohort_url: str
    name: str
    needles: tuple[str, ...]


@dataclass(frozen=True)
class _Searched:
    name: str
    bytes: int
    hits: tuple[str, ...]


def erase(
    cohort_url: str, sample: str, callsets: Sequence[str], sure: bool, scatter: Scatter, progress: Progress
) -> Receipt:
    """Rewrite the batches that hold a person, delete every version and cached table that did, and search the store.

    `callsets` are URLs to check in addition to the cohort's registry. Unless `sure`, only report what would be done. A
    killed erasure of any sample is completed first. No other process may write to the cohort meanwhile: unfinished
    batches are removed. The balance is in objects searched. Raises NoCallset for a given
    URL without one, NothingToErase, InForceAsOther, StillThere or another StoreError.
    """
    with receipt_of("erase") as receipt:
        for url in callsets:
            _check_callset(url)
        store = storage.open_store(cohort_url)
        before = erasing.begun(store)
        if sure and before:
            searched = _complete(store, before, scatter, progress)
        erasure = before if before and before.sample == sample else erasing.trace(store, sample)
        receipt.figures = _figures(store, erasure, callsets) | {"done": sure}
        if sure and erasure is not before:
            erasing.begin(store, erasure)
            searched = _complete(store, erasure, scatter, progress)
        if sure:
            receipt.figures |= {"searched_bytes": sum(one.bytes for one in searched), "hits": 0}
            receipt.balanced("objects searched", len(searched), len(searched), {})
    return receipt


def _check_callset(url: str) -> None:
    """Raise NoCallset where not even an unfinished callset lies; one that cannot be read will be named as such."""
    try:
        if not storage.open_store(url).list(f"{GENOTYPES_FOLDER}/"):
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


def _complete(store: storage.Store, erasure: Erasure, scatter: Scatter, progress: Progress) -> list[_Searched]:
    """Complete an erasure that has begun, from any state; raises StillThere."""
    _rewrite(store, erasure, scatter, progress)
    tainted = erasing.tainted_objects(store, erasure)
    derived = [name for name in tainted if name.startswith("derived/")]
    batches = receipts_first(name for name in tainted if name.startswith("batches/"))
    delete(store, [*erasing.tainted_versions(store, erasure), *derived, *batches], progress)
    store.sweep(0)
    names = [name for name in store.list() if name != erasing.JOURNAL]
    tasks = [_Task(store.url, name, erasure.needles) for name in names]
    with progress.stage("search", tasks=len(tasks), unit="object") as stage:
        searched = scatter.run(_search, tasks, lambda one: stage.advance(tasks=1, bytes=one.bytes))
    if hits := [one.name for one in searched if one.hits]:
        raise StillThere(store.url, erasure.sample, hits)
    store.delete(erasing.JOURNAL)
    return searched


def _rewrite(store: storage.Store, erasure: Erasure, scatter: Scatter, progress: Progress) -> None:
    """Move all other samples of the latest version to new batches."""
    latest = cohort.open_cohort(store.url)
    planned = erasing.plan_erase(erasure, latest)
    made = rewrite(latest, planned, scatter, progress)
    current = {(person.batch, person.place) for person in latest.people()}
    moves = {old: new for each in planned for old, new in each.moves.items() if old in current}
    cohort.move(store, made, moves, erasure.gone)


def _search(task: _Task) -> _Searched:
    store = storage.open_store(task.cohort_url)
    try:
        hits = search(store, task.name, task.needles)
        return _Searched(task.name, store.size(task.name), tuple(hits))
    except (storage.ObjectMissing, cohort.DamagedObject):
        if store.exists(task.name):  # else another process removed it since
            raise
    return _Searched(task.name, 0, ())

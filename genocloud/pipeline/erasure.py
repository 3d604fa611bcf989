"""Complete an erasure that has begun: rewrite batches, delete, and search what is left."""

from collections.abc import Sequence
from dataclasses import dataclass

from genocloud import cohort, storage
from genocloud.cohort import erasing
from genocloud.cohort.erasing import Erasure
from genocloud.cohort.garbage import receipts_first
from genocloud.cohort.searching import search
from genocloud.errors import StoreError, first_of
from genocloud.pipeline.batch_rewriting import rewrite
from genocloud.pipeline.object_deletion import delete_objects
from genocloud.scatter.executors import Scatter
from genocloud.scatter.progress import Progress


class StillThere(StoreError):
    """Objects that still hold an erased sample."""

    def __init__(self, url: str, sample: str, names: Sequence[str]) -> None:
        self.url, self.sample, self.names = url, sample, tuple(names)
        super().__init__(
            f"{url}: sample {sample} is still in {first_of(self.names)}; if somebody wrote there meanwhile, "
            "run this again; remove by hand what genocloud did not write"
        )


@dataclass(frozen=True)
class _SearchTask:
    cohort_url: str
    name: str
    needles: tuple[str, ...]


@dataclass(frozen=True)
class Searched:
    """An object that was searched, and the hits in it."""

    name: str
    bytes: int
    hits: tuple[str, ...]


def complete_erasure(store: storage.Store, erasure: Erasure, scatter: Scatter, progress: Progress) -> list[Searched]:
    """Complete an erasure that has begun, from any state; raises StillThere."""
    _rewrite(store, erasure, scatter, progress)
    tainted = erasing.tainted_objects(store, erasure)
    derived = [name for name in tainted if name.startswith("derived/")]
    batches = receipts_first(name for name in tainted if name.startswith("batches/"))
    delete_objects(store, [*erasing.tainted_versions(store, erasure), *derived, *batches], progress)
    store.sweep(0)
    names = [name for name in store.list() if name != erasing.JOURNAL]
    tasks = [_SearchTask(store.url, name, erasure.needles) for name in names]
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


def _search(task: _SearchTask) -> Searched:
    store = storage.open_store(task.cohort_url)
    try:
        hits = search(store, task.name, task.needles)
        return Searched(task.name, store.size(task.name), tuple(hits))
    except (storage.ObjectMissing, cohort.DamagedObject):
        if store.exists(task.name):  # else another process removed it since
            raise
    return Searched(task.name, 0, ())

"""Rewrite a cohort's batches part by part in any executor: shared by compact and erase."""

from collections.abc import Sequence
from dataclasses import dataclass

from genocloud import storage
from genocloud.cohort import BatchReceipt, Cohort, PartReceipt, open_cohort
from genocloud.cohort.batch import find_batch
from genocloud.cohort.batch_copying import Rewriting, finish, rewrite_part
from genocloud.regions import Part
from genocloud.scatter.executors import Scatter
from genocloud.scatter.progress import Progress


@dataclass(frozen=True, kw_only=True)
class _RewriteTask:
    cohort_url: str
    version: int
    made: Rewriting
    part: Part


@dataclass(frozen=True)
class _Done:
    """The objects written for one part of a new batch, and the bytes read."""

    parts: tuple[PartReceipt, ...]
    read: int


def rewrite(cohort: Cohort, planned: Sequence[Rewriting], scatter: Scatter, progress: Progress) -> list[BatchReceipt]:
    """Write the planned batches, reusing those that a killed run finished; no version of the cohort has them yet."""
    store = storage.open_store(cohort.url)
    there = {made.id: find_batch(store, made.id) for made in planned}
    missing = [made for made in planned if there[made.id] is None]
    layout = cohort.layout.parts()
    tasks = [
        _RewriteTask(cohort_url=cohort.url, version=cohort.version, made=made, part=part)
        for made in missing
        for part in layout
    ]
    expected = sum(
        _bytes(receipts, part) for made in missing for receipts in [_sources(cohort, made)] for part in layout
    )
    with progress.stage("rewrite", tasks=len(tasks), bytes=expected, unit="part") as stage:
        done = scatter.run(_rewrite_part, tasks, lambda one: stage.advance(tasks=1, bytes=one.read))
    for number, made in enumerate(missing):
        parts = done[number * len(layout) : (number + 1) * len(layout)]
        objects_written = [each for one in parts for each in one.parts]
        there[made.id] = finish(store, made, _sources(cohort, made), objects_written)
    return [receipt for receipt in there.values() if receipt]


def _rewrite_part(task: _RewriteTask) -> _Done:
    cohort = open_cohort(task.cohort_url, task.version)
    receipts = _sources(cohort, task.made)
    store = storage.open_store(task.cohort_url)
    parts = rewrite_part(store, task.made, receipts, cohort.layout, task.part)
    return _Done(parts, _bytes(receipts, task.part))


def _sources(cohort: Cohort, made: Rewriting) -> dict[str, BatchReceipt]:
    """Receipts of the batches that a new batch takes samples from, by id."""
    wanted = {person.batch for person in made.people}
    return {batch.id: cohort.receipt(batch) for batch in cohort.batches if batch.id in wanted}


def _bytes(receipts: dict[str, BatchReceipt], part: Part) -> int:
    return sum(each.bytes for receipt in receipts.values() for each in receipt.parts if each.name == part.name)

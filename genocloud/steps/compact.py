"""compact: merge a cohort's small batches into large ones, without the rows of removed samples."""

from collections.abc import Sequence

from genocloud import cohort, storage
from genocloud.cohort.batch import receipt_name
from genocloud.cohort.batch_copying import Rewriting, plan_compact
from genocloud.cohort.garbage import receipts_first
from genocloud.pipeline.batch_rewriting import rewrite
from genocloud.pipeline.cached_tables import cohort_inputs
from genocloud.pipeline.receipts import Receipt, receipt_of
from genocloud.scatter.executors import Scatter
from genocloud.scatter.progress import Progress


def compact(cohort_url: str, *, batch_size: int, scatter: Scatter, progress: Progress) -> Receipt:
    """Merge the batches with few active samples, as one new version; the balance is in samples.

    What the old batches held stays until `collect` drops the versions that need them. Raises StoreError, also where
    a moved sample was removed meanwhile.
    """
    with receipt_of("compact") as receipt:
        before = cohort.open_cohort(cohort_url)
        store = storage.open_store(cohort_url)
        planned = plan_compact(before, batch_size)
        made = rewrite(before, planned, scatter, progress)
        moves = {old: new for each in planned for old, new in each.moves.items()}
        try:
            now = cohort.move(store, made, moves)
        except cohort.ChangedMeanwhile:
            _discard_erased(store, planned)
            raise
        receipt.inputs = cohort_inputs(before)
        receipt.figures = {
            "cohort_version": now.version,
            "batches": {"before": len(before.batches), "after": len(now.batches), "made": len(made)},
            "records": sum(each.read for each in made),
        }
        receipt.balanced("samples", len(moves), sum(len(each.samples) for each in made), {})
    return receipt


def _discard_erased(store: storage.Store, planned: Sequence[Rewriting]) -> None:
    """Remove new batches whose source is gone from the store because a sample in it was erased meanwhile.

    Others stay for `collect`: another compaction may have made and committed the same batch.
    """
    for made in planned:
        if not all(store.exists(receipt_name(person.batch)) for person in made.people):
            for name in receipts_first(store.list(f"batches/{made.id}/")):
                store.delete(name)

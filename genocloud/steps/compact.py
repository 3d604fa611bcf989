"""compact: merge a cohort's small batches into large ones; rewrite a callset of version 3 as a sparse one."""

from collections.abc import Sequence

from genocloud import callset, cohort, storage
from genocloud.cohort.batch import receipt_name
from genocloud.cohort.batch_copying import Rewriting, plan_compact
from genocloud.cohort.garbage import receipts_first
from genocloud.pipeline.batch_rewriting import rewrite
from genocloud.pipeline.cached_tables import cohort_inputs
from genocloud.pipeline.receipts import Receipt, receipt_of
from genocloud.scatter.executors import Scatter
from genocloud.scatter.progress import Progress


def compact(url: str, *, batch_size: int, scatter: Scatter, progress: Progress) -> Receipt:
    """`compact_callset` where a callset lies, else `compact_cohort`."""
    try:
        callset.open_callset(url)
    except callset.NoCallset:
        if not callset.was_compacted(url):
            return compact_cohort(url, batch_size=batch_size, scatter=scatter, progress=progress)
    return compact_callset(url, scatter=scatter, progress=progress)


def compact_cohort(cohort_url: str, *, batch_size: int, scatter: Scatter, progress: Progress) -> Receipt:
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


def compact_callset(callset_url: str, *, scatter: Scatter, progress: Progress) -> Receipt:
    """Rewrite a callset of version 3 shard by shard, with the same genotypes; the balance is in genotypes.

    It can be read until the end, and a killed run is begun again. Raises NoCallset, DamagedFile, GenotypesElsewhere.
    """
    with receipt_of("compact") as receipt:
        before = callset.open_dense(callset_url)
        receipt.inputs = {shard.sites.name: f"sha256:{shard.sites.sha256}" for shard in before.shards}
        dense = [shard for shard in before.shards if shard.is_dense]
        tasks = [before.of_shard(shard) for shard in dense]
        with progress.stage("compact", tasks=len(tasks), unit="shard") as stage:
            made = scatter.run(callset.compact_shard, tasks, lambda _: stage.advance(tasks=1))
        now = callset.finish_compaction(before, made)
        sizes = {when: _bytes_of_genotypes(each) for when, each in (("before", before), ("after", now))}
        receipt.figures = {"shards": len(made), "bytes_of_genotypes": sizes}
        taken = callset.counts_of(before.description, tuple(dense))["genotypes"]
        receipt.balanced("genotypes", taken, sum(each.cells for each in made), {})
    return receipt


def _bytes_of_genotypes(made: callset.Callset) -> int:
    segments = (each for shard in made.shards for some in shard.genotypes.values() for each in some)
    return sum(file.bytes for each in segments for file in each.tables)

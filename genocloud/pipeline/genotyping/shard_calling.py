"""Call a shard's genotypes in all batches of a stored cohort, or reuse them from an earlier run of the callset."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass

from genocloud import callset, genotypes, schema, storage
from genocloud.cohort import Batch, Cohort, open_cohort
from genocloud.genotypes import Model
from genocloud.pipeline.cached_tables import cohort_key
from genocloud.pipeline.genotyping.batch_cache import site_keys
from genocloud.pipeline.genotyping.genotype_reuse import CallsetShard, call_batch, ensure_batch_genotypes
from genocloud.pipeline.genotyping.row_cache import RowCache
from genocloud.pipeline.genotyping.shard_completion import Segments, annotated, complete
from genocloud.pipeline.genotyping.shard_estimates import merged_in_order
from genocloud.pipeline.genotyping.shard_settling import settled_tables
from genocloud.pipeline.sharding import Shard
from genocloud.scatter.executors import in_threads


@dataclass(frozen=True, kw_only=True)
class CallTask:
    """A shard to be called; `scope` is its plan's, `threads` how many batches are called at a time."""

    cohort_url: str
    version: int
    callset_url: str
    model: Model
    scope: str
    shard: Shard
    threads: int
    dbsnp_url: str | None
    row_cache: RowCache

    def open(self) -> CallsetShard:
        """The shard of the callset, with its cohort and the callset's store."""
        cohort, store = open_cohort(self.cohort_url, self.version), storage.open_store(self.callset_url)
        return CallsetShard(cohort=cohort, store=store, shard=self.shard, model=self.model, row_cache=self.row_cache)


def called_batches(
    cohort: Cohort, shard: Shard, emitted: schema.Settled, model: Model, threads: int, *, row_cache: RowCache
) -> Iterator[tuple[Batch, genotypes.BatchGenotypes, genotypes.RawAnnotations]]:
    """Call every batch at the emitted rows of SETTLED, in the batches' order, in `threads` threads."""

    def call(batch: Batch) -> tuple[Batch, genotypes.BatchGenotypes, genotypes.RawAnnotations]:
        return batch, *call_batch(cohort, batch, shard, emitted, model, row_cache=row_cache)

    return in_threads(call, cohort.batches, threads)


def genotype_batch(pair: tuple[CallTask, int]) -> None:
    """Call or reuse a batch's genotypes in a shard that is not complete; the pair has the batch's number."""
    task, number = pair
    target = task.open()
    cohort, store, key = target.cohort, target.store, _shard_key(target.cohort, task)
    if callset.find_shard(store, task.shard, key, whole=False) is None:
        callset.begin_shard(store, task.shard, key)
        sites = genotypes.emitted(_settled_of(cohort, task))
        keys = site_keys(sites, cohort.layout)
        ensure_batch_genotypes(target, cohort.batches[number], sites, keys)


def _shard_key(cohort: Cohort, task: CallTask) -> str:
    return cohort_key(cohort, asdict(task.model), task.scope, cohort.samples)


def _settled_of(cohort: Cohort, task: CallTask) -> schema.Settled:
    return settled_tables(cohort, task.model, task.scope).read(task.shard, made_by="genotype")


def genotype_shard(task: CallTask) -> callset.ShardEntry:
    """Call or reuse a shard's genotypes, annotate its sites and write them, with few batches in memory at a time.

    Which sites have carriers is known only when every batch has been called and written. The genotypes of a site
    without, which is rare, are then removed.
    """
    target = task.open()
    cohort, store, key = target.cohort, target.store, _shard_key(target.cohort, task)
    written = callset.find_shard(store, task.shard, key)
    if written is not None:
        return written
    settled = _settled_of(cohort, task)
    emitted = genotypes.emitted(settled)
    callset.begin_shard(store, task.shard, key)
    segments, total = ensure_shard_genotypes(target, emitted, task.threads)
    sites = annotated(settled, total, task.shard, layout=cohort.layout, model=task.model, dbsnp_url=task.dbsnp_url)
    return complete(target, key, emitted, sites, segments)


def ensure_shard_genotypes(
    target: CallsetShard, emitted: schema.Settled, threads: int
) -> tuple[Segments, genotypes.RawAnnotations]:
    """`ensure_batch_genotypes` of every batch at emitted rows of SETTLED: segments by batch, merged raw annotations."""
    keys = site_keys(emitted, target.cohort.layout)
    segments: Segments = {}

    def call(batch: Batch) -> genotypes.RawAnnotations:
        segments[batch.id], raw = ensure_batch_genotypes(target, batch, emitted, keys)
        return raw

    return segments, merged_in_order(in_threads(call, target.cohort.batches, threads), genotypes.add)

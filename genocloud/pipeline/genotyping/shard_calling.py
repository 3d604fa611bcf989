"""Call a shard's genotypes in all batches of a stored cohort, or reuse them from an earlier run of the callset."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from genocloud import callset, genotypes, schema, storage
from genocloud.callset.stored_shares import packed, unpacked
from genocloud.cohort import Batch, Cohort, open_cohort
from genocloud.genotypes import Model
from genocloud.pipeline.cached_tables import cohort_key
from genocloud.pipeline.genotyping.batch_cache import Keys, site_keys
from genocloud.pipeline.genotyping.genotype_reuse import CallsetShard, Mask, call_batch, ensure_batch_genotypes
from genocloud.pipeline.genotyping.merging import merged_in_order
from genocloud.pipeline.genotyping.row_cache import RowCache
from genocloud.pipeline.genotyping.shard_completion import Segments, annotated, complete
from genocloud.pipeline.genotyping.shard_settling import settled_tables
from genocloud.pipeline.genotyping.stored_totals import StoredTotal, read_total, write_total
from genocloud.pipeline.sharding import Shard
from genocloud.scatter.executors import in_threads

_KIND = "summed_shares"
"""Sums over all batches are stored as a callset's shares are, which takes a third."""


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
        store_batch(target, cohort.batches[number], genotypes.emitted(_settled_of(cohort, task)))


def store_batch(target: CallsetShard, batch: Batch, emitted: schema.Settled) -> None:
    """Make sure that the callset has a batch's genotypes at emitted rows of SETTLED."""
    keys = site_keys(emitted, target.cohort.layout)
    ensure_batch_genotypes(target, batch, emitted, keys, summed=_summed(_stored_total(target), batch, keys))


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
    """`ensure_batch_genotypes` of every batch at emitted rows of SETTLED: segments by batch, merged raw annotations.

    Sums of an earlier version's samples, at sites that it had, are not made again.
    """
    cohort, keys, segments = target.cohort, site_keys(emitted, target.cohort.layout), Segments()
    earlier = _stored_total(target)

    def call(batch: Batch) -> genotypes.RawAnnotations:
        summed = _summed(earlier, batch, keys)
        segments[batch.id], raw = ensure_batch_genotypes(target, batch, emitted, keys, summed=summed)
        return raw

    def total_of(batches: Sequence[Batch]) -> list[genotypes.RawAnnotations]:
        return [merged_in_order(in_threads(call, batches, threads), genotypes.add)] if batches else []

    counted = [batch for batch in cohort.batches if earlier and earlier.has(batch)]
    totals = total_of(counted)
    if earlier:
        totals = [_with_rest(earlier, totals[0], emitted, keys)]
    totals += total_of([batch for batch in cohort.batches if batch not in counted])
    total = genotypes.add(totals)
    if not (earlier and earlier.cohort.version == cohort.version and schema.are_among(keys, earlier.keys).all()):
        ranks = np.arange(len(cohort.samples), dtype=np.int32)
        table = genotypes.shares_table(total, emitted, ranks).add_column(0, "key", pa.array(keys))
        write_total(cohort, target.shard, _KIND, *_total_settings(target.model), table=packed(table, None))
    return segments, total


def _stored_total(target: CallsetShard) -> StoredTotal | None:
    return read_total(target.cohort, target.shard, _KIND, *_total_settings(target.model))


def _total_settings(model: Model) -> tuple[object, ...]:
    return asdict(model), *genotypes.layout()


def _summed(earlier: StoredTotal | None, batch: Batch, keys: Keys) -> Mask:
    """The sites at which a batch is not counted by an earlier total."""
    return ~schema.are_among(keys, earlier.keys) if earlier and earlier.has(batch) else np.ones(len(keys), np.bool_)


def _with_rest(
    earlier: StoredTotal, rest: genotypes.RawAnnotations, emitted: schema.Settled, keys: Keys
) -> genotypes.RawAnnotations:
    """The earlier total, and its batches' at the sites that it lacks, at all emitted sites."""
    lacks = ~schema.are_among(keys, earlier.keys)
    more = genotypes.shares_table(rest, emitted.filter(pa.array(lacks)).combine_chunks(), earlier.ranks)
    tables = [unpacked(earlier.table, None), more.add_column(0, "key", pa.array(keys[lacks]))]
    table = pa.concat_tables([each.replace_schema_metadata(None) for each in tables], promote_options="permissive")
    rows = pc.index_in(pa.array(keys), value_set=table["key"].combine_chunks())
    return genotypes.shares_of(table.take(rows).combine_chunks(), earlier.ranks)

"""Genotypes of a shard from all batches of a stored cohort: called, or reused from an earlier run of the callset."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass

import pyarrow as pa

from genocloud import callset, cohort, genotypes, storage
from genocloud.genotypes import Model
from genocloud.pipeline.genotyping.batch_cache import site_keys
from genocloud.pipeline.genotyping.genotype_reuse import call_batch, cover
from genocloud.pipeline.genotyping.shard_completion import Segments, annotated, complete
from genocloud.pipeline.genotyping.shard_estimates import added_up
from genocloud.pipeline.genotyping.shard_settling import settled_tables
from genocloud.pipeline.sharding import (
    Shard,
    derived_key,
)
from genocloud.scatter.executors import in_threads


@dataclass(frozen=True)
class CallTask:
    cohort_url: str
    version: int
    callset_url: str
    model: Model
    scope: str
    shard: Shard
    threads: int
    dbsnp_url: str | None


def called_batches(
    opened: cohort.Cohort, shard: Shard, settled: pa.Table, model: Model, threads: int
) -> Iterator[tuple[cohort.Batch, genotypes.BatchGenotypes, genotypes.RawAnnotations]]:
    """Call every batch at the sites of SETTLED that are put out, in the batches' order, in so many threads."""

    def call(batch: cohort.Batch) -> tuple[cohort.Batch, genotypes.BatchGenotypes, genotypes.RawAnnotations]:
        return batch, *call_batch(opened, batch, shard, settled, model)

    return in_threads(call, opened.batches, threads)


def reuse_or_call_batch(given: tuple[CallTask, int]) -> None:
    task, number = given
    opened = cohort.open_cohort(task.cohort_url, task.version)
    store = storage.open_store(task.callset_url)
    key = _shard_key(opened, task)
    if callset.find_shard(store, task.shard, key, whole=False) is None:
        callset.begin_shard(store, task.shard, key)
        sites = genotypes.emitted(_settled_of(opened, task))
        keys = site_keys(sites, opened.layout)
        cover(opened, store, opened.batches[number], task.shard, sites, keys, task.model)


def _shard_key(opened: cohort.Cohort, task: CallTask) -> str:
    return derived_key(opened, asdict(task.model), task.scope, opened.samples)


def _settled_of(opened: cohort.Cohort, task: CallTask) -> pa.Table:
    return settled_tables(opened, task.model, task.scope).read(task.shard, made_by="genotype")


def call_shard(task: CallTask) -> callset.ShardEntry:
    """See to a shard's genotypes, annotate its sites, and write these; few batches' genotypes are in memory.

    Which sites somebody carries is known when every batch has been called and written. Where a site falls away, which
    is rare, its genotypes are taken out again.
    """
    opened = cohort.open_cohort(task.cohort_url, task.version)
    store = storage.open_store(task.callset_url)
    key = _shard_key(opened, task)
    written = callset.find_shard(store, task.shard, key)
    if written is not None:
        return written
    settled = _settled_of(opened, task)
    emitted = genotypes.emitted(settled)
    callset.begin_shard(store, task.shard, key)
    segments, total = cover_all(opened, store, task.shard, emitted, task.model, task.threads)
    sites = annotated(settled, total, opened.layout, task.shard, task.model, task.dbsnp_url)
    return complete(opened, store, task.shard, key, emitted, sites, segments, task.model)


def cover_all(
    opened: cohort.Cohort, store: storage.Store, shard: Shard, emitted: pa.Table, model: Model, threads: int
) -> tuple[Segments, genotypes.RawAnnotations]:
    """See to every batch's genotypes at the rows of SETTLED put out: where they are, and all shares added up."""
    keys = site_keys(emitted, opened.layout)
    segments: Segments = {}

    def shares(batch: cohort.Batch) -> genotypes.RawAnnotations:
        segments[batch.id], own = cover(opened, store, batch, shard, emitted, keys, model)
        return own

    return segments, added_up(in_threads(shares, opened.batches, threads), genotypes.add)

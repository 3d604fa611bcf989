"""Join a stored cohort's shards after GLnexus's model and store them as shards of a callset."""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import pyarrow as pa

from genocloud import annotations, callset, glnexus, schema, storage
from genocloud.cohort import Batch, Cohort, open_cohort
from genocloud.pipeline.genotyping.genotype_reuse import active_names
from genocloud.pipeline.genotyping.merged_shards import (
    KeptSites,
    MergedShard,
    MergeTask,
    PlacedSite,
    balance,
    merge_tasks,
)
from genocloud.pipeline.memory_model import discovery_need, merged_bytes
from genocloud.pipeline.merge_model import MergeModel
from genocloud.pipeline.preconditions import refuse_holes
from genocloud.pipeline.receipts import Receipt
from genocloud.pipeline.sharding import Shard, ShardPlan, target_regions
from genocloud.scatter.executors import Scatter, in_threads, run_needing, threads_each
from genocloud.scatter.progress import Progress

HELD_BYTES = 1 << 29
"""Calls of a shard that are held until it is known which ALTs are written; beyond it batches are called twice."""


class _Merged(NamedTuple):
    """A shard's entry, and what became of ALTs on the way to its sites."""

    entry: callset.ShardEntry
    alleles: Mapping[str, int]


def store_merged(
    cohort: Cohort, store: storage.Store, receipt: Receipt, *,
    model: MergeModel, cut: ShardPlan, scatter: Scatter, progress: Progress,
) -> list[callset.ShardEntry]:  # fmt: skip
    """Store the plan's shards; finished ones are skipped. The receipt's balance is in ALTs."""
    refuse_holes(cohort, target_regions(cut, cohort.layout))
    threads = threads_each(scatter, len(cut.owned))
    tasks = merge_tasks(cohort, store.url, model.rules, cut, threads)
    needs = [merged_need(cohort, shard, threads) for shard in cut.owned]
    with progress.stage("genotype", tasks=len(tasks), unit="shard") as stage:
        merged = run_needing(
            scatter, _store_shard, tasks, needs, lambda one: stage.advance(tasks=1, sites=one.entry.sites.rows)
        )
    balance(receipt, (each.alleles for each in merged), sum(each.entry.alts for each in merged))
    return [each.entry for each in merged]


def merged_need(cohort: Cohort, shard: Shard, threads: int) -> int:
    """Bytes that a task on a shard takes, with so many threads."""
    return discovery_need(cohort, shard, threads) + min(merged_bytes(cohort, shard), HELD_BYTES)


def _store_shard(task: MergeTask) -> _Merged:
    cohort, store = open_cohort(task.cohort_url, task.version), storage.open_store(task.url)
    key = task.key(cohort, cohort.samples)
    shard = task.merged(cohort)
    placed, alleles = shard.chosen()
    written = callset.find_shard(store, task.shard, key)
    if written is None:
        callset.begin_shard(store, task.shard, key)
        written = _write(shard, placed, store, key)
    return _Merged(written, alleles)


def _write(shard: MergedShard, placed: Sequence[PlacedSite], store: storage.Store, key: str) -> callset.ShardEntry:
    """Call all batches to see which ALTs somebody has, then write each batch by these."""
    every = [each.site for each in placed]
    tables = glnexus.SiteTables.of(every, shard.rules)
    held = list(shard.calls(every, tables)) if merged_bytes(shard.cohort, shard.shard) <= HELD_BYTES else None

    def calls() -> Iterable[glnexus.BatchCalls]:
        return shard.calls(every, tables) if held is None else held

    kept = KeptSites.of(placed, tables, glnexus.kept_alts(every, tables.alts, calls(), shard.rules))
    entry, _ = write_kept(shard, kept, tables, calls(), store=store, key=key)
    return entry


def write_kept(
    shard: MergedShard,
    kept: KeptSites,
    tables: glnexus.SiteTables,
    calls: Iterable[glnexus.BatchCalls],
    *,
    store: storage.Store,
    key: str,
) -> tuple[callset.ShardEntry, callset.CalledAlleles]:
    """Write the calls of the cohort's batches by the ALTs that are kept, and SITES with their counts."""
    sites = merged_sites(kept)

    def write(pair: tuple[Batch, glnexus.BatchCalls]) -> tuple[callset.GenotypeFiles, callset.CalledAlleles]:
        batch, called = pair
        table, runs = glnexus.genotype_table(called.keeping(tables.alts, kept.alts, kept.called), shard.rules)
        genotypes = callset.SparseGenotypes(active_names(batch), table, runs, kept.counts)
        files = callset.write_genotypes(store, shard.shard, batch.id, sites, genotypes)
        return files, callset.CalledAlleles.of(genotypes)

    batches = shard.cohort.batches
    written = list(in_threads(write, zip(batches, calls, strict=True), shard.threads))
    counted = callset.CalledAlleles.none(kept.counts).plus(alleles for _, alleles in written)
    files = {batch.id: (each,) for batch, (each, _) in zip(batches, written, strict=True)}
    table = schema.with_columns(sites, counted.columns())
    return callset.complete_shard(store, shard.shard, key, table, files), counted


def merged_sites(kept: KeptSites) -> schema.StoredSites:
    """SITES with keys and a model's columns, but for what genotypes say."""
    places = [(each.contig, each.begin) for each in kept.sites]
    table = glnexus.site_table([each.site for each in kept.sites], kept.numbers, places)
    named = [table[name].to_pylist() for name in ("contig", "pos", "ref", "alts", "filter")]
    keys = [callset.site_key(*row) for row in zip(*named, strict=True)]
    table = table.append_column(schema.SITE_KEY.field, pa.array(keys, schema.INT64))
    declared = annotations.MERGED_SITES
    columns = {name: table[name] for name in table.column_names}
    nothing = {field.name: pa.nulls(len(table), field.type) for field in declared if field.name not in columns}
    return pa.table([(columns | nothing)[field.name] for field in declared], declared)

"""The flows by which models make a callset's shards from a stored cohort."""

from dataclasses import dataclass
from typing import Any, NamedTuple

from genocloud import callset, storage
from genocloud.cohort import Cohort
from genocloud.genotypes import Model
from genocloud.pipeline.chosen_model import model_text
from genocloud.pipeline.genotyping.batch_cache import precompute_batches
from genocloud.pipeline.genotyping.batch_copies import cohort_sex_figures
from genocloud.pipeline.genotyping.discovered_alleles import copy_alleles
from genocloud.pipeline.genotyping.merged_callset import store_merged
from genocloud.pipeline.genotyping.row_cache import RowCache
from genocloud.pipeline.genotyping.shard_calling import CallTask, genotype_batch, genotype_shard
from genocloud.pipeline.genotyping.shard_completion import description_of
from genocloud.pipeline.genotyping.shard_estimates import estimate_shards
from genocloud.pipeline.memory_model import split_to_memory
from genocloud.pipeline.merge_model import MergeModel
from genocloud.pipeline.receipts import Receipt
from genocloud.pipeline.sharding import ShardPlan
from genocloud.scatter.executors import Scatter, run_needing, threads_each
from genocloud.scatter.progress import Progress


@dataclass(frozen=True, kw_only=True)
class StoredRun:
    """What is genotyped, into which callset, and with what."""

    cohort: Cohort
    store: storage.Store
    cut: ShardPlan
    scatter: Scatter
    progress: Progress
    dbsnp_url: str | None
    receipt: Receipt


class StoredShards(NamedTuple):
    """The shards that are written, what the callset's manifest says, and what a receipt says of the model."""

    entries: list[callset.ShardEntry]
    description: callset.Description
    model: str


def _by_likelihoods(run: StoredRun, model: Model) -> StoredShards:
    """Estimate, settle, call, annotate; the receipt is balanced in sites."""
    cohort, store, scatter, progress = run.cohort, run.store, run.scatter, run.progress
    copy_alleles(cohort, run.cut, scatter, progress)
    cut = split_to_memory(cohort, run.cut, scatter, callset.written_shards(store))
    row_cache = RowCache(scatter.memory)
    outcomes = estimate_shards(
        cohort, model, cut, scatter=scatter, progress=progress, row_cache=row_cache, callset_url=store.url
    )
    threads = threads_each(scatter, len(cut.all_shards))
    tasks = [
        CallTask(
            cohort_url=cohort.url,
            version=cohort.version,
            callset_url=store.url,
            model=model,
            scope=cut.scope,
            shard=shard,
            threads=threads,
            dbsnp_url=run.dbsnp_url,
            row_cache=row_cache,
        )
        for shard in cut.owned
    ]
    needs = [shard.need for shard in cut.owned]
    precompute_batches(cohort, genotype_batch, tasks, needs, stage_name="call", scatter=scatter, progress=progress)
    with progress.stage("genotype", tasks=len(tasks), unit="shard") as stage:
        entries = run_needing(
            scatter, genotype_shard, tasks, needs, lambda one: stage.advance(tasks=1, sites=one.sites.rows)
        )
    run.receipt.figures |= cohort_sex_figures(cohort, model)
    outcomes.enter(run.receipt, cut, sum(entry.sites.rows for entry in entries), sum(entry.alts for entry in entries))
    return StoredShards(entries, description_of(cohort, model, cut), model_text(cohort, model.name))


def _by_records(run: StoredRun, model: MergeModel) -> StoredShards:
    """Unify the samples' own alleles and translate their calls; the receipt is balanced in ALTs."""
    entries = store_merged(
        run.cohort, run.store, run.receipt, model=model, cut=run.cut, scatter=run.scatter, progress=run.progress
    )
    return StoredShards(entries, description_of(run.cohort, model, run.cut), model.text)


FLOWS: dict[str, Any] = {"gatk": _by_likelihoods, "deepvariant": _by_likelihoods, "glnexus": _by_records}
"""How a callset is made, by the name of the model."""

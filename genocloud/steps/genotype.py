"""genotype: genotype a cohort into a Parquet callset, shard by shard, by the flow of its model."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

from genocloud import callset, storage
from genocloud.cohort import Cohort
from genocloud.errors import SettingError, shortened
from genocloud.genotypes import Model
from genocloud.pipeline.cached_tables import cohort_inputs
from genocloud.pipeline.callset_registry import register
from genocloud.pipeline.chosen_model import check_plan, model_text
from genocloud.pipeline.genotyping.batch_cache import precompute_batches
from genocloud.pipeline.genotyping.discovered_alleles import copy_alleles
from genocloud.pipeline.genotyping.known_names import check_contigs
from genocloud.pipeline.genotyping.merged_callset import merged_description, store_merged
from genocloud.pipeline.genotyping.row_cache import RowCache
from genocloud.pipeline.genotyping.shard_calling import CallTask, genotype_batch, genotype_shard
from genocloud.pipeline.genotyping.shard_completion import description_of
from genocloud.pipeline.genotyping.shard_estimates import estimate_shards
from genocloud.pipeline.memory_model import split_to_memory
from genocloud.pipeline.merge_model import MergeModel
from genocloud.pipeline.preconditions import refuse_other_alleles
from genocloud.pipeline.receipts import Receipt, receipt_of
from genocloud.pipeline.sharding import ShardPlan
from genocloud.scatter.executors import Scatter, run_needing, threads_each
from genocloud.scatter.progress import Progress


class SharedPlace(SettingError):
    """A callset whose URL is its cohort's."""

    def __init__(self, url: str) -> None:
        self.url = url
        super().__init__(f"{url}: cohort and callset have the same place; give the callset one of its own")


@dataclass(frozen=True, kw_only=True)
class _Run:
    """What is genotyped, into which callset, and with what."""

    cohort: Cohort
    store: storage.Store
    cut: ShardPlan
    scatter: Scatter
    progress: Progress
    dbsnp_url: str | None
    receipt: Receipt


class _Stored(NamedTuple):
    """The shards that are written, what the callset's manifest says, and what a receipt says of the model."""

    entries: list[callset.ShardEntry]
    description: callset.Description
    model: str


def genotype(
    cohort: Cohort,
    callset_url: str,
    *,
    model: Model | MergeModel,
    cut: ShardPlan,
    scatter: Scatter,
    progress: Progress,
    dbsnp_url: str | None = None,
) -> Receipt:
    """Genotype every sample at every site of the plan, into the callset; finished shards are skipped.

    The plan's intervals may lie inside those that were discovered; its shards are split where memory requires it.
    A whole plan ends with the callset's manifest, which commits it. Site IDs come from the VCF at `dbsnp_url`, whose
    fingerprint is in the model. The balance is in sites, of `glnexus` in ALTs. Raises OutputInUse where another run
    writes the callset, unless both write different parts of the genome; OtherAlleles where it has others than the plan;
    NotOfTheModel for what the model does not have.
    """
    check_contigs(dbsnp_url, cohort.contigs)
    check_plan(model.name, cut, dbsnp_url)
    with receipt_of("genotype") as receipt, _callset_store(cohort, callset_url, cut) as store:
        run = _Run(
            cohort=cohort,
            store=store,
            cut=cut,
            scatter=scatter,
            progress=progress,
            dbsnp_url=dbsnp_url,
            receipt=receipt,
        )
        entries, description, text = _FLOWS[model.name](run, model)
        if cut.whole:
            callset.commit(store, description, entries)
        receipt.inputs = cohort_inputs(cohort)
        receipt.figures = {
            "samples": len(cohort.samples),
            "genotypes": sum(entry.sites.rows for entry in entries) * len(cohort.samples),
            "shards": len(entries),
            "model": text,
            "bytes_stored": sum(table.bytes for entry in entries for table in entry.tables),
            "cohort": {"version": cohort.version, "records": receipt.account("records", *cohort.records())},
            **receipt.figures,
        }
    return receipt


def _by_likelihoods(run: _Run, model: Model) -> _Stored:
    """Estimate, settle, call, annotate; the receipt is balanced in sites."""
    cohort, store, scatter, progress = run.cohort, run.store, run.scatter, run.progress
    copy_alleles(cohort, run.cut, scatter, progress)
    cut = split_to_memory(cohort, run.cut, scatter)
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
    outcomes.enter(run.receipt, cut, sum(entry.sites.rows for entry in entries), sum(entry.alts for entry in entries))
    return _Stored(entries, description_of(cohort, asdict(model), cut), model_text(cohort, model.name))


def _by_records(run: _Run, model: MergeModel) -> _Stored:
    """Unify the samples' own alleles and translate their calls; the receipt is balanced in ALTs."""
    entries = store_merged(
        run.cohort, run.store, run.receipt, model=model, cut=run.cut, scatter=run.scatter, progress=run.progress
    )
    return _Stored(entries, merged_description(run.cohort, model, run.cut), model.text)


_FLOWS: dict[str, Any] = {"gatk": _by_likelihoods, "deepvariant": _by_likelihoods, "glnexus": _by_records}


@contextmanager
def _callset_store(cohort: Cohort, callset_url: str, cut: ShardPlan) -> Iterator[storage.Store]:
    """The callset's store, claimed and locked against other runs."""
    store = storage.open_store(callset_url)
    if store.url == storage.open_store(cohort.url).url:
        raise SharedPlace(store.url)
    callset.claim(store)
    refuse_other_alleles(store.url, cut)
    part = None if cut.whole else f"shards {shortened([shard.name for shard in cut.owned])}"
    with storage.folder_lock(store.url, part):
        register(cohort.url, store.url)
        yield store

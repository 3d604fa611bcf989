"""genotype: genotype a cohort into a Parquet callset: estimate, settle, call, annotate, shard by shard."""

from collections.abc import Iterator
from contextlib import contextmanager

from genocloud import callset, storage
from genocloud.cohort import Cohort
from genocloud.errors import SettingError, shortened
from genocloud.genotypes import Model
from genocloud.pipeline.cached_tables import cohort_inputs
from genocloud.pipeline.callset_registry import register
from genocloud.pipeline.chosen_model import model_text
from genocloud.pipeline.genotyping.batch_cache import precompute_batches
from genocloud.pipeline.genotyping.discovered_alleles import copy_alleles
from genocloud.pipeline.genotyping.known_names import check_contigs
from genocloud.pipeline.genotyping.row_cache import RowCache
from genocloud.pipeline.genotyping.shard_calling import CallTask, genotype_batch, genotype_shard
from genocloud.pipeline.genotyping.shard_completion import description_of
from genocloud.pipeline.genotyping.shard_estimates import estimate_shards
from genocloud.pipeline.memory_model import split_to_memory
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


def genotype(
    cohort: Cohort,
    callset_url: str,
    *,
    model: Model,
    cut: ShardPlan,
    scatter: Scatter,
    progress: Progress,
    dbsnp_url: str | None = None,
) -> Receipt:
    """Genotype every sample at every site of the plan, into the callset; finished shards are skipped.

    The plan's intervals may lie inside those that were discovered; its shards are split where memory requires it.
    A whole plan ends with the callset's manifest, which commits it. Site IDs come from the VCF at `dbsnp_url`, whose
    fingerprint is in the model. The balance is in sites. Raises OutputInUse where another run writes
    the callset, unless both write different parts of the genome; OtherAlleles where it has others than the plan.
    """
    check_contigs(dbsnp_url, cohort.contigs)
    with receipt_of("genotype") as receipt, _callset_store(cohort, callset_url, cut) as store:
        copy_alleles(cohort, cut, scatter, progress)
        cut = split_to_memory(cohort, cut, scatter)
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
                dbsnp_url=dbsnp_url,
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
        if cut.whole:
            callset.commit(store, description_of(cohort, model, cut), entries)
        sites = sum(entry.sites.rows for entry in entries)
        receipt.inputs = cohort_inputs(cohort)
        receipt.figures = {
            "samples": len(cohort.samples),
            "genotypes": sites * len(cohort.samples),
            "shards": len(entries),
            "model": model_text(cohort, model.name),
            "bytes_stored": sum(table.bytes for entry in entries for table in entry.tables),
            "cohort": {"version": cohort.version, "records": receipt.account("records", *cohort.records())},
        }
        outcomes.enter(receipt, cut, sites, sum(entry.alts for entry in entries))
    return receipt


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

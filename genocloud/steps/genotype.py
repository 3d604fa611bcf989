"""genotype: genotype a cohort into a Parquet callset, shard by shard, by the flow of its model."""

from collections.abc import Iterator
from contextlib import contextmanager

from genocloud import callset, storage
from genocloud.cohort import Cohort
from genocloud.errors import SettingError, shortened
from genocloud.genotypes import Model
from genocloud.pipeline.cached_tables import cohort_inputs
from genocloud.pipeline.callset_registry import register
from genocloud.pipeline.chosen_model import check_targets
from genocloud.pipeline.genotyping.known_names import check_contigs
from genocloud.pipeline.genotyping.stored_flows import FLOWS, StoredRun
from genocloud.pipeline.merge_model import MergeModel
from genocloud.pipeline.preconditions import refuse_other_alleles
from genocloud.pipeline.receipts import Receipt, receipt_of
from genocloud.pipeline.sharding import ShardPlan
from genocloud.scatter.executors import Scatter
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
    check_targets(model.name, [shard.targets for shard in cut.owned], dbsnp_url)
    with receipt_of("genotype") as receipt, _callset_store(cohort, callset_url, cut) as store:
        run = StoredRun(
            cohort=cohort,
            store=store,
            cut=cut,
            scatter=scatter,
            progress=progress,
            dbsnp_url=dbsnp_url,
            receipt=receipt,
        )
        entries, description, text = FLOWS[model.name](run, model)
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

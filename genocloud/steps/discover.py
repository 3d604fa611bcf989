"""discover: merge the cohort's variant rows into one list of alleles per site."""

from dataclasses import dataclass

from genocloud.cohort import Cohort, OtherReference, open_cohort
from genocloud.errors import SettingError
from genocloud.pipeline.cached_tables import cached_tables, cohort_inputs
from genocloud.pipeline.genotyping.batch_cache import observed, precompute_batches
from genocloud.pipeline.genotyping.discovery import OUTSIDE, discover_shard
from genocloud.pipeline.memory_model import discovery_need
from genocloud.pipeline.receipts import Receipt, receipt_of
from genocloud.pipeline.reference import Reference
from genocloud.pipeline.sharding import Shard, ShardPlan
from genocloud.scatter.executors import Scatter, run_needing, threads_each
from genocloud.scatter.progress import Progress


@dataclass(frozen=True, kw_only=True)
class _DiscoverTask:
    cohort_url: str
    version: int
    shard: Shard
    threads: int
    keep: bool
    reference: Reference | None


def discover(
    cohort: Cohort,
    cut: ShardPlan,
    *,
    scatter: Scatter,
    progress: Progress,
    keep: bool = True,
    reference: Reference | None = None,
) -> Receipt:
    """Merge the alleles of the samples' records into sites, shard by shard; shards with a table are skipped.

    The tables are written under COHORT/derived; with `keep` also each batch's observations, for the cohort's next
    version. REF of force-output sites without a record comes from the `reference`, which must be the cohort's, and REF
    of forced alleles has been compared with it (Intervals.targets).
    Returns the receipt, balanced in (sample, allele) observations.
    Raises OtherReference, or SettingError where anything is forced without a reference.
    """
    _check_reference(cohort, cut, reference)
    with receipt_of("discover") as receipt:
        threads = threads_each(scatter, len(cut.all_shards))
        tasks = [
            _DiscoverTask(
                cohort_url=cohort.url,
                version=cohort.version,
                shard=shard,
                threads=threads,
                keep=keep,
                reference=reference,
            )
            for shard in cut.all_shards
        ]
        needs = [discovery_need(cohort, shard, threads) for shard in cut.all_shards]
        if keep:
            precompute_batches(
                cohort, _observe_batch, tasks, needs, stage_name="observe", scatter=scatter, progress=progress
            )
        with progress.stage("discover", tasks=len(tasks), unit="shard") as stage:
            done = run_needing(
                scatter, _discover_shard, tasks, needs, lambda counts: stage.advance(tasks=1, sites=counts["sites"])
            )
        total = {name: sum(counts[name] for counts in done) for name in ("sites", "observed", "merged", "outside")}
        receipt.inputs = cohort_inputs(cohort)
        receipt.figures = {"shards": len(tasks), "sites": total["sites"]}
        outside = {OUTSIDE: total["outside"]} if total["outside"] else {}
        receipt.balanced("observations", total["observed"], total["merged"], outside)
    return receipt


def _check_reference(cohort: Cohort, cut: ShardPlan, reference: Reference | None) -> None:
    if cut.alleles is None and not any(shard.targets.force_output for shard in cut.all_shards):
        return
    if reference is None:
        what = "non-variant sites" if cut.alleles is None else "alleles"
        raise SettingError(f"{cohort.url}: {what} were requested; give the --reference of the cohort")
    if reference.checksum != cohort.reference["contigs"]:
        raise OtherReference(cohort.url, "another reference")


def _discover_shard(task: _DiscoverTask) -> dict[str, int]:
    cohort = open_cohort(task.cohort_url, task.version)
    tables = cached_tables(cohort, "alleles")
    return tables.counts(task.shard) or discover_shard(
        cohort, tables, task.shard, keep=task.keep, threads=task.threads, reference=task.reference
    )


def _observe_batch(pair: tuple[_DiscoverTask, int]) -> None:
    task, number = pair
    cohort = open_cohort(task.cohort_url, task.version)
    if cached_tables(cohort, "alleles").counts(task.shard) is None:
        observed(cohort, cohort.batches[number], task.shard, keep=True)

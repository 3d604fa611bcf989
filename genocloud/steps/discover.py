"""discover: the cohort's variant rows become one list of merged alleles per site."""

from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from genocloud import cohort, sites
from genocloud.scatter.executors import Scatter, in_threads, threads_each
from genocloud.scatter.progress import Progress
from genocloud.steps.receipts import Receipt, receipt_of
from genocloud.steps.shards import Cut, Derived, Shard, cohort_inputs, derived


@dataclass(frozen=True)
class _Task:
    cohort_url: str
    version: int
    shard: Shard
    threads: int


def discover(opened: cohort.Cohort, cut: Cut, scatter: Scatter, progress: Progress) -> Receipt:
    """Merge what the samples' records show into sites, shard by shard; a shard that is there already stays.

    The tables stand under COHORT/derived. Returns the receipt, balanced in (sample, allele) observations.
    """
    with receipt_of("discover") as receipt:
        threads = threads_each(scatter, len(cut.settled))
        tasks = [_Task(opened.url, opened.version, shard, threads) for shard in cut.settled]
        with progress.stage("discover", tasks=len(tasks), unit="shard") as stage:
            done = scatter.run(_discover_shard, tasks, lambda counts: stage.advance(tasks=1, sites=counts["sites"]))
        total = {name: sum(counts[name] for counts in done) for name in ("sites", "observed", "merged")}
        receipt.inputs = cohort_inputs(opened)
        receipt.figures = {"shards": len(tasks), "sites": total["sites"]}
        receipt.balanced("observations", total["observed"], total["merged"], {})
    return receipt


def _discover_shard(task: _Task) -> dict[str, int]:
    opened = cohort.open_cohort(task.cohort_url, task.version)
    tables = derived(opened, "alleles")
    return tables.counts(task.shard) or _make_shard(opened, tables, task)


def _make_shard(opened: cohort.Cohort, tables: Derived, task: _Task) -> dict[str, int]:
    def observe(batch: cohort.Batch) -> tuple[pa.Table, pa.Table]:
        variants = cohort.read_variants(opened, batch, task.shard.region)
        return sites.observe(variants, batch.ranks, task.shard.region)

    seen = list(in_threads(observe, opened.batches, task.threads))
    observations, spans = [each[0] for each in seen], [each[1] for each in seen]
    alleles = sites.unify(observations, spans)
    counts = {
        "sites": alleles.num_rows,
        "observed": sum(_total(table) for table in observations),
        "merged": _total(alleles),
    }
    tables.write(task.shard, alleles, counts)
    return counts


def _total(table: pa.Table) -> int:
    """(Sample, allele) observations that the table accounts for."""
    return pc.sum(table["observed"]).as_py() or 0

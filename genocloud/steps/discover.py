"""discover: the cohort's variant rows become one list of merged alleles per site."""

from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from genocloud import cohort, sites
from genocloud.scatter.executors import Scatter
from genocloud.scatter.progress import Progress
from genocloud.steps.receipts import Receipt, receipt_of
from genocloud.steps.shards import Cut, Derived, Shard, cohort_inputs, derived


@dataclass(frozen=True)
class _Task:
    cohort_url: str
    version: int
    shard: Shard


def discover(opened: cohort.Cohort, cut: Cut, scatter: Scatter, progress: Progress) -> Receipt:
    """Merge what the samples' records show into sites, shard by shard; a shard that is there already stays.

    The tables stand under COHORT/derived. Returns the receipt, balanced in (sample, allele) observations.
    """
    with receipt_of("discover") as receipt:
        tasks = [_Task(opened.url, opened.version, shard) for shard in cut.settled]
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
    return tables.counts(task.shard) or _make_shard(opened, tables, task.shard)


def _make_shard(opened: cohort.Cohort, tables: Derived, shard: Shard) -> dict[str, int]:
    observations, spans = [], []
    for batch in opened.batches:
        variants = cohort.read_variants(opened, batch, shard.region)
        observed, spanned = sites.observe(variants, batch.ranks, shard.region)
        observations.append(observed)
        spans.append(spanned)
    alleles = sites.unify(observations, spans)
    counts = {
        "sites": alleles.num_rows,
        "observed": sum(_total(table) for table in observations),
        "merged": _total(alleles),
    }
    tables.write(shard, alleles, counts)
    return counts


def _total(table: pa.Table) -> int:
    """(Sample, allele) observations that the table accounts for."""
    return pc.sum(table["observed"]).as_py() or 0

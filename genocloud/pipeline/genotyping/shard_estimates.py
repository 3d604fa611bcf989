"""Estimate sites of a stored cohort's shards from the likelihood counts of its batches."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import pyarrow as pa

from genocloud import genotypes, schema
from genocloud.cohort import Cohort, open_cohort
from genocloud.genotypes import Model
from genocloud.genotypes.allele_outcomes import KEPT
from genocloud.genotypes.annotation import NO_CARRIER
from genocloud.pipeline.cached_tables import CachedTables, cached_tables, read_alleles
from genocloud.pipeline.forced_alleles import ForcedAlleles
from genocloud.pipeline.genotyping.batch_cache import CallsetSites, precompute_batches
from genocloud.pipeline.genotyping.discovery import OUTSIDE
from genocloud.pipeline.genotyping.row_cache import RowCache
from genocloud.pipeline.genotyping.shard_settling import (
    ALLELE_KIND,
    BEYOND_LIMITS,
    EMITTED,
    FORCED,
    SITE_KIND,
    settle_shards,
    settled_tables,
)
from genocloud.pipeline.genotyping.summed_counts import KeptCounts, sum_counts
from genocloud.pipeline.preconditions import refuse_bare_blocks, refuse_holes
from genocloud.pipeline.receipts import Receipt
from genocloud.pipeline.sharding import Shard, ShardPlan, target_regions
from genocloud.scatter.executors import Scatter, in_threads, run_needing, threads_each
from genocloud.scatter.progress import Progress


@dataclass(frozen=True, kw_only=True)
class SiteOutcomes:
    """Outcomes of the sites of a plan's own shards: discovered, emitted, dropped by reason.

    `alleles`: what became of their ALTs (genotypes.allele_outcomes); `beyond`: sites beyond GATK's allele limit;
    `forced`: alleles of --alleles that were emitted.
    """

    sites: int
    emitted: int
    dropped: Counter[str]
    alleles: Counter[str]
    beyond: int
    forced: int

    @classmethod
    def of(cls, sites: int, outcomes: Mapping[str, Counter[str]]) -> "SiteOutcomes":
        """From the counts that `settle_shards` returns, of `sites` discovered sites."""
        emitted = outcomes[SITE_KIND][EMITTED]
        return cls(
            sites=sites,
            emitted=emitted,
            dropped=outcomes[SITE_KIND] - Counter({EMITTED: emitted}),
            alleles=outcomes[ALLELE_KIND],
            beyond=outcomes[BEYOND_LIMITS].total(),
            forced=outcomes[FORCED][EMITTED],
        )

    def enter(self, receipt: Receipt, cut: ShardPlan, sites: int, alts: int) -> None:
        """Enter the balances of the plan's sites and of alleles, of which so many have been written."""
        without = Counter({NO_CARRIER: self.emitted - sites})
        receipt.balanced("sites", self.sites, sites, self.dropped + without)
        outcomes = self.alleles + Counter({NO_CARRIER: self.alleles[KEPT] - alts})
        del outcomes[KEPT]
        receipt.figures |= {
            "alleles": receipt.account("alternate alleles", self.alleles.total(), alts, outcomes),
            "sites_beyond_gatk_limits": self.beyond,
        }
        if cut.alleles:
            receipt.figures["forced_alleles"] = self._forced_account(receipt, cut, cut.alleles)

    def _forced_account(self, receipt: Receipt, cut: ShardPlan, alleles: ForcedAlleles) -> dict[str, Any]:
        """The balance of the file's alleles, or of those in a part of the genome: each is emitted once, or outside."""
        here = sum(shard.targets.clip(shard.region).alleles_inside for shard in cut.owned)
        dropped = {**alleles.dropped, OUTSIDE: len(alleles) - here} if cut.whole else {}
        return receipt.account("forced alleles", here + sum(dropped.values()), self.forced, dropped)


@dataclass(frozen=True, kw_only=True)
class _EstimateTask:
    cohort_url: str
    version: int
    model: Model
    shard: Shard
    threads: int
    callset_url: str | None
    row_cache: RowCache

    def kept_counts(self, cohort: Cohort, alleles: schema.Alleles) -> KeptCounts | None:
        if not self.callset_url:
            return None
        callset_sites = CallsetSites.of(alleles, cohort.layout, self.callset_url, self.shard)
        return KeptCounts(
            cohort=cohort,
            shard=self.shard,
            alleles=alleles,
            callset_sites=callset_sites,
            model=self.model,
            row_cache=self.row_cache,
        )


def estimate_shards(
    cohort: Cohort,
    model: Model,
    cut: ShardPlan,
    *,
    scatter: Scatter,
    progress: Progress,
    row_cache: RowCache,
    callset_url: str | None = None,
) -> SiteOutcomes:
    """Estimate every site of the plan and settle which are emitted; shards with tables are skipped.

    `settled_tables` has the results. With `callset_url`, the sums of counts are kept for a callset that grows.
    `row_cache` keeps aligned rows for calling.
    """
    refuse_bare_blocks(cohort)
    refuse_holes(cohort, target_regions(cut, cohort.layout))
    threads = threads_each(scatter, len(cut.all_shards))
    tasks = [
        _EstimateTask(
            cohort_url=cohort.url,
            version=cohort.version,
            model=model,
            shard=shard,
            threads=threads,
            callset_url=callset_url,
            row_cache=row_cache,
        )
        for shard in cut.all_shards
    ]
    needs = [shard.need for shard in cut.all_shards]
    if callset_url:
        precompute_batches(
            cohort, _summarise_batch, tasks, needs, stage_name="summarise", scatter=scatter, progress=progress
        )
    with progress.stage("estimate", tasks=len(tasks), unit="shard") as stage:
        discovered = run_needing(
            scatter, _estimate_shard, tasks, needs, lambda sites: stage.advance(tasks=1, sites=sites)
        )
    outcomes = settle_shards(
        estimate_tables(cohort, model), settled_tables(cohort, model, cut.scope), model, cut, progress
    )
    owned = set(cut.owned)
    taken = sum(sites for task, sites in zip(tasks, discovered, strict=True) if task.shard in owned)
    return SiteOutcomes.of(taken, outcomes)


def _estimate_shard(task: _EstimateTask) -> int:
    """Estimate a shard from the counts of all batches, merged as they come; returns the number of its sites."""
    cohort = open_cohort(task.cohort_url, task.version)
    tables = estimate_tables(cohort, task.model)
    if (counts := tables.counts(task.shard)) is not None:
        return counts["sites"]
    everywhere = read_alleles(cohort, task.shard)
    alleles = genotypes.with_alts(everywhere)
    if kept := task.kept_counts(cohort, alleles):
        summary = kept.total(task.threads)
    else:
        summary = sum_counts(
            cohort, task.shard, alleles, model=task.model, threads=task.threads, row_cache=task.row_cache
        )
    return write_estimates(
        tables, task.shard, everywhere, estimates_of_shard(summary, alleles, task.model, task.threads)
    )


def estimates_of_shard(
    summary: genotypes.LikelihoodCounts, alleles: schema.Alleles, model: Model, threads: int
) -> schema.Estimates:
    """ESTIMATES of the sites of ALLELES, all of which have ALTs, in `threads` threads."""
    stretches = [(alleles.slice(*place), genotypes.cut(summary, *place)) for place in _stretches(alleles, threads)]
    return pa.concat_tables(in_threads(lambda part: genotypes.estimate([part[1]], part[0], model), stretches, threads))


def write_estimates(tables: CachedTables, shard: Shard, alleles: schema.Alleles, estimates: schema.Estimates) -> int:
    """Write ESTIMATES of a shard's ALLELES from those of the sites that have ALTs; the number of sites."""
    whole = genotypes.with_unestimated(estimates, alleles)
    tables.write(shard, whole, {"sites": whole.num_rows})
    return int(whole.num_rows)


def _stretches(sites: schema.Alleles, threads: int) -> list[tuple[int, int]]:
    """Split the sites evenly, one slice per thread: (first, length)."""
    size = max(1, -(-len(sites) // threads))
    return [(first, min(size, len(sites) - first)) for first in range(0, max(1, len(sites)), size)]


def _summarise_batch(pair: tuple[_EstimateTask, int]) -> None:
    task, number = pair
    cohort = open_cohort(task.cohort_url, task.version)
    if estimate_tables(cohort, task.model).counts(task.shard) is None:
        alleles = genotypes.with_alts(read_alleles(cohort, task.shard))
        if kept := task.kept_counts(cohort, alleles):
            kept.keep(cohort.batches[number])


def estimate_tables(cohort: Cohort, model: Model) -> CachedTables:
    return cached_tables(cohort, "estimates", asdict(model))

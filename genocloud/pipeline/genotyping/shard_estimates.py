"""Estimates of a stored cohort's shards, from the likelihood counts of its batches."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TypeVar

import pyarrow as pa

from genocloud import cohort, genotypes
from genocloud.genotypes import Model
from genocloud.genotypes.allele_outcomes import KEPT
from genocloud.genotypes.annotation import NO_CARRIER
from genocloud.pipeline.genotyping.batch_cache import KnownSites, precompute_batches, summarised
from genocloud.pipeline.genotyping.shard_settling import (
    ALLELE_OUTCOMES,
    BEYOND_LIMITS,
    EMITTED,
    SITE_OUTCOMES,
    settle,
    settled_tables,
)
from genocloud.pipeline.preconditions import refuse_bare_blocks, refuse_holes
from genocloud.pipeline.receipts import Receipt
from genocloud.pipeline.sharding import (
    Derived,
    Shard,
    ShardPlan,
    derived,
    read_alleles,
    wanted_of,
)
from genocloud.scatter.executors import Scatter, in_threads, run_needing, threads_each
from genocloud.scatter.progress import Progress

Part = TypeVar("Part")


AT_ONCE = 8
"""Batches' summaries or shares that are held before they are added up."""


@dataclass(frozen=True)
class Estimated:
    """What became of the sites of a cut's own shards: discovered, put out, dropped by reason.

    `alleles`: what became of their ALTs (genotypes.allele_outcomes); `beyond`: sites with more alleles than GATK takes.
    """

    sites: int
    emitted: int
    dropped: Counter[str]
    alleles: Counter[str]
    beyond: int

    @classmethod
    def of(cls, sites: int, told: Mapping[str, Counter[str]]) -> "Estimated":
        """From what `settle` tells of so many sites."""
        emitted = told[SITE_OUTCOMES][EMITTED]
        return cls(
            sites,
            emitted,
            told[SITE_OUTCOMES] - Counter({EMITTED: emitted}),
            told[ALLELE_OUTCOMES],
            told[BEYOND_LIMITS].total(),
        )

    def enter(self, receipt: Receipt, sites: int, alts: int) -> None:
        """Enter the balance of sites, and that of alleles, when so many of them have been put out."""
        without = Counter({NO_CARRIER: self.emitted - sites})
        receipt.balanced("sites", self.sites, sites, self.dropped + without)
        fates = self.alleles + Counter({NO_CARRIER: self.alleles[KEPT] - alts})
        del fates[KEPT]
        receipt.figures |= {
            "alleles": receipt.account("alternate alleles", self.alleles.total(), alts, fates),
            "sites_beyond_gatk_limits": self.beyond,
        }


@dataclass(frozen=True)
class _EstimateTask:
    cohort_url: str
    version: int
    model: Model
    shard: Shard
    threads: int
    callset_url: str | None

    def growth(self, alleles: pa.Table, layout: cohort.Layout) -> KnownSites | None:
        return KnownSites.of(alleles, layout, self.callset_url, self.shard) if self.callset_url else None


def estimate(
    opened: cohort.Cohort,
    model: Model,
    cut: ShardPlan,
    scatter: Scatter,
    progress: Progress,
    callset_url: str | None = None,
) -> Estimated:
    """Estimate every site of the cut and settle which are put out; shards that are there already stay.

    The tables are found by `settled_tables`. For a callset that may grow, each batch's summaries are kept.
    """
    refuse_bare_blocks(opened)
    refuse_holes(opened, wanted_of(cut, opened.layout))
    threads = threads_each(scatter, len(cut.settled))
    tasks = [_EstimateTask(opened.url, opened.version, model, shard, threads, callset_url) for shard in cut.settled]
    needs = [shard.need for shard in cut.settled]
    if callset_url:
        precompute_batches(opened, scatter, progress, "summarise", _summarise_batch, tasks, needs)
    with progress.stage("estimate", tasks=len(tasks), unit="shard") as stage:
        discovered = run_needing(
            scatter, _estimate_shard, tasks, needs, lambda sites: stage.advance(tasks=1, sites=sites)
        )
    told = settle(estimate_tables(opened, model), settled_tables(opened, model, cut.scope), model, cut, progress)
    owned = set(cut.owned)
    taken = sum(sites for task, sites in zip(tasks, discovered, strict=True) if task.shard in owned)
    return Estimated.of(taken, told)


def _estimate_shard(task: _EstimateTask) -> int:
    """Estimate a shard from all batches' summaries, added up as they come; the number of its sites."""
    opened = cohort.open_cohort(task.cohort_url, task.version)
    tables = estimate_tables(opened, task.model)
    if (counts := tables.counts(task.shard)) is not None:
        return counts["sites"]
    everywhere = read_alleles(opened, task.shard)
    alleles = genotypes.with_alts(everywhere)
    growth = task.growth(alleles, opened.layout)

    def summarise(batch: cohort.Batch) -> genotypes.LikelihoodCounts:
        return summarised(opened, batch, task.shard, alleles, growth)

    summary = added_up(in_threads(summarise, opened.batches, task.threads), genotypes.merge)
    return write_estimates(tables, task.shard, everywhere, estimated(summary, alleles, task.model, task.threads))


def estimated(summary: genotypes.LikelihoodCounts, alleles: pa.Table, model: Model, threads: int) -> pa.Table:
    """ESTIMATES of the sites of ALLELES, all of which have ALTs, in so many threads."""
    stretches = [(alleles.slice(*place), genotypes.cut(summary, *place)) for place in _stretches(alleles, threads)]
    return pa.concat_tables(in_threads(lambda part: genotypes.estimate([part[1]], part[0], model), stretches, threads))


def write_estimates(tables: Derived, shard: Shard, alleles: pa.Table, estimates: pa.Table) -> int:
    """Write ESTIMATES of a shard's ALLELES, given those of the sites that have ALTs; the number of sites."""
    whole = genotypes.with_unestimated(estimates, alleles)
    tables.write(shard, whole, {"sites": whole.num_rows})
    return int(whole.num_rows)


def added_up(parts: Iterable[Part], add: Callable[[Sequence[Part]], Part]) -> Part:
    """The parts as one, a handful in memory at a time."""
    held: list[Part] = []
    for part in parts:
        held.append(part)
        if len(held) == AT_ONCE:
            held = [add(held)]
    return add(held)


def _stretches(sites: pa.Table, threads: int) -> list[tuple[int, int]]:
    """The sites in even parts, one for each thread: (first, how many)."""
    size = max(1, -(-len(sites) // threads))
    return [(first, min(size, len(sites) - first)) for first in range(0, max(1, len(sites)), size)]


def _summarise_batch(given: tuple[_EstimateTask, int]) -> None:
    task, number = given
    opened = cohort.open_cohort(task.cohort_url, task.version)
    if estimate_tables(opened, task.model).counts(task.shard) is None:
        alleles = genotypes.with_alts(read_alleles(opened, task.shard))
        summarised(opened, opened.batches[number], task.shard, alleles, task.growth(alleles, opened.layout))


def estimate_tables(opened: cohort.Cohort, model: Model) -> Derived:
    return derived(opened, "estimates", asdict(model))

"""Count what the report's page shows of a callset, shard by shard: statistics by sample and by ALT allele."""

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import NamedTuple

from genocloud import annotations, callset, schema
from genocloud.callset import Callset
from genocloud.pipeline.callset_counts import COUNTED, unseen
from genocloud.report.allele_statistics import (
    EDGES,
    AlleleStatistics,
    SiteGenotypeSums,
    count_alleles,
    count_windows,
    sum_genotypes,
)
from genocloud.report.statistics import Statistics, count_called, count_sites, merge_all
from genocloud.scatter.executors import Scatter
from genocloud.scatter.progress import Progress

_READ = frozenset(
    {"contig", "pos", "ref", "alts", "qual", "filter", "AC", "AN", *EDGES, *(f"AS_{each}" for each in EDGES)}
)


class PageCounts(NamedTuple):
    """Counts of one callset, or of a part of it."""

    by_sample: Statistics
    by_allele: AlleleStatistics


def count_page(
    made: Callset, scatter: Scatter, progress: Progress, totals: Mapping[str, schema.Totals] = MappingProxyType({})
) -> PageCounts:
    """Count a callset, which has its filters if any; as count_callset, samples that cannot be read by `totals`.

    Raises DamagedFile.
    """
    held = {each.site for each in unseen(made)}
    seen = made.of_sites([site for site in made.description.sites if site not in held])
    tasks = [replace(seen, shards=(shard,)) for shard in made.shards if shard.sites.rows]
    with progress.stage("count", tasks=len(tasks), unit="shard") as stage:
        counted = scatter.run(_count_shard, tasks, lambda _: stage.advance(tasks=1))
    shared = [Statistics.of_totals(totals[site]) for site in sorted(held) if site in totals]
    return PageCounts(
        by_sample=merge_all([*(each.by_sample for each in counted), *shared], seen.samples),
        by_allele=AlleleStatistics.merged(each.by_allele for each in counted),
    )


def _count_shard(part: Callset) -> PageCounts:
    """Count a callset that was cut to one shard, one batch's genotypes at a time."""
    (shard,) = part.shards
    sites = part.sites(columns=[name for name in annotations.SITES.names if name in _READ])
    filters = part.filter_set and callset.read_shard_filters(part.store, part.filter_set, shard.name)
    contigs = {contig.name: number for number, contig in enumerate(part.contigs)}
    statistics, sums = count_sites(sites), SiteGenotypeSums.added([], len(sites))
    for batch in part.batches(shard, COUNTED):
        statistics = statistics.merge(count_called(batch.samples, batch.distinct, batch.runs))
        sums = SiteGenotypeSums.added([sums, sum_genotypes(batch.distinct, batch.runs, len(sites))], len(sites))
    by_allele = [count_alleles(sites, filters), count_windows(sites, sums, contigs)]
    return PageCounts(statistics, AlleleStatistics.merged(by_allele))

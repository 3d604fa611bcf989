"""Count what the report's page shows of a callset, shard by shard: statistics by sample and by ALT allele."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

import numpy as np
import pyarrow.compute as pc

from genocloud import annotations, filters, schema
from genocloud.callset import Callset
from genocloud.pipeline.callset_counts import COUNTED, readable_part
from genocloud.report.allele_statistics import (
    EDGES,
    AlleleStatistics,
    SiteGenotypeSums,
    count_alleles,
    count_windows,
    sum_genotypes,
)
from genocloud.report.statistics import Statistics, count_called, count_sites
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
    part = readable_part(made)
    counted = part.count_shards(_count_shard, scatter, progress)
    return PageCounts(
        by_sample=part.merged([each.by_sample for each in counted], totals),
        by_allele=AlleleStatistics.merged(each.by_allele for each in counted),
    )


def _count_shard(part: Callset) -> PageCounts:
    """Count a callset that was cut to one shard, one batch's genotypes at a time."""
    (shard,) = part.shards
    read = [name for name in annotations.SITES.names if name in _READ]
    sites = part.sites(columns=[*read, *(schema.FILTERS.names[3:] if part.filter_set else [])])
    contigs = {contig.name: number for number, contig in enumerate(part.contigs)}
    statistics, sums = count_sites(sites), SiteGenotypeSums.added([], len(sites))
    is_scored = part.filter_set is not None and "model" in part.filter_set.settings
    zygosity = np.zeros((pc.sum(pc.list_value_length(sites["alts"])).as_py() or 0, 2), np.int64)
    for batch in part.batches(shard, COUNTED):
        statistics = statistics.merge(count_called(batch.samples, batch.distinct, batch.runs))
        sums = SiteGenotypeSums.added([sums, sum_genotypes(batch.distinct, batch.runs, len(sites))], len(sites))
        if is_scored:
            zygosity = zygosity + filters.count_zygosity(batch.distinct, batch.runs, batch.alts)
    by_allele = [
        count_alleles(sites, sites if part.filter_set else None, zygosity),
        count_windows(sites, sums, contigs),
    ]
    return PageCounts(statistics, AlleleStatistics.merged(by_allele))

"""Counting a callset for the summary and the report, shard by shard."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType

import pyarrow as pa

from genocloud import callset
from genocloud.report.statistics import Statistics, count_genotypes, count_sites, merge_all
from genocloud.scatter.executors import Scatter
from genocloud.scatter.progress import Progress

COUNTED = ("sample", "GT", "DP", "GQ")

Totals = Mapping[str, pa.Table]
"""TOTALS by site."""


@dataclass(frozen=True)
class Unseen:
    """Samples of a site whose genotypes may not or cannot be read from here, and why."""

    site: str
    url: str
    samples: int
    why: str


def count_callset(
    callset_url: str, scatter: Scatter, progress: Progress, totals: Totals = MappingProxyType({})
) -> Statistics:
    """What is in a callset, by site and by sample; of samples that are unseen what `totals` say of their sites."""
    opened = callset.open_callset(callset_url)
    held = {each.site for each in unseen(opened)}
    seen = opened.of_sites([site for site in opened.description.sites if site not in held])
    tasks = [replace(seen, shards=(shard,)) for shard in opened.shards if shard.sites.rows]
    with progress.stage("count", tasks=len(tasks), unit="shard") as stage:
        counted = scatter.run(_count_shard, tasks, lambda _: stage.advance(tasks=1))
    told = [Statistics.of_totals(totals[site]) for site in sorted(held) if site in totals]
    return merge_all([*counted, *told], seen.samples)


def site_totals(callset_url: str, scatter: Scatter, progress: Progress) -> pa.Table:
    """TOTALS of a callset's samples: what the report of a run over several sites knows of those that stay at one."""
    return count_callset(callset_url, scatter, progress).totals()


def unseen(opened: callset.Callset) -> tuple[Unseen, ...]:
    """The samples of a callset whose genotypes cannot be looked at from here, site by site."""
    return tuple(
        Unseen(place.site, place.url, opened.count_samples(batches), why)
        for place, batches in opened.description.elsewhere.items()
        if (why := _why(opened, place))
    )


def _why(opened: callset.Callset, place: callset.RemoteGenotypes) -> str:
    """Why a site's genotypes are not looked at; empty where they can be."""
    try:
        opened.of_sites([place.site]).check_reach()
    except callset.GenotypesNotShared:
        return f"they stay there by its policy, {place.policy}"
    except callset.RemoteUnreachable as error:
        return error.problem
    return ""


def _count_shard(part: callset.Callset) -> Statistics:
    """Count a callset of one shard: cut off by the caller, as a manifest of thousands takes long to read."""
    (shard,) = part.shards
    batches = [count_genotypes(table) for table in part.batches(shard, COUNTED)]
    return merge_all([count_sites(part.sites()), *batches])

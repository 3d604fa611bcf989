"""Count a callset's sites and genotypes shard by shard, for the summary and the report."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType

from genocloud import schema
from genocloud.callset import Callset, GenotypesNotShared, RemoteGenotypes, RemoteUnreachable, open_callset
from genocloud.report.statistics import Statistics, count_called, count_sites, merge_all
from genocloud.scatter.executors import Scatter
from genocloud.scatter.progress import Progress

COUNTED = ("GT", "DP", "GQ")


@dataclass(frozen=True, kw_only=True)
class Unseen:
    """Samples of a location whose genotypes may not or cannot be read from here, and why."""

    site: str
    url: str
    samples: int
    why: str


def count_callset(
    callset_url: str, scatter: Scatter, progress: Progress, totals: Mapping[str, schema.Totals] = MappingProxyType({})
) -> Statistics:
    """Count a callset by site and by sample; samples that cannot be read are counted from their location's `totals`."""
    callset = open_callset(callset_url)
    held = {each.site for each in unseen(callset)}
    seen = callset.of_sites([site for site in callset.description.sites if site not in held])
    tasks = [replace(seen, shards=(shard,)) for shard in callset.shards if shard.sites.rows]
    with progress.stage("count", tasks=len(tasks), unit="shard") as stage:
        counted = scatter.run(_count_shard, tasks, lambda _: stage.advance(tasks=1))
    shared = [Statistics.of_totals(totals[site]) for site in sorted(held) if site in totals]
    return merge_all([*counted, *shared], seen.samples)


def site_totals(callset_url: str, scatter: Scatter, progress: Progress) -> schema.Totals:
    """TOTALS of a callset's samples: what a hybrid run's report has of genotypes that stay at their location."""
    return count_callset(callset_url, scatter, progress).totals()


def unseen(callset: Callset) -> tuple[Unseen, ...]:
    """The samples whose genotypes cannot be read from here, location by location."""
    return tuple(
        Unseen(site=place.site, url=place.url, samples=callset.count_samples(batches), why=why)
        for place, batches in callset.description.elsewhere.items()
        if (why := _why(callset, place))
    )


def _why(callset: Callset, place: RemoteGenotypes) -> str:
    """Why a location's genotypes cannot be read; empty where they can be."""
    try:
        callset.of_sites([place.site]).check_reach()
    except GenotypesNotShared:
        return f"they stay there by its policy, {place.policy}"
    except RemoteUnreachable as error:
        return error.problem
    return ""


def _count_shard(part: Callset) -> Statistics:
    """Count a callset that was cut to one shard, so that a task need not read a manifest of thousands."""
    (shard,) = part.shards
    batches = [count_called(each.samples, each.distinct, each.runs) for each in part.batches(shard, COUNTED)]
    return merge_all([count_sites(part.sites()), *batches])

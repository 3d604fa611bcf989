"""Count a callset's sites and genotypes shard by shard, for the summary and the report."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import NamedTuple, TypeVar

from genocloud import schema
from genocloud.callset import Callset, GenotypesNotShared, RemoteGenotypes, RemoteUnreachable, open_callset
from genocloud.report.statistics import Statistics, count_called, count_sites, merge_all
from genocloud.scatter.executors import Scatter
from genocloud.scatter.progress import Progress

COUNTED = ("GT", "DP", "GQ")

T = TypeVar("T")


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
    part = readable_part(open_callset(callset_url))
    return part.merged(part.count_shards(_count_shard, scatter, progress), totals)


class ReadablePart(NamedTuple):
    """A callset of the samples whose genotypes can be read from here, and the locations of the others."""

    callset: Callset
    held: tuple[str, ...]

    def count_shards(self, count: Callable[[Callset], T], scatter: Scatter, progress: Progress) -> list[T]:
        """What `count` makes of each shard, as a callset of this shard alone."""
        tasks = [self.callset.of_shard(shard) for shard in self.callset.shards if shard.sites.rows]
        with progress.stage("count", tasks=len(tasks), unit="shard") as stage:
            return scatter.run(count, tasks, lambda _: stage.advance(tasks=1))

    def merged(self, counted: Sequence[Statistics], totals: Mapping[str, schema.Totals]) -> Statistics:
        """The counts of all shards, with the totals of the locations whose samples cannot be read."""
        shared = [Statistics.of_totals(totals[site]) for site in self.held if site in totals]
        return merge_all([*counted, *shared], self.callset.samples)


def readable_part(callset: Callset) -> ReadablePart:
    """What of a callset can be read from here."""
    held = tuple(each.site for each in unseen(callset))
    seen = callset.of_sites([site for site in callset.description.sites if site not in held])
    return ReadablePart(seen, held)


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

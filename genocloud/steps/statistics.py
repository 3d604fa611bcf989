"""Counting a callset for the summary and the report, shard by shard."""

from dataclasses import replace

from genocloud import callset
from genocloud.report.statistics import Statistics, count_genotypes, count_sites, merge_all
from genocloud.scatter.executors import Scatter
from genocloud.scatter.progress import Progress

COUNTED = ("sample", "GT", "DP", "GQ")


def count_callset(callset_url: str, scatter: Scatter, progress: Progress) -> Statistics:
    """What is in a callset, by site and by sample."""
    opened = callset.open_callset(callset_url)
    tasks = [replace(opened, shards=(shard,)) for shard in opened.shards if shard.sites.rows]
    with progress.stage("count", tasks=len(tasks), unit="shard") as stage:
        counted = scatter.run(_count_shard, tasks, lambda _: stage.advance(tasks=1))
    return merge_all(counted, opened.samples)


def _count_shard(part: callset.Callset) -> Statistics:
    """Count a callset of one shard: cut off by the caller, as a manifest of thousands takes long to read."""
    (shard,) = part.shards
    batches = [count_genotypes(table) for table in part.batches(shard, COUNTED)]
    return merge_all([count_sites(part.sites(shard.region)), *batches])

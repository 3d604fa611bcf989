"""Counting a callset for the summary and the report, shard by shard."""

from dataclasses import dataclass

from genocloud import callset
from genocloud.report.statistics import Statistics, count_genotypes, count_sites, merge_all
from genocloud.scatter.executors import Scatter
from genocloud.scatter.progress import Progress

COUNTED = ("sample", "GT", "DP", "GQ")


@dataclass(frozen=True)
class _Task:
    callset_url: str
    shard: callset.ShardEntry


def count_callset(callset_url: str, scatter: Scatter, progress: Progress) -> Statistics:
    """What is in a callset, by site and by sample."""
    opened = callset.open_callset(callset_url)
    tasks = [_Task(callset_url, shard) for shard in opened.shards if shard.sites.rows]
    with progress.stage("count", tasks=len(tasks), unit="shard") as stage:
        counted = scatter.run(_count_shard, tasks, lambda _: stage.advance(tasks=1))
    return merge_all(counted, opened.samples)


def _count_shard(task: _Task) -> Statistics:
    opened = callset.open_callset(task.callset_url)
    batches = [count_genotypes(table) for table in opened.batches(task.shard, COUNTED)]
    return merge_all([count_sites(opened.sites(task.shard.region)), *batches])

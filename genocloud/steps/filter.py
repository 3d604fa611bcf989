"""filter: judge a callset's sites and alleles, and write what was found beside it, as its filters."""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from importlib.metadata import version

from genocloud import callset, storage
from genocloud.callset import FilterSet, open_callset
from genocloud.pipeline.filtering.filter_options import FilterOptions
from genocloud.pipeline.filtering.model_training import label_shards, train_model
from genocloud.pipeline.filtering.shard_filters import (
    FilteredShard,
    FilterPlan,
    FilterTask,
    filter_shard,
    total_figures,
)
from genocloud.pipeline.receipts import Receipt, receipt_of
from genocloud.scatter.executors import Scatter
from genocloud.scatter.progress import Progress


def filter_callset(callset_url: str, *, options: FilterOptions, scatter: Scatter, progress: Progress) -> Receipt:
    """Judge every site and ALT, and make the verdicts the callset's filters; the balance is in records.

    Nothing is dropped, and genotypes stay as they are. Filters that the callset has already are replaced at the end.
    Raises BadExpression, InputError, DamagedFile, what train_model raises, GenotypesNotShared or RemoteUnreachable
    where a filter needs genotypes of another location, and OutputInUse where another run filters the callset.
    """
    with storage.file_lock(callset.filters_url(callset_url)), receipt_of("filter") as receipt:
        made = open_callset(callset_url)
        plan = options.plan(made)
        plan.check()
        if plan.needs_genotypes:
            made.check_reach()
        with callset.filtering(made.store) as folder:
            tasks = [FilterTask(made.of_shard(shard)) for shard in made.shards]
            if plan.known:
                names, known = options.names(made), plan.known
                labelled = label_shards(
                    made, known, plan.values, names, folder=folder, scatter=scatter, progress=progress
                )
                tasks = [task._replace(sums=each.sums) for task, each in zip(tasks, labelled, strict=True)]
                trained = train_model(labelled, known, names, progress=progress)
                plan = replace(plan, model=trained.model)
                receipt.figures |= {"model": trained.counts, "scikit-learn": version("scikit-learn")}
            plan = replace(plan, folder=callset.folder_name(options.lines, plan.settings, made.shards))
            shards = _filter_shards(plan, tasks, scatter, progress)
            _publish(made, options, plan, shards)
        receipt.inputs = {shard.sites.name: f"sha256:{shard.sites.sha256}" for shard in made.shards}
        receipt.figures |= total_figures(shards)
        receipt.balanced("records", made.counts["sites"], sum(one.file.rows for one in shards), {})
    return receipt


def take_filters(callset_url: str, other_url: str) -> Receipt:
    """Give a callset the filters of another one of the same sites, as a site's callset has those of everybody's.

    The balance is in records. Raises NoFilters, OtherSites, DamagedFile, OutputInUse.
    """
    with storage.file_lock(callset.filters_url(callset_url)), receipt_of("filter") as receipt:
        made = open_callset(callset_url)
        filters = callset.copy_filters(made.store, made.shards, storage.open_store(other_url))
        receipt.inputs = {file.name: f"sha256:{file.sha256}" for file in filters.files.values()}
        receipt.balanced("records", made.counts["sites"], sum(file.rows for file in filters.files.values()), {})
    return receipt


def _filter_shards(
    plan: FilterPlan, tasks: Sequence[FilterTask], scatter: Scatter, progress: Progress
) -> list[FilteredShard]:
    with progress.stage("filter", tasks=len(tasks), unit="shard") as stage:
        return scatter.run(partial(filter_shard, plan), tasks, lambda one: stage.advance(tasks=1, sites=one.file.rows))


def _publish(made: callset.Callset, options: FilterOptions, plan: FilterPlan, shards: Sequence[FilteredShard]) -> None:
    filters = FilterSet(
        lines=options.lines,
        settings=plan.settings,
        sites=callset.sites_of(made.shards),
        files={one.shard: one.file for one in shards},
        by_adj=options.by_adj,
    )
    callset.publish_filters(made.store, filters)

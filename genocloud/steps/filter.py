"""filter: judge a callset's sites and alleles, and write what was found beside it, as its filters."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

from genocloud import callset, filters
from genocloud.callset import Callset, FilterLine, FilterSet, open_callset
from genocloud.filters import SiteFilter
from genocloud.pipeline.filtering.shard_filters import FilteredShard, FilterPlan, filter_shard
from genocloud.pipeline.intervals import read_intervals
from genocloud.pipeline.receipts import Receipt, receipt_of
from genocloud.regions import joined
from genocloud.scatter.executors import Scatter
from genocloud.scatter.progress import Progress

DEFAULT_PRESETS = ("hard",)


@dataclass(frozen=True, kw_only=True)
class FilterOptions:
    """What a callset is filtered by.

    presets  names of filters.PRESETS
    filters  further ones
    regions  interval files by the name of the flag that expressions know them by
    """

    presets: tuple[str, ...] = DEFAULT_PRESETS
    filters: tuple[SiteFilter, ...] = ()
    regions: Mapping[str, str] = field(default_factory=dict)


def filter_callset(callset_url: str, *, options: FilterOptions, scatter: Scatter, progress: Progress) -> Receipt:
    """Judge every site and ALT, and make the verdicts the callset's filters; the balance is in records.

    Nothing is dropped, and genotypes stay as they are. Filters that the callset has already are replaced at the end.
    Raises UnknownPreset, BadFilter, BadExpression, InputError, DamagedFile; and GenotypesNotShared or RemoteUnreachable
    where a filter needs genotypes of another location.
    """
    with receipt_of("filter") as receipt:
        chosen = filters.chosen_filters(options.presets, options.filters)
        made = open_callset(callset_url)
        plan = _plan(made, chosen, options.regions)
        if plan.needs_genotypes:
            made.check_reach()
        tasks = [replace(made, shards=(shard,)) for shard in made.shards]
        with progress.stage("filter", tasks=len(tasks), unit="shard") as stage:
            shards = scatter.run(
                partial(filter_shard, plan), tasks, lambda one: stage.advance(tasks=1, sites=one.file.rows)
            )
        _publish(made, chosen, options, shards)
        receipt.inputs = {shard.sites.name: f"sha256:{shard.sites.sha256}" for shard in made.shards}
        receipt.figures = _figures(shards)
        receipt.balanced("records", made.counts["sites"], sum(one.file.rows for one in shards), {})
    return receipt


def _plan(made: Callset, chosen: tuple[SiteFilter, ...], regions: Mapping[str, str]) -> FilterPlan:
    read = {name: tuple(joined(read_intervals([file], made.contigs))) for name, file in regions.items()}
    folder = callset.folder_name(_lines(chosen), _settings(chosen, regions), made.shards)
    plan = FilterPlan(filters=chosen, folder=folder, regions=read)
    plan.check()
    return plan


def _publish(
    made: Callset, chosen: tuple[SiteFilter, ...], options: FilterOptions, shards: Sequence[FilteredShard]
) -> None:
    callset.publish_filters(
        made.store,
        FilterSet(
            lines=_lines(chosen),
            settings=_settings(chosen, options.regions),
            sites=callset.sites_of(made.shards),
            files={one.shard: one.file for one in shards},
        ),
    )


def _lines(chosen: Sequence[SiteFilter]) -> tuple[FilterLine, ...]:
    return tuple(FilterLine(each.name, each.header) for each in chosen)


def _settings(chosen: Sequence[SiteFilter], regions: Mapping[str, str]) -> dict[str, Any]:
    return {"expressions": {each.name: each.expression.text for each in chosen}, "regions": sorted(regions)}


def _figures(shards: Sequence[FilteredShard]) -> dict[str, Any]:
    sites = sum((one.sites for one in shards), Counter[str]())
    alts = sum((one.alts for one in shards), Counter[tuple[str, str]]())
    by_type: dict[str, dict[str, int]] = {}
    for (kind, name), count in sorted(alts.items()):
        by_type.setdefault(kind, {})[name] = count
    return {"sites": dict(sorted(sites.items())), "alts": by_type}

"""filter: judge a callset's sites and alleles, and write what was found beside it, as its filters."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

from genocloud import callset, filters
from genocloud.callset import Callset, FilterLine, FilterSet, open_callset
from genocloud.filters import SiteFilter
from genocloud.pipeline.filtering.model_training import ModelOptions, train_model
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
    model    what scores are trained on, if expressions are to have some

    Raises UnknownPreset, BadFilter.
    """

    presets: tuple[str, ...] = DEFAULT_PRESETS
    filters: tuple[SiteFilter, ...] = ()
    regions: Mapping[str, str] = field(default_factory=dict)
    model: ModelOptions | None = None

    def __post_init__(self) -> None:
        if not self.chosen:
            raise filters.BadFilter("no filters; choose a preset, or give some of your own")

    @property
    def chosen(self) -> tuple[SiteFilter, ...]:
        """All filters."""
        return filters.chosen_filters(self.presets, self.filters)

    @property
    def lines(self) -> tuple[FilterLine, ...]:
        """The filters for a VCF header."""
        return tuple(FilterLine(each.name, each.header) for each in self.chosen)

    def settings(self, made: Callset) -> dict[str, Any]:
        """What else the filters of a callset follow from."""
        expressions = {each.name: each.expression.text for each in self.chosen}
        model = {"model": self.model.settings(made)} if self.model else {}
        return {"expressions": expressions, "regions": sorted(self.regions)} | model


def filter_callset(callset_url: str, *, options: FilterOptions, scatter: Scatter, progress: Progress) -> Receipt:
    """Judge every site and ALT, and make the verdicts the callset's filters; the balance is in records.

    Nothing is dropped, and genotypes stay as they are. Filters that the callset has already are replaced at the end.
    Raises BadExpression, InputError, DamagedFile, what train_model raises, and GenotypesNotShared or RemoteUnreachable
    where a filter needs genotypes of another location.
    """
    with receipt_of("filter") as receipt:
        made = open_callset(callset_url)
        settings = options.settings(made)
        plan = FilterPlan(
            filters=options.chosen,
            folder=callset.folder_name(options.lines, settings, made.shards),
            regions={
                name: tuple(joined(read_intervals([file], made.contigs))) for name, file in options.regions.items()
            },
            resources=options.model.resources if options.model else (),
        )
        plan.check(scored=options.model is not None)
        if plan.needs_genotypes:
            made.check_reach()
        if options.model:
            plan = replace(plan, model=train_model(made, options.model, scatter=scatter, progress=progress))
        shards = _filter_shards(plan, made, scatter, progress)
        files = {one.shard: one.file for one in shards}
        sites = callset.sites_of(made.shards)
        callset.publish_filters(made.store, FilterSet(lines=options.lines, settings=settings, sites=sites, files=files))
        receipt.inputs = {shard.sites.name: f"sha256:{shard.sites.sha256}" for shard in made.shards}
        receipt.figures = _figures(shards)
        receipt.balanced("records", made.counts["sites"], sum(file.rows for file in files.values()), {})
    return receipt


def _filter_shards(plan: FilterPlan, made: Callset, scatter: Scatter, progress: Progress) -> list[FilteredShard]:
    tasks = [replace(made, shards=(shard,)) for shard in made.shards]
    with progress.stage("filter", tasks=len(tasks), unit="shard") as stage:
        return scatter.run(partial(filter_shard, plan), tasks, lambda one: stage.advance(tasks=1, sites=one.file.rows))


def _figures(shards: Sequence[FilteredShard]) -> dict[str, Any]:
    sites = sum((one.sites for one in shards), Counter[str]())
    alts = sum((one.alts for one in shards), Counter[tuple[str, str]]())
    by_type: dict[str, dict[str, int]] = {}
    for (kind, name), count in sorted(alts.items()):
        by_type.setdefault(kind, {})[name] = count
    return {"sites": dict(sorted(sites.items())), "alts": by_type}

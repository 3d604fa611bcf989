"""filter: judge a callset's sites and alleles, and write what was found beside it, as its filters."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from importlib.metadata import version
from typing import Any

from genocloud import callset, filters, storage
from genocloud.callset import Callset, FilterLine, FilterSet, open_callset
from genocloud.filters import Expression, SiteFilter, vets
from genocloud.pipeline.filtering.known_alleles import KnownAlleles
from genocloud.pipeline.filtering.model_training import label_shards, train_model
from genocloud.pipeline.filtering.shard_filters import (
    FilteredShard,
    FilterPlan,
    FilterTask,
    filter_shard,
    total_figures,
)
from genocloud.pipeline.filtering.shard_values import NamedValues
from genocloud.pipeline.intervals import read_intervals
from genocloud.pipeline.receipts import Receipt, receipt_of
from genocloud.regions import joined
from genocloud.scatter.executors import Scatter
from genocloud.scatter.progress import Progress


@dataclass(frozen=True, kw_only=True)
class FilterOptions:
    """What a callset is filtered by.

    presets      names of filters.PRESETS; None: vets with a model, else hard, and none where there are `filters`
    filters      further ones
    regions      interval files by the name of the flag that expressions know them by
    resources    known variants that a model of the scores is trained on
    trained_on   in their place: the alleles of the callset that it is trained and calibrated on
    annotations  what the model judges by, `cohort` for WARP's and sums over genotypes; none: WARP's, AS_ where the
                 callset has them

    Raises UnknownPreset, BadFilter.
    """

    presets: tuple[str, ...] | None = None
    filters: tuple[SiteFilter, ...] = ()
    regions: Mapping[str, str] = field(default_factory=dict)
    resources: tuple[vets.Resource, ...] = ()
    trained_on: Expression | None = None
    annotations: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not self.chosen:
            raise filters.BadFilter("no filters; choose a preset, or give some of your own")
        if self.resources and self.trained_on:
            raise filters.BadFilter("a model is trained on resources or on alleles of the callset; give one of them")

    @property
    def chosen(self) -> tuple[SiteFilter, ...]:
        """All filters."""
        default = () if self.filters else ("vets" if self.has_model else "hard",)
        return filters.chosen_filters(default if self.presets is None else self.presets, self.filters)

    @property
    def has_model(self) -> bool:
        """Whether there are scores."""
        return bool(self.resources or self.trained_on)

    @property
    def lines(self) -> tuple[FilterLine, ...]:
        """The filters for a VCF header."""
        return tuple(FilterLine(each.name, each.header) for each in self.chosen)

    def names(self, made: Callset) -> tuple[str, ...]:
        """The model's annotations; none without a model. Raises BadAnnotation."""
        if not self.has_model:
            return ()
        groups = made.description.model.get("annotation_groups", ())
        return vets.expanded(self.annotations, groups)

    def plan(self, made: Callset) -> FilterPlan:
        """The plan for a callset, without a trained model. Raises InputError, BadAnnotation, BadExpression."""
        regions = {name: tuple(joined(read_intervals([file], made.contigs))) for name, file in self.regions.items()}
        expressions = [each.expression for each in self.chosen]
        if self.trained_on:
            expressions.append(self.trained_on)
        known, names = None, self.names(made)
        values = NamedValues(names=frozenset(names).union(*(each.names for each in expressions)), regions=regions)
        if names:
            by_allele = vets.is_by_allele(names)
            known = KnownAlleles(resources=self.resources, trained_on=self.trained_on, by_allele=by_allele)
            known.check(made.contigs, values)
        settings: dict[str, Any] = {
            "expressions": {each.name: each.expression.text for each in self.chosen},
            "regions": values.digests,
            **({"model": known.settings() | {"annotations": names}} if known else {}),
        }
        return FilterPlan(filters=self.chosen, settings=settings, values=values, known=known)


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
        tasks = [FilterTask(made.of_shard(shard)) for shard in made.shards]
        if plan.known:
            names = options.names(made)
            labelled = label_shards(made, plan.known, plan.values, names, scatter=scatter, progress=progress)
            tasks = [task._replace(sums=each.sums) for task, each in zip(tasks, labelled, strict=True)]
            with callset.sums_until_trained(made.store, [each.sums for each in labelled if each.sums]):
                trained = train_model(labelled, plan.known, names, progress=progress)
            plan = replace(plan, model=trained.model)
            receipt.figures |= {"model": trained.counts, "scikit-learn": version("scikit-learn")}
        plan = replace(plan, folder=callset.folder_name(options.lines, plan.settings, made.shards))
        shards = _filter_shards(plan, tasks, scatter, progress)
        files = {one.shard: one.file for one in shards}
        sites = callset.sites_of(made.shards)
        callset.publish_filters(
            made.store, FilterSet(lines=options.lines, settings=plan.settings, sites=sites, files=files)
        )
        receipt.inputs = {shard.sites.name: f"sha256:{shard.sites.sha256}" for shard in made.shards}
        receipt.figures |= total_figures(shards)
        receipt.balanced("records", made.counts["sites"], sum(file.rows for file in files.values()), {})
    return receipt


def _filter_shards(
    plan: FilterPlan, tasks: Sequence[FilterTask], scatter: Scatter, progress: Progress
) -> list[FilteredShard]:
    with progress.stage("filter", tasks=len(tasks), unit="shard") as stage:
        return scatter.run(partial(filter_shard, plan), tasks, lambda one: stage.advance(tasks=1, sites=one.file.rows))

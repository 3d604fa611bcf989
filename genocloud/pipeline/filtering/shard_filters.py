"""Judge a shard's sites by the filters: their annotations, regions, sums over genotypes, and the model's scores."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa

from genocloud import annotations, callset, filters, schema
from genocloud.filters import vets
from genocloud.pipeline.filtering.model_training import label_sites
from genocloud.regions import Contig, Region

_ALWAYS = "contig", "pos", "ref", "alts", "filter"
_COLUMN_OF = {"ID": "id", "QUAL": "qual"}
"""Names in expressions of columns that SITES calls otherwise; the others of bcftools are read always."""


@dataclass(frozen=True, kw_only=True)
class FilterPlan:
    """What each shard is judged by, and the folder for the tables.

    regions    flags by name: true of sites whose REF overlaps one of these (sorted, disjoint)
    model      scores alleles or sites, if any
    resources  their labels are written beside the scores
    """

    filters: tuple[filters.SiteFilter, ...]
    folder: str
    regions: Mapping[str, tuple[Region, ...]] = field(default_factory=dict)
    model: vets.TrainedModel | None = None
    resources: tuple[vets.Resource, ...] = ()

    @property
    def names(self) -> set[str]:
        """The names in the filters' expressions."""
        return {name for each in self.filters for name in each.expression.names}

    @property
    def needs_genotypes(self) -> bool:
        """Whether an expression names a sum over genotypes."""
        return not self.names.isdisjoint(schema.SITE_METRICS.names)

    def check(self, scored: bool) -> None:
        """Raise BadExpression for an expression that no sites can be judged by, before any work.

        scored  whether there will be a model
        """
        nothing = [annotations.SITES, schema.SITE_METRICS, _flags_schema(self.regions), *([_SCORES] if scored else ())]
        filters.judge(self.filters, filters.AlleleValues(*(each.empty_table() for each in nothing)))


@dataclass(frozen=True, kw_only=True)
class FilteredShard:
    """A shard's table; its sites by FILTER; its ALTs by type and filter, PASS among the filters."""

    shard: str
    file: callset.FileEntry
    sites: Counter[str]
    alts: Counter[tuple[str, str]]


def filter_shard(plan: FilterPlan, made: callset.Callset) -> FilteredShard:
    """Judge the sites of a callset of one shard, and write its FILTERS. Raises DamagedFile, BadExpression."""
    (shard,) = made.shards
    columns = {*_ALWAYS, *(_COLUMN_OF.get(name, name) for name in plan.names)}
    if plan.model:
        columns |= set(annotations.SITES.names)
    sites = made.sites(columns=[name for name in annotations.SITES.names if name in columns])
    scores = _scores(plan.model, plan.resources, sites) if plan.model else _no_scores(len(sites))
    tables = [sites, _flags(plan.regions, sites, made.contigs), scores]
    if plan.needs_genotypes:
        tables.append(_metrics(made, shard))
    values = filters.AlleleValues(*tables)
    status, by_alt = filters.judge(plan.filters, values)
    judged = {"contig": sites["contig"], "pos": sites["pos"], "filter": status, "AS_FilterStatus": by_alt}
    table = pa.table(judged | {name: scores[name] for name in scores.column_names})
    return FilteredShard(
        shard=shard.name,
        file=callset.write_filters(made.store, plan.folder, shard.name, table),
        sites=Counter(filters.count_filters(status)),
        alts=_count_alts(values, by_alt),
    )


_SCORES = pa.schema(list(schema.FILTERS)[4:])
"""The columns of FILTERS that a model gives."""


def _no_scores(sites: int) -> schema.Filters:
    return pa.table([pa.nulls(sites, field.type) for field in _SCORES], _SCORES)


def _scores(model: vets.TrainedModel, resources: Sequence[vets.Resource], sites: schema.Sites) -> schema.Filters:
    """The model's columns of FILTERS."""
    scores = vets.score(sites, model)
    by_alt = [scores[name].combine_chunks() for name in ("SCORE", "CALIBRATION_SENSITIVITY")]
    best = vets.best_alleles(scores)
    places = pa.array(by_alt[0].offsets.to_numpy()[:-1] + np.maximum(best, 0), mask=best < 0)
    labels = label_sites(resources, sites, vets.is_by_allele(model.annotations))
    return pa.table([*(each.flatten().take(places) for each in by_alt), *by_alt, labels], _SCORES)


def _metrics(made: callset.Callset, shard: callset.ShardEntry) -> schema.SiteMetrics:
    alts = np.zeros(shard.sites.rows, np.int32)
    sums = []
    for batch in made.batches(shard, filters.COLUMNS):
        alts = batch.alts
        sums.append(filters.sum_genotypes(batch.distinct, batch.runs, alts))
    return filters.total(sums, alts).table(alts, len(made.samples))


def _count_alts(values: filters.AlleleValues, by_alt: pa.ListArray) -> Counter[tuple[str, str]]:
    statuses = by_alt.flatten().to_pylist()
    kinds = values["TYPE"][values.is_alt]
    return Counter((kind, name) for kind, status in zip(kinds, statuses, strict=True) for name in status.split("&"))


def _flags_schema(regions: Mapping[str, tuple[Region, ...]]) -> pa.Schema:
    return pa.schema([(name, schema.BOOL) for name in regions])


def _flags(regions: Mapping[str, tuple[Region, ...]], sites: schema.Sites, contigs: Sequence[Contig]) -> pa.Table:
    """Whether each site's REF overlaps some of the regions of each name."""
    number = {contig.name: place for place, contig in enumerate(contigs)}
    words = sites["contig"].unify_dictionaries().combine_chunks()
    contig = np.array([number[name] for name in words.dictionary.to_pylist()], np.int64)[schema.numbers(words.indices)]
    begin = contig << 32 | schema.numbers(sites["pos"]).astype(np.int64) - 1
    end = begin + np.diff(schema.strings(sites["ref"])[0])
    flags = {}
    for name, some in regions.items():
        starts = np.array([region.contig << 32 | region.start for region in some], np.int64)
        stops = np.array([region.contig << 32 | region.end for region in some], np.int64)
        flags[name] = np.searchsorted(starts, end, "left") > np.searchsorted(stops, begin, "right")
    return pa.table(flags, _flags_schema(regions)) if flags else pa.table({})

"""Judge a shard's sites by the filters: their annotations, regions, sums over genotypes, and the model's scores."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from genocloud import callset, filters, schema
from genocloud.filters import vets
from genocloud.pipeline.filtering.known_alleles import KnownAlleles
from genocloud.pipeline.filtering.shard_values import NamedValues


@dataclass(frozen=True, kw_only=True)
class FilterPlan:
    """What each shard is judged by.

    settings  what the verdicts follow from, as JSON
    folder    of the tables; decided last
    values    what the expressions name
    known     what a model is trained on, if there is to be one: its labels are written beside the scores
    model     that model
    """

    filters: tuple[filters.SiteFilter, ...]
    settings: Mapping[str, Any]
    values: NamedValues
    known: KnownAlleles | None = None
    model: vets.TrainedModel | None = None
    folder: str = ""

    @property
    def needs_genotypes(self) -> bool:
        """Whether an expression names a sum over genotypes."""
        return self.values.needs_genotypes or bool(self.known and self.known.values.needs_genotypes)

    def check(self) -> None:
        """Raise BadExpression for an expression that no sites can be judged by, before any work."""
        declared = [*self.values.declared, *([_SCORES] if self.known else ())]
        filters.judge(self.filters, filters.AlleleValues(*(each.empty_table() for each in declared)))


@dataclass(frozen=True, kw_only=True)
class FilteredShard:
    """A shard's table, and counts: sites by FILTER; ALTs by type and filter, PASS among the filters.

    changes  transitions, transversions and singletons among ALTs that pass, and that do not: (PASS or filtered, which)
    """

    shard: str
    file: callset.FileEntry
    sites: Counter[str]
    alts: Counter[tuple[str, str]]
    changes: Counter[tuple[str, str]]


def filter_shard(plan: FilterPlan, made: callset.Callset) -> FilteredShard:
    """Judge the sites of a callset of one shard, and write its FILTERS. Raises DamagedFile, BadExpression."""
    (shard,) = made.shards
    columns = ["AC", *(vets.site_columns(plan.model.annotations) if plan.model else [])]
    tables = plan.values.of_shard(made, columns)
    sites = tables[0]
    scores = _no_scores(len(sites))
    if plan.model and plan.known:
        scores = _scores(plan.model, plan.known.labels(made, sites), sites)
    values = filters.AlleleValues(*tables, scores)
    status, by_alt = filters.judge(plan.filters, values)
    judged = {"contig": sites["contig"], "pos": sites["pos"], "filter": status, "AS_FilterStatus": by_alt}
    table = pa.table(judged | {name: scores[name] for name in scores.column_names})
    return FilteredShard(
        shard=shard.name,
        file=callset.write_filters(made.store, plan.folder, shard.name, table),
        sites=Counter(filters.count_filters(status)),
        alts=_count_alts(values, by_alt),
        changes=_count_changes(values, by_alt),
    )


_SCORES = pa.schema(list(schema.FILTERS)[4:])
"""The columns of FILTERS that a model gives."""


def _no_scores(sites: int) -> schema.Filters:
    return pa.table([pa.nulls(sites, field.type) for field in _SCORES], _SCORES)


def _scores(model: vets.TrainedModel, labels: pa.Array, sites: schema.Sites) -> schema.Filters:
    """The model's columns of FILTERS."""
    scores = vets.score(sites, model)
    by_alt = [scores[name].combine_chunks() for name in ("SCORE", "CALIBRATION_SENSITIVITY")]
    best = vets.best_alleles(scores)
    places = pa.array(by_alt[0].offsets.to_numpy()[:-1] + np.maximum(best, 0), mask=best < 0)
    return pa.table([*(each.flatten().take(places) for each in by_alt), *by_alt, labels], _SCORES)


def _count_alts(values: filters.AlleleValues, by_alt: pa.ListArray) -> Counter[tuple[str, str]]:
    statuses = by_alt.flatten().to_pylist()
    kinds = values["TYPE"][values.is_alt]
    return Counter((kind, name) for kind, status in zip(kinds, statuses, strict=True) for name in status.split("&"))


_TRANSITIONS = {"AG", "GA", "CT", "TC"}


def _count_changes(values: filters.AlleleValues, by_alt: pa.ListArray) -> Counter[tuple[str, str]]:
    """Transitions, transversions and singletons of the ALTs that pass, and of the others."""
    is_alt = values.is_alt
    columns = (values[name][is_alt].tolist() for name in ("TYPE", "REF", "ALT", "AC"))
    counts: Counter[tuple[str, str]] = Counter()
    for kind, ref, alt, copies, status in zip(*columns, by_alt.flatten().to_pylist(), strict=True):
        verdict = filters.PASS if status == filters.PASS else "filtered"
        if kind == "snp" and len(ref) == 1:
            counts[verdict, "transitions" if ref + alt in _TRANSITIONS else "transversions"] += 1
        if kind != "overlap" and copies == 1:
            counts[verdict, "singletons"] += 1
    return counts

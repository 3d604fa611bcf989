"""Judge a shard's sites by the filters: their annotations, regions, sums over genotypes, and the model's scores."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from genocloud import callset, filters, schema
from genocloud.filters import vets
from genocloud.pipeline.filtering.known_alleles import KnownAlleles
from genocloud.pipeline.filtering.shard_values import NamedValues, model_values


@dataclass(frozen=True, kw_only=True)
class FilterPlan:
    """What each shard is judged by.

    settings  what the verdicts follow from, as JSON
    folder    of the tables; decided last
    values    what the expressions, and the model, name
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
        """Whether an expression, or the model, names a sum over genotypes."""
        return self.values.needs_genotypes

    def check(self) -> None:
        """Raise BadExpression for an expression that no sites can be judged by, before any work."""
        declared = [*self.values.declared, *([_SCORES] if self.known else ())]
        filters.judge(self.filters, filters.AlleleValues(*(each.empty_table() for each in declared)))


class FilterTask(NamedTuple):
    """A callset of one shard, and where its sums over genotypes are, if they were written."""

    made: callset.Callset
    sums: callset.FileEntry | None = None


@dataclass(frozen=True, kw_only=True)
class FilteredShard:
    """A shard's table, and counts: sites by FILTER; ALTs by type and filter, PASS among the filters.

    changes  transitions, transversions, singletons, genotypes of ALTs: (PASS, filtered or a tranche, which)
    cells    where genotypes were read: adj, not adj, and missing (an allele is not called)
    """

    shard: str
    file: callset.FileEntry
    sites: Counter[str]
    alts: Counter[tuple[str, str]]
    changes: Counter[tuple[str, str]]
    cells: Counter[str]


def filter_shard(plan: FilterPlan, task: FilterTask) -> FilteredShard:
    """Judge the sites of a callset of one shard, and write its FILTERS. Raises DamagedFile, BadExpression."""
    made = task.made
    (shard,) = made.shards
    columns = ["AC", *(vets.site_columns(plan.model.annotations) if plan.model else [])]
    tables = plan.values.of_shard(made, columns, task.sums)
    sites = tables[0]
    scores = _no_scores(len(sites))
    if plan.model and plan.known:
        scores = _scores(plan.model, plan.known.labels(tables), model_values(tables))
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
        cells=_count_cells(tables[-1], len(made.samples)) if plan.needs_genotypes else Counter(),
    )


_CELLS = "adj", "not adj", "missing"


def _count_cells(sums: schema.SiteMetrics, samples: int) -> Counter[str]:
    high, missing = (int(schema.numbers(sums[name]).sum()) for name in ("N_HQ", "N_MISSING"))
    return Counter(dict(zip(_CELLS, (high, sums.num_rows * samples - high - missing, missing), strict=True)))


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


TRANCHES = 0.9, 0.99, 0.997
"""Sensitivities between the tranches that are counted apart."""


def _count_changes(values: filters.AlleleValues, by_alt: pa.ListArray) -> Counter[tuple[str, str]]:
    """Transitions, transversions, singletons and genotypes of the ALTs that pass, of the others, and by tranche."""
    is_alt = values.is_alt
    columns = (values[name][is_alt].tolist() for name in ("TYPE", "REF", "ALT", "AC"))
    tranches = _tranches(values["AS_CALIBRATION_SENSITIVITY"][is_alt])
    none = np.zeros(len(tranches), np.int64).tolist()
    zygosity = (values[name][is_alt].tolist() if name in values else none for name in ("N_HET", "N_HOM"))
    rows = zip(*columns, *zygosity, tranches, by_alt.flatten().to_pylist(), strict=True)
    counts: Counter[tuple[str, str]] = Counter()
    for kind, ref, alt, copies, hets, homs, tranche, status in rows:
        which = Counter[str]()
        if kind == "snp" and len(ref) == 1:
            which["transitions" if ref + alt in _TRANSITIONS else "transversions"] += 1
        if kind != "overlap":
            which += Counter(singletons=int(copies == 1), heterozygous=int(hets), homozygous=int(homs))
        for group in ("PASS" if status == filters.PASS else "filtered", tranche):
            if group:
                counts.update({(group, name): count for name, count in which.items()})
    return counts


def _tranches(sensitivities: npt.NDArray[np.float64]) -> list[str]:
    """The tranche of each sensitivity; empty where there is none."""
    ends = [0.0, *TRANCHES, 1.0]
    names = [f"sensitivity {low:g} to {high:g}" for low, high in pairwise(ends)]
    places = np.searchsorted(TRANCHES, sensitivities, "left")
    known = np.isfinite(sensitivities)
    return [names[place] if there else "" for place, there in zip(places.tolist(), known.tolist(), strict=True)]


def total_figures(shards: Iterable[FilteredShard]) -> dict[str, Any]:
    """Figures of a receipt: sites by FILTER; by type, ALTs by filter; by verdict and tranche, what they are; genotypes.

    Tranches are of CALIBRATION_SENSITIVITY. Each has transitions and transversions of SNPs, ALTs that one person has
    once, and, where genotypes were read, diploid genotypes by zygosity.
    """
    shards = list(shards)
    sites = sum((one.sites for one in shards), Counter[str]())
    alts = sum((one.alts for one in shards), Counter[tuple[str, str]]())
    changes = sum((one.changes for one in shards), Counter[tuple[str, str]]())
    by_type: dict[str, dict[str, int]] = {}
    for (kind, name), count in sorted(alts.items()):
        by_type.setdefault(kind, {})[name] = count
    by_verdict: dict[str, dict[str, int]] = {}
    for (verdict, kind), count in sorted(changes.items()):
        by_verdict.setdefault(verdict, {})[kind] = count
    cells = sum((one.cells for one in shards), Counter[str]())
    figures = {"sites": dict(sorted(sites.items())), "alts": by_type, "changes": by_verdict}
    return figures | ({"genotypes": {kind: cells[kind] for kind in _CELLS}} if cells else {})

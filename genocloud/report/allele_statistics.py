"""Counts of a callset's ALT alleles that merge: annotations, Ti/Tv and lengths by pass and fail, scores, windows.

An ALT passes if its filters say so (AS_FilterStatus of `genocloud filter`), or, in a callset without, if its site has
no FILTER or PASS. `*` is left out. An annotation is the ALT's own where the callset has it by allele (AS_QD), else its
site's; ALTs without a value are not counted there.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields, replace

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from genocloud import schema
from genocloud.kernels.cell_runs import CellRuns
from genocloud.report.alt_alleles import KINDS, SNV, TRANSITION, TRANSVERSION, AltAlleles, Counts

Floats = npt.NDArray[np.float64]

BINS = 60
"""Bins of each annotation; the first and last hold all that is beyond."""


def _edges(low: float, high: float) -> Floats:
    return np.linspace(low, high, BINS + 1)


EDGES: Mapping[str, Floats] = {
    "QUAL": 10 ** _edges(1, 6),
    "QD": _edges(0, 45),
    "FS": 10 ** _edges(0, 3) - 1,
    "SOR": _edges(0, 9),
    "MQ": _edges(0, 75),
    "MQRankSum": _edges(-15, 15),
    "ReadPosRankSum": _edges(-15, 15),
}
"""Lower edges of the bins of each annotation, and the upper edge of the last."""

LONGEST = 50
"""Longest indels with a bin of their own, in bases; the outermost bins hold longer ones too."""

GRID = np.arange(1001) / 1000
"""Sensitivities: an allele is in the bin of the smallest that is no less than its own."""

SCORED_AS = ("SNP", "indel")
SCORED = (
    "all", "calibration", "training", "singletons", "transitions", "transversions", "heterozygous", "homozygous",
)  # fmt: skip
"""Groups of scored alleles, of each of SCORED_AS; then diploid genotypes with them and another, and of them alone."""

WINDOW_BASES = 10_000
"""Width of the windows along the genome."""

WINDOW_SUMS = ("sites", "missing", "genotypes", "depth_sum", "depth_calls")

_PASS, _FAIL = 0, 1
_ARRAYS = ("annotations", "exchanges", "lengths", "scores", "site_call_rates")


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class AlleleStatistics:
    """Counts of ALT alleles; on the axes of length 2 stand those that pass, then those that fail.

    annotations      (EDGES, KINDS, 2, BINS)
    exchanges        (2, 2, BINS) transitions, then transversions, by QUAL
    lengths          (2, 2 LONGEST + 1) by inserted bases, from -LONGEST on
    scores           (SCORED_AS, SCORED, GRID) by CALIBRATION_SENSITIVITY
    site_call_rates  (101,) sites by the called share of their genotypes, in whole percent
    filters          by kind and filter, PASS among the filters
    windows          (contig's index, window): WINDOW_SUMS, of genotypes at sites there
    """

    annotations: Counts
    exchanges: Counts
    lengths: Counts
    scores: Counts
    site_call_rates: Counts
    filters: Counter[tuple[str, str]]
    windows: Mapping[tuple[int, int], tuple[int, ...]]

    @classmethod
    def empty(cls) -> "AlleleStatistics":
        """Counts of zero."""
        return cls(
            annotations=np.zeros((len(EDGES), len(KINDS), 2, BINS), np.int64),
            exchanges=np.zeros((2, 2, BINS), np.int64),
            lengths=np.zeros((2, 2 * LONGEST + 1), np.int64),
            scores=np.zeros((len(SCORED_AS), len(SCORED), len(GRID)), np.int64),
            site_call_rates=np.zeros(101, np.int64),
            filters=Counter(),
            windows={},
        )

    @classmethod
    def merged(cls, parts: Iterable["AlleleStatistics"]) -> "AlleleStatistics":
        """All together, in any order and grouping."""
        out = cls.empty()
        windows: dict[tuple[int, int], tuple[int, ...]] = {}
        for part in parts:
            for name in _ARRAYS:
                getattr(out, name)[...] += getattr(part, name)
            out.filters.update(part.filters)
            for place, sums in part.windows.items():
                windows[place] = tuple(map(sum, zip(sums, windows.get(place, (0,) * len(sums)), strict=True)))
        return replace(out, windows=dict(sorted(windows.items())))

    @property
    def scored(self) -> bool:
        """Whether a model scored any allele."""
        return bool(self.scores.any())


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class SiteGenotypeSums:
    """Sums over the genotypes of each site, (sites,): missing ones and all, and DP of those that are called."""

    missing: Counts
    genotypes: Counts
    depth_sum: Counts
    depth_calls: Counts

    @classmethod
    def added(cls, parts: Iterable["SiteGenotypeSums"], sites: int) -> "SiteGenotypeSums":
        """The sums over the genotypes of all parts, which are of the same sites."""
        names = [each.name for each in fields(cls)]
        zero = np.zeros(sites, np.int64)
        out = dict.fromkeys(names, zero)
        for part in parts:
            out = {name: out[name] + getattr(part, name) for name in names}
        return cls(**out)


def count_alleles(
    sites: schema.Sites, filters: schema.Filters | None, zygosity: Counts | None = None
) -> AlleleStatistics:
    """Count the ALTs of SITES, with their FILTERS if the callset has some; no windows and call rates.

    zygosity  (ALTs, 2) of every ALT, `*` too: diploid genotypes with it and another allele, and of it alone
    """
    alleles = AltAlleles.of(sites)
    statuses = _statuses(sites, filters, alleles)
    passing = pc.equal(statuses, "PASS").to_numpy(zero_copy_only=False)
    side = np.where(passing, _PASS, _FAIL)
    out = AlleleStatistics.empty()
    for place, (name, edges) in enumerate(EDGES.items()):
        values = _values(sites, alleles, name)
        known = np.flatnonzero(np.isfinite(values))
        np.add.at(out.annotations[place], (alleles.kind[known], side[known], bin_of(values[known], edges)), 1)
    quality = _values(sites, alleles, "QUAL")
    for way, exchange in enumerate((TRANSITION, TRANSVERSION)):
        chosen = np.flatnonzero((alleles.exchange == exchange) & np.isfinite(quality))
        np.add.at(out.exchanges[way], (side[chosen], bin_of(quality[chosen], EDGES["QUAL"])), 1)
    indels = np.flatnonzero((alleles.inserted != 0) & (KINDS.index("indel") == alleles.kind))
    np.add.at(out.lengths, (side[indels], np.clip(alleles.inserted[indels], -LONGEST, LONGEST) + LONGEST), 1)
    words = statuses.dictionary_encode()
    codes = alleles.kind * max(len(words.dictionary), 1) + words.indices.to_numpy()
    for code, count in zip(*(each.tolist() for each in np.unique(codes, return_counts=True)), strict=True):
        kind, word = divmod(code, len(words.dictionary))
        for name in words.dictionary[word].as_py().replace(";", "&").split("&"):
            out.filters[KINDS[kind], name] += count
    if filters is not None:
        _count_scores(out, alleles, filters, zygosity)
    return out


def count_windows(sites: schema.Sites, sums: SiteGenotypeSums, contigs: Mapping[str, int]) -> AlleleStatistics:
    """Sums over genotypes by window, and sites by their call rate; `contigs` has the index of each."""
    out = AlleleStatistics.empty()
    words = sites["contig"].unify_dictionaries().combine_chunks()
    numbers = np.array([contigs[name] for name in words.dictionary.to_pylist()], np.int64)
    contig = numbers[schema.numbers(words.indices)] if len(words) else np.zeros(0, np.int64)
    window = (schema.numbers(sites["pos"]).astype(np.int64) - 1) // WINDOW_BASES
    places, inverse = np.unique(np.stack([contig, window]), axis=1, return_inverse=True)
    ones = np.ones(len(window), np.int64)
    columns = (ones, sums.missing, sums.genotypes, sums.depth_sum, sums.depth_calls)
    totals = np.zeros((places.shape[1], len(columns)), np.int64)
    np.add.at(totals, inverse.reshape(-1), np.stack(columns, axis=1))
    filled = np.flatnonzero(sums.genotypes)
    called = (sums.genotypes - sums.missing)[filled]
    np.add.at(out.site_call_rates, called * 100 // sums.genotypes[filled], 1)
    windows = {tuple(place): tuple(total) for place, total in zip(places.T.tolist(), totals.tolist(), strict=True)}
    return replace(out, windows=windows)


def bin_of(values: Floats, edges: Floats) -> npt.NDArray[np.int64]:
    """The bin of each value; those beyond are in the first or the last."""
    return np.clip(np.searchsorted(edges, values, side="right") - 1, 0, len(edges) - 2)


def _statuses(sites: schema.Sites, filters: schema.Filters | None, alleles: AltAlleles) -> pa.Array:
    """The filters of each ALT."""
    if filters is None:
        return sites["filter"].combine_chunks().cast(pa.string()).fill_null("PASS").take(alleles.site)
    if not sites["pos"].equals(filters["pos"]):
        raise ValueError("the filters are of other sites")
    return filters["AS_FilterStatus"].combine_chunks().flatten().take(alleles.place)


def _values(sites: schema.Sites, alleles: AltAlleles, name: str) -> Floats:
    """An annotation of each ALT, NaN where it has none."""
    values: Floats = schema.numbers(sites["qual" if name == "QUAL" else name]).astype(np.float64)[alleles.site]
    if f"AS_{name}" not in sites.column_names:
        return values
    own, known = alleles.values_of(sites[f"AS_{name}"])
    return np.where(known & np.isfinite(own), own, values)


def _count_scores(out: AlleleStatistics, alleles: AltAlleles, filters: schema.Filters, zygosity: Counts | None) -> None:
    sensitivity, known = alleles.values_of(filters["AS_CALIBRATION_SENSITIVITY"])
    scored = np.flatnonzero(known & np.isfinite(sensitivity))
    if not scored.size:
        return
    bins = np.minimum(np.searchsorted(GRID, sensitivity[scored], side="left"), len(GRID) - 1)
    kind = np.where(alleles.kind[scored] == SNV, 0, 1)
    labels = _labels(filters["labels"], alleles).take(scored)
    groups = {
        "all": np.ones(len(scored), bool),
        "singletons": alleles.ac[scored] == 1,
        "transitions": alleles.exchange[scored] == TRANSITION,
        "transversions": alleles.exchange[scored] == TRANSVERSION,
    }
    for label in ("calibration", "training"):
        has = pc.match_substring_regex(labels, f"(^|;){label}(;|$)").fill_null(False)
        groups[label] = has.to_numpy(zero_copy_only=False)
    for place, group in enumerate(SCORED):
        if group in groups:
            np.add.at(out.scores[:, place], (kind[groups[group]], bins[groups[group]]), 1)
        elif zygosity is not None:
            counts = zygosity[alleles.place[scored], int(group == "homozygous")]
            np.add.at(out.scores[:, place], (kind, bins), counts)


def _labels(column: pa.ChunkedArray, alleles: AltAlleles) -> pa.Array:
    """The labels of each ALT, null without any."""
    rows, known = alleles.rows_of(column)
    return column.combine_chunks().flatten().take(pa.array(rows, mask=~known))


def sum_genotypes(distinct: schema.LocalGenotypes, runs: CellRuns, sites: int) -> SiteGenotypeSums:
    """Sums over genotypes as runs of cells, site by site.

    distinct  the columns GT and DP of the distinct ones
    runs      the row of `distinct` that each cell (site, sample) has
    """
    words = distinct["GT"].unify_dictionaries().combine_chunks()
    partial = pc.match_substring(words.dictionary, ".").to_numpy(zero_copy_only=False)
    missing = partial[words.indices.to_numpy()] if len(words) else np.zeros(0, bool)
    depth = np.maximum(schema.numbers(distinct["DP"]).astype(np.int64), -1)
    depth = np.where(missing, -1, depth)

    def along(weights: Counts) -> Counts:
        """Of each site the sum over its cells: added where a run begins, taken off where it ends."""
        of_run = weights[runs.numbers]
        steps = np.bincount(runs.firsts, of_run, sites + 1) - np.bincount(runs.stops, of_run, sites + 1)
        return np.cumsum(steps)[:sites].astype(np.int64)  # float64 is exact below 2**53

    return SiteGenotypeSums(
        missing=along(missing.astype(np.int64)),
        genotypes=along(np.ones(len(missing), np.int64)),
        depth_sum=along(np.maximum(depth, 0)),
        depth_calls=along((depth >= 0).astype(np.int64)),
    )

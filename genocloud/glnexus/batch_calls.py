"""A batch's samples at some sites: records lined up under sites, a cell for each kind of block, others one by one."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from genocloud.glnexus.allele_evidence import called_pairs
from genocloud.glnexus.merge_rules import MergeRules
from genocloud.glnexus.unified_sites import UnifiedSite
from genocloud.kernels import translated_calls
from genocloud.kernels.cell_runs import CellRuns, at_sites
from genocloud.kernels.kept_alleles import called_alts, keep_alts
from genocloud.kernels.row_alignment import RowPlaces, number_blocks
from genocloud.kernels.site_records import (
    FIRST_BLOCK,
    PART,
    RecordAlleles,
    RecordPlaces,
    SiteCells,
    deletion_alts,
    find_site_records,
)
from genocloud.kernels.translated_calls import (
    DP_SOURCE,
    GQ_SOURCE,
    MIN_DP_SOURCE,
    CalledCells,
    CallRules,
    RecordFacts,
    RevisionPriors,
    translate,
)
from genocloud.schema import MISSING, Blocks, Records, Variants, numbers, ragged, string_lists, strings

Array = npt.NDArray[Any]
Bools = npt.NDArray[np.bool_]

FAR_BP = 10_000
"""How far before a site a variant record may begin that a later record of its sample cuts short in a cohort."""


@dataclass(frozen=True, kw_only=True)
class SiteTables:
    """Sites as arrays, with two behind them that are any ordinary site and any of one lost ALT, for blocks."""

    alleles: RecordAlleles
    priors: RevisionPriors
    count: int

    @classmethod
    def of(cls, sites: Sequence[UnifiedSite], rules: MergeRules) -> "SiteTables":
        """The tables of sites sorted by start."""
        edits = [sorted(site.numbers.items()) for site in sites]
        every = [pair for each in edits for pair in each]
        anywhere = [(0, 1, 0, 1, False, np.float32(0)), (0, 1, 0, 1, True, np.float32(0))]
        facts = [(site.start, site.stop, *site.reach, site.alone, site.lost) for site in sites] + anywhere
        starts, stops, lows, highs, alone, lost = zip(*facts, strict=True)
        frequencies = [each for site in sites for each in site.frequencies] + [np.float32(0)] * 2
        alts = [len(site.alts) for site in sites] + [1, 1]
        least = np.float32(rules.min_assumed_allele_frequency)
        with np.errstate(divide="ignore"):  # a frequency of 0 is one that is never
            logs = [
                np.log(np.maximum(np.array(each, np.float32), least)).astype(np.float64) for each in (lost, frequencies)
            ]
        indels = [len(alt) != len(site.ref) for site in sites for alt in site.alts] + [False] * 2
        alleles = RecordAlleles(
            starts=np.array(starts, np.int64),
            stops=np.array(stops, np.int64),
            lows=np.array(lows, np.int64),
            highs=np.array(highs, np.int64),
            alone=np.array(alone, np.uint8),
            at=_ends([*map(len, edits), 0, 0]),
            begins=np.array([edit.start for edit, _ in every], np.int64),
            ends=np.array([edit.stop for edit, _ in every], np.int64),
            numbers=np.array([number for _, number in every], np.int64),
            texts=_own(strings(pa.array([edit.dna for edit, _ in every], pa.string()))),
            alts=_ends(alts),
        )
        priors = RevisionPriors(lost=logs[0], twice=logs[1], indels=np.array(indels, np.uint8))
        return cls(alleles=alleles, priors=priors, count=len(sites))

    @property
    def alts(self) -> Array:
        """Each site's slice of the ALTs: (sites + 1,) int64."""
        return self.alleles.alts[: self.count + 1]


@dataclass(frozen=True, kw_only=True)
class BatchCalls:
    """Calls of a batch.

    cells    the distinct ones, by the alleles of their sites
    sites    (cells,) int64; the site of each that is of one site only, else -1
    filters  (cells,) text, None for none; where FT is lifted
    runs     which cell each sample has at each site
    """

    cells: CalledCells
    sites: Array
    filters: Sequence[str | None]
    runs: CellRuns

    @property
    def classes(self) -> Array:
        """Of each cell: 0 missing or half, 1 hom-ref, 2 het, 3 hom-alt; (cells,) int64."""
        low, high = self.cells.pairs.T
        return np.where(low < 0, 0, np.where(low != high, 2, np.where(low == 0, 1, 3))).astype(np.int64)

    def mark_called(self, alts: Array, out: Bools) -> None:
        """Mark in `out` (ALTs,) those that somebody calls; alts: (sites + 1,) each site's slice of them."""
        called_alts(self.runs, self.cells.pairs, self.sites, alts, out)

    def keeping(self, alts: Array, kept: Bools, sites: Bools) -> "BatchCalls":
        """The calls by the kept ALTs (of all sites), at some of the sites."""
        cells = self.cells
        pairs, laa, lad, lpl = keep_alts(self.sites, alts, kept, cells.pairs, cells.laa, cells.lad, cells.lpl)
        runs = self.runs if sites.all() else at_sites(self.runs, sites)
        return replace(self, cells=cells._replace(pairs=pairs, laa=laa, lad=lad, lpl=lpl), runs=runs)


def call_batch(sites: SiteTables, variants: Variants, blocks: Blocks, samples: int, rules: MergeRules) -> BatchCalls:
    """Call `samples` samples at sites; `sample` of the rows is the number of the sample, below `samples`.

    Needed are the rows that overlap the reach of the sites, and variants from FAR_BP before on; more do not matter.
    """
    variants, blocks = _sorted(variants), _sorted(blocks)
    kinds, places = _block_kinds(blocks, samples)
    records, facts = _records(variants, kinds, samples)
    real = sites.alleles._replace(starts=sites.alleles.starts[: sites.count])
    runs, own = find_site_records(
        real, records, places, len(kinds["gq"]), not rules.allow_partial_data, np.int64(FAR_BP)
    )
    cells = _with_blocks(own, sites.count, len(kinds["gq"]), len(variants))
    called, spoke = translate(cells, sites.alleles, sites.priors, records, facts, _call_rules(rules))
    of = cells.sites.copy()
    of[: len(of) - len(own.sites)] = -1
    lifts_filters = any(lifted.name == "FT" for lifted in rules.liftover_fields)
    filters = _filters(cells, spoke, variants) if lifts_filters else []
    return BatchCalls(cells=called, sites=of, filters=filters, runs=runs)


def _sorted(rows: Records) -> Records:
    """The rows by sample and start, as they nearly always are."""
    place = numbers(rows["sample"]).astype(np.int64) << 32 | numbers(rows["start"])
    return rows if (np.diff(place) >= 0).all() else rows.take(pa.array(np.argsort(place, kind="stable")))


def _ends(lengths: Any) -> Array:
    return np.cumsum([0, *lengths], dtype=np.int64)


def _own(arrays: Any) -> Any:
    """Writable arrays: Arrow's are read-only, another type for numba."""
    return tuple(np.array(array) for array in arrays)


_VALUES = ("min_dp", "dp", "gq", "pl0", "pl1", "pl2", "ploidy", "called")


def _block_kinds(blocks: Blocks, samples: int) -> tuple[dict[str, Array], RowPlaces]:
    """The distinct blocks but for their places, by column; where the blocks lie, with their kinds."""
    columns = np.stack([numbers(blocks[name]).astype(np.int32) for name in _VALUES])
    kinds, firsts = number_blocks(columns)
    starts, stops = (numbers(blocks[name]).astype(np.int32) for name in ("start", "stop"))
    bounds = np.searchsorted(numbers(blocks["sample"]), np.arange(samples + 1))
    return dict(zip(_VALUES, columns[:, firsts], strict=True)), RowPlaces(starts, stops, bounds, kinds)


def _records(variants: Variants, kinds: dict[str, Array], samples: int) -> tuple[RecordPlaces, RecordFacts]:
    """Variant records, then the kinds of blocks."""
    count, of_kinds = len(variants), len(kinds["gq"])
    refs, alts = _own(strings(variants["ref"])), _own(string_lists(variants["alts"]))
    starts, cuts = (numbers(variants[name]).astype(np.int64) for name in ("start", "stop"))
    stops = np.maximum(starts + np.diff(refs[0]), cuts)
    bounds = np.searchsorted(numbers(variants["sample"]), np.arange(samples + 1)).astype(np.int64)
    apart = np.repeat(np.arange(samples), np.diff(bounds)) << 40
    reaches = np.maximum.accumulate(stops + apart) - apart if count else stops
    deletions = deletion_alts(refs, alts, stops - starts == np.diff(refs[0]))
    nothing = np.zeros(of_kinds, np.int64)
    every_alt = (
        np.append(alts[0], alts[0][-1] + 1 + np.arange(of_kinds)),
        np.append(alts[1], alts[1][-1] + nothing),
        alts[2],
    )
    places = RecordPlaces(
        starts=np.append(starts, nothing),
        stops=np.append(stops, nothing),
        cuts=np.append(cuts, nothing),
        reaches=np.append(reaches, nothing),
        bounds=bounds,
        alts=every_alt,
    )
    symbolic = _last_is_symbolic(alts)
    called, haploid, yes = kinds["called"] == 1, kinds["ploidy"] == 1, np.ones(of_kinds, np.bool_)
    of_blocks = np.stack([np.where(called & ~haploid, 0, -1), np.where(called, 0, -1)], axis=1)
    values = [np.append(numbers(variants[name]), kinds[name]).astype(np.int64) for name in _VALUES[:3]]
    pl = np.stack([kinds[name] for name in _VALUES[3:6]], axis=1)
    has_pl = ~haploid & (pl != MISSING).all(axis=1)
    facts = RecordFacts(
        called=np.concatenate([called_pairs(variants), of_blocks]).ravel(),
        haploid=np.append(numbers(pc.list_value_length(variants["gt"])) == 1, haploid).view(np.uint8),
        reference=np.append(np.diff(alts[0]) == symbolic, yes).view(np.uint8),
        symbolic=np.append(symbolic, yes).view(np.uint8),
        quals=np.append(np.nan_to_num(numbers(variants["qual"]).astype(np.float64)), np.zeros(of_kinds)),
        numbers=np.stack(values, axis=1).ravel(),
        ad=_lists(variants["ad"], nothing, np.zeros(0, np.int32)),
        sb=_lists(variants["sb"], nothing, np.zeros(0, np.int32)),
        pl=_lists(variants["pl"], 3 * has_pl.astype(np.int64), pl[has_pl].ravel()),
        deletions=np.append(deletions, ~yes).view(np.uint8),
    )
    return places, facts


def _last_is_symbolic(alts: tuple[Array, Array, Array]) -> Bools:
    """Whether the last ALT of each record stands for no particular bases: (rows,) bool."""
    at, text, data = alts
    last = np.maximum(at[1:] - 1, 0)
    if not len(data):
        return np.zeros(len(last), np.bool_)
    first, end = text[:-1][last], text[1:][last]
    brackets = (data[np.minimum(first, len(data) - 1)] == ord("<")) & (data[end - 1] == ord(">"))
    return np.asarray((np.diff(at) > 0) & (end - first > 1) & brackets)


def _lists(column: pa.ChunkedArray, more: Array, values: Array) -> tuple[Array, Array]:
    """Offsets and values of a column of lists, and of more lists behind them."""
    offsets, own = ragged(column)
    return np.append(offsets, offsets[-1] + np.cumsum(more)), np.append(own, values).astype(np.int32)


def _with_blocks(own: SiteCells, sites: int, kinds: int, variants: int) -> SiteCells:
    """The cells without records, and those of each kind of block, before the others."""
    records = variants + np.repeat(np.arange(kinds), 2)
    at = np.concatenate([np.zeros(FIRST_BLOCK, np.int64), np.arange(2 * kinds + 1), own.at[1:] + 2 * kinds])
    head = np.full(FIRST_BLOCK + 2 * kinds, sites, np.int64)
    head[FIRST_BLOCK + 1 :: 2] += 1
    spanned = np.ones(len(head), np.uint8)
    spanned[PART] = 0
    return SiteCells(
        np.append(head, own.sites),
        np.append(spanned, own.spanned),
        at,
        np.append(records, own.members).astype(np.int64),
    )


_SOURCES = {"MIN_DP": MIN_DP_SOURCE, "DP": DP_SOURCE, "GQ": GQ_SOURCE}
_FIELDS = {name: getattr(translated_calls, name) for name in ("DP", "AD", "GQ", "PL", "SB", "FT")}


def _call_rules(rules: MergeRules) -> CallRules:
    lifted = {each.name: each for each in rules.liftover_fields}
    sources = np.full((2, len(_SOURCES)), -1, np.int64)
    for row, name in enumerate(("DP", "GQ")):
        known = [_SOURCES[source] for source in lifted[name].sources if source in _SOURCES] if name in lifted else []
        sources[row, : len(known)] = known[: len(_SOURCES)]
    variants_only = np.zeros(len(_FIELDS), np.uint8)
    for name, each in lifted.items():
        variants_only[_FIELDS[name]] = each.variants_only
    weights = [float(np.float32(each)) for each in (rules.snv_prior_calibration, rules.indel_prior_calibration)]
    return CallRules(
        required_dp=rules.required_dp,
        revise=rules.revise_genotypes,
        partial_data=rules.allow_partial_data,
        more_pl=rules.more_PL,
        top_two=rules.top_two_half_calls,
        calibrated=(rules.snv_prior_calibration, rules.indel_prior_calibration) != (1.0, 1.0),
        snv=weights[0],
        indel=weights[1],
        variants_only=variants_only,
        sources=sources.ravel(),
    )


def _filters(cells: SiteCells, spoke: Array, variants: Variants) -> list[str | None]:
    """FT of each cell: the words of FILTER of the records that speak, sorted."""
    words = [
        {word for word in (text or "").split(";") if word not in ("", "PASS")}
        for text in variants["filter"].to_pylist()
    ]
    out: list[str | None] = []
    for first, last in zip(cells.at[:-1].tolist(), cells.at[1:].tolist(), strict=True):
        own = [member for member in cells.members[first:last][spoke[first:last] == 1].tolist() if member < len(words)]
        out.append(";".join(sorted({word for member in own for word in words[member]})) or None)
    return out

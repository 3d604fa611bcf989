"""A batch's rows aligned to the sites of a shard, as arrays for the kernels."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from genocloud import schema
from genocloud.annotations import MEDIANS
from genocloud.kernels.alleles import any_other_alleles, match_alleles, spanning_alleles
from genocloud.kernels.cell_runs import CellRuns, at_sites
from genocloud.kernels.merged_likelihoods import (
    BLOCK,
    FACTS,
    HOM_REF,
    NO_CALL,
    OTHER,
    complete_vectors,
    genotype_states,
)
from genocloud.kernels.row_alignment import RowPlaces, cover_sites, number_blocks

Array = npt.NDArray[Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteArrays:
    """Sites as arrays.

    positions (sites,) int32; alleles (sites,) int64: merged alleles with REF; stars (sites,) int64: number of `*` or -1
    refs, alts  results of `schema.strings` and `schema.string_lists`
    """

    positions: Array
    alleles: Array
    stars: Array
    refs: tuple[Array, Array]
    alts: tuple[Array, Array, Array]


@dataclass(frozen=True, slots=True, kw_only=True)
class AlignedRows:
    """A batch's rows at the sites of a shard; blocks that differ only in their place are one row.

    variants      VARIANTS without the columns that are in the arrays: first those that are called site by site, then
                  reference records (`_are_reference`)
    first_shared  the first row that has one genotype at all sites of one ALT: reference records, then blocks
    ranks         (samples of the batch,) int32: cohort ranks, -1 for inactive samples
    sites         the sites: start, ref and alts
    facts         (rows,) merged_likelihoods.FACTS: the variants, then the distinct blocks
    pl, own       int32: see merged_likelihoods.COLUMNS
    cover         CellRuns: the row that covers each site in each active sample, -1 where none does
    merged_at     (variants,) int64, merged int32: merged number of each own ALT
    under         (variants,) bool: records under a deletion of their sample, see `begin_under_deletions`
    indels        (variants,) bool: records with an ALT, other than `<*>` and `*`, of another length than REF
    """

    variants: schema.Variants
    first_shared: int
    ranks: Array
    sites: schema.MergedSites
    facts: Array
    pl: Array
    own: Array
    cover: CellRuns
    merged_at: Array
    merged: Array
    under: Array
    indels: Array

    @property
    def nbytes(self) -> int:
        """Bytes of memory."""
        arrays = self.facts, self.pl, self.own, *self.cover, self.merged_at, self.merged, self.under, self.indels
        return int(self.variants.nbytes + sum(array.nbytes for array in arrays))

    def at_sites(self, sites: schema.MergedSites) -> "AlignedRows":
        """The same rows at a subset of the sites; raises LookupError where a site is not one of those aligned to."""
        wanted, starts = sites.select(_SITE), schema.numbers(self.sites["start"])
        if _same(wanted, self.sites):
            return self
        indices = np.searchsorted(starts, schema.numbers(sites["start"]))
        if (len(indices) and indices[-1] == len(starts)) or not _same(self.sites.take(indices), wanted):
            raise LookupError("sites to which the rows were not aligned")
        mask = np.zeros(len(starts), bool)
        mask[indices] = True
        return replace(self, sites=wanted, cover=at_sites(self.cover, mask))

    def with_own_no_calls(self) -> "AlignedRows":
        """The rows with no-calls, and hom-ref without a read, as no-calls that have neither PL nor GQ."""
        facts = self.facts.copy()
        depth = np.where(facts["min_dp"] == schema.MISSING, facts["dp"], facts["min_dp"])
        unread = (facts["state"] == HOM_REF) & (depth == 0)
        silent = unread | (facts["state"] == NO_CALL)
        facts["state"][silent], facts["pl"][silent], facts["gq"][silent] = NO_CALL, -1, schema.MISSING
        return replace(self, facts=facts)

    def with_unknown(self, filler: int) -> "AlignedRows":
        """The rows with UNKNOWN_PL where variants have the filler at a genotype with NON_REF, their last allele."""
        facts = self.facts[: len(self.variants)]
        facts = facts[(facts["pl"] >= 0) & (facts["other"] == facts["alleles"] - 1)]
        without, every = np.ones((2, len(facts)), np.int64)  # genotypes, those with NON_REF last
        for k in range(1, facts["ploidy"].max(initial=0) + 1):
            more = k <= facts["ploidy"]
            without = np.where(more, without * (facts["other"] + k - 1) // k, without)
            every = np.where(more, every * (facts["alleles"] + k - 1) // k, every)
        first, count = facts["pl"] + without, every - without
        ends = np.cumsum(count)
        places = np.arange(ends[-1] if len(ends) else 0) + np.repeat(first - ends + count, count)
        pl = self.pl.copy()
        pl[places[pl[places] == filler]] = UNKNOWN_PL
        return replace(self, pl=pl)


UNKNOWN_PL = 1 << 28
"""Stands for a PL that is not known: phred, larger than all others, also once the best is taken off."""


def _same(first: schema.MergedSites, second: schema.MergedSites) -> bool:
    return all(first[name].equals(second[name]) for name in _SITE)


_SITE = ["start", "ref", "alts"]
_IN_ARRAYS = "contig", "sample", "start", "stop", "ref", "alts", "pl", "dp", "gq", "min_dp", "info_dp", "phased"


def site_arrays(sites: schema.MergedSites) -> SiteArrays:
    """The sites of a table with start, ref and alts."""
    lists, offsets, text = schema.string_lists(sites["alts"])
    star = np.flatnonzero(text[offsets[:-1]] == ord("*"))
    site = np.searchsorted(lists, star, side="right") - 1
    stars = np.full(len(sites), -1, np.int64)
    stars[site] = star - lists[site] + 1
    return SiteArrays(
        positions=_own(sites["start"], np.int32),
        alleles=np.diff(lists) + 1,
        stars=stars,
        refs=_writable(schema.strings(sites["ref"])),
        alts=_writable((lists, offsets, text)),
    )


def align_rows(
    variants: schema.Variants, blocks: schema.Blocks, ranks: Array, sites: schema.MergedSites
) -> AlignedRows:
    """Find the row that covers each site in each active sample, and lay the rows out as arrays.

    variants, blocks  rows of the sites' contig, sorted by (sample, start); those that cover no site only tell which
                      others lie under deletions
    ranks             (samples of the batch,) int32: cohort ranks, -1 for inactive samples
    sites             the sites, with start, ref and alts
    """
    arrays = site_arrays(sites)
    covering = _cover_any(variants, arrays.positions)
    under = begin_under_deletions(variants)[covering]
    variants = variants.filter(pa.array(covering)).combine_chunks() if not covering.all() else variants
    refs, alts = _writable(schema.strings(variants["ref"])), _writable(schema.string_lists(variants["alts"]))
    starts = _own(variants["start"], np.int32)
    own_at, own, merged = match_alleles(starts, refs[0], *alts, arrays.positions, *arrays.refs, *arrays.alts)
    pl_at, pl = _writable(schema.ragged(variants["pl"]))
    block_facts = np.stack([schema.numbers(blocks[name]).astype(np.int32) for name in _BLOCK_FACTS])
    numbers, firsts = number_blocks(block_facts)
    distinct = dict(zip(_BLOCK_FACTS, block_facts[:, firsts], strict=True))
    variant_facts = _variant_facts(variants, refs, alts, (pl_at, pl), own_at)
    shared = _are_reference(variants, variant_facts, pl)
    order = np.argsort(shared, kind="stable")
    facts = np.concatenate([variant_facts[order], _block_facts(distinct, len(pl))])
    pl = np.concatenate([pl, np.stack([distinct[name] for name in _LIKELIHOODS], axis=1).ravel()])
    active = np.flatnonzero(ranks >= 0).astype(np.int32)
    cover = cover_sites(
        arrays.positions,
        active,
        _places(variants, len(ranks), np.argsort(order)),
        _places(blocks, len(ranks), len(variants) + numbers),
    )
    evidence = variants.drop_columns([name for name in _IN_ARRAYS if name in variants.column_names])
    return AlignedRows(
        variants=evidence.take(order) if shared.any() else evidence,
        first_shared=int(len(shared) - shared.sum()),
        ranks=ranks,
        sites=sites.select(_SITE),
        facts=facts,
        pl=pl,
        own=own,
        cover=cover,
        merged_at=alts[0][:-1][order],
        merged=merged,
        under=under[order],
        indels=_are_indels(refs[0], *alts)[order],
    )


def _are_indels(refs: Array, lists: Array, offsets: Array, text: Array) -> npt.NDArray[np.bool_]:
    """Which records have an ALT, other than `<*>` and `*`, of another length than REF: (variants,) bool.

    refs  (variants + 1,), slices of REF's bases;  lists, offsets, text  ALTs as of `schema.string_lists`
    """
    row, first = np.repeat(np.arange(len(refs) - 1), np.diff(lists)), text[offsets[:-1]]
    named = (first != ord("<")) & (first != ord("*"))
    return np.bincount(row, named & (np.diff(offsets) != np.diff(refs)[row]), len(refs) - 1) > 0


def _cover_any(variants: schema.Variants, positions: Array) -> npt.NDArray[np.bool_]:
    """Which records count at a site: not those that are there for their REF alone, which a later record has cut."""
    starts, stops = schema.numbers(variants["start"]), schema.numbers(variants["stop"])
    out = schema.reaches(variants) <= stops
    rest = ~out
    out[rest] = np.searchsorted(positions, starts[rest]) < np.searchsorted(positions, stops[rest])
    return np.asarray(out)


def begin_under_deletions(variants: schema.Variants) -> npt.NDArray[np.bool_]:
    """Which diploid records begin under a deletion that their sample has on one haplotype: (variants,) bool.

    `variants`, VARIANTS sorted by (sample, start), have all records that reach so far (`schema.reaches`). Not those
    that call two ALTs, or have `*` themselves.
    """
    reaches, sample = schema.reaches(variants), schema.numbers(variants["sample"]).astype(np.int64) << 32
    cut, starts = reaches > schema.numbers(variants["stop"]), sample + schema.numbers(variants["start"])
    if not cut.any():
        return cut
    concerned = cut | (_reached(np.where(cut, sample + reaches, 0)) > starts)
    under = np.zeros(len(variants), bool)
    under[concerned] = _under_deletions(
        variants.filter(pa.array(concerned)), (sample + reaches)[concerned], starts[concerned]
    )
    return under


def _reached(ends: Array) -> Array:
    """The largest end of the records before each one; 0 before the first."""
    return np.concatenate([[0], np.maximum.accumulate(ends)])[: len(ends)]


def _under_deletions(variants: schema.Variants, ends: Array, starts: Array) -> npt.NDArray[np.bool_]:
    """As `begin_under_deletions`, of the records that others have cut and those that begin under these."""
    gt_at, gt = schema.ragged(variants["gt"])
    lists, offsets, text = schema.string_lists(variants["alts"])
    row, diploid = np.repeat(np.arange(len(variants)), np.diff(lists)), np.diff(gt_at) == 2
    pairs = np.zeros((len(variants), 2), np.int64)
    pairs[diploid] = gt[np.repeat(diploid, np.diff(gt_at))].reshape(-1, 2)
    first, lengths = text[offsets[:-1]], np.diff(offsets)
    shorter = (lengths < np.diff(schema.strings(variants["ref"])[0])[row]) & (first != ord("<"))
    number = np.arange(len(row)) - lists[row] + 1
    deleted = np.bincount(row, shorter * (pairs[row] == number[:, None]).sum(axis=1), len(variants))
    fits = diploid & ~((pairs > 0).all(axis=1) & (pairs[:, 0] != pairs[:, 1]))
    fits[row[first == ord("*")]] = False
    return np.asarray(fits & (_reached(np.where(deleted == 1, ends, 0)) > starts))


def _places(rows: schema.Records, samples: int, numbers: Array) -> RowPlaces:
    bounds = np.searchsorted(schema.numbers(rows["sample"]), np.arange(samples + 1))
    return RowPlaces(_own(rows["start"], np.int32), _own(rows["stop"], np.int32), bounds, numbers.astype(np.int32))


_LIKELIHOODS = ("pl0", "pl1", "pl2")
_BLOCK_FACTS = ("ploidy", "called", "dp", "gq", "min_dp", *_LIKELIHOODS)
"""Columns of a block apart from its place: blocks equal in these are one row."""


def _variant_facts(
    variants: schema.Variants,
    refs: tuple[Array, Array],
    alts: tuple[Array, Array, Array],
    pls: tuple[Array, Array],
    own_at: Array,
) -> Array:
    gt_at, gt = _writable(schema.ragged(variants["gt"]))
    ploidies, alleles = np.diff(gt_at), np.diff(alts[0]) + 1
    return _facts(
        start=variants["start"],
        ploidy=ploidies,
        state=genotype_states(gt_at, gt),
        phased=variants["phased"],
        dp=variants["dp"],
        gq=variants["gq"],
        min_dp=variants["min_dp"],
        info_dp=variants["info_dp"],
        alleles=alleles,
        other=any_other_alleles(*alts),
        star=spanning_alleles(*refs, *alts, ploidies, *pls),
        pl=complete_vectors(*pls, alleles, ploidies),
        own=own_at,
    )


def _are_reference(variants: schema.Variants, facts: Array, pl: Array) -> npt.NDArray[np.bool_]:
    """Which records say no more than a block but for AD, PGT, PID and PS, and so have one genotype along their sites.

    (variants,) bool: NON_REF is the only ALT, REF is the likeliest, and no annotation of a site counts their values.
    Callers that write AD in blocks (DRAGEN), or a record for each base, have many.
    """
    out = (facts["alleles"] == 2) & (facts["other"] == 1) & (facts["star"] == 0) & (facts["state"] != OTHER)
    out &= (facts["ploidy"] > 0) & (facts["ploidy"] <= 2)
    if out.any():
        out &= (facts["pl"] < 0) | (np.append(pl, 0)[facts["pl"]] == 0)
        for name in ("sb", "raw_mq", *MEDIANS):
            out &= np.asarray(variants[name].is_null())
    return np.asarray(out)


def _block_facts(blocks: dict[str, Array], first_pl: int) -> Array:
    """Facts of distinct blocks; their PLs, three each, begin at `first_pl` of the batch's."""
    count = len(blocks["dp"])
    pl_counts = sum((blocks[name] != schema.MISSING).astype(np.int32) for name in _LIKELIHOODS)
    constants = {"phased": 0, "info_dp": schema.MISSING, "alleles": 2, "other": 1, "star": 0, "own": BLOCK}
    return _facts(
        start=np.full(count, -1, np.int32),
        state=np.where(blocks["called"], HOM_REF, NO_CALL),
        pl=np.where(pl_counts > blocks["ploidy"], first_pl + 3 * np.arange(count), -1),
        **{name: blocks[name] for name in ("ploidy", "dp", "gq", "min_dp")},
        **constants,
    )


def _facts(**columns: Any) -> Array:
    out = np.empty(len(columns["start"]), FACTS)
    for name, column in columns.items():
        out[name] = schema.numbers(column) if isinstance(column, pa.ChunkedArray) else column
    return out


def _own(column: pa.ChunkedArray, dtype: Any) -> Array:
    """A column as a writable array: Arrow's are read-only, another type for numba, which would compile again."""
    return np.array(schema.numbers(column), dtype=dtype)


def _writable(arrays: Any) -> Any:
    return tuple(np.array(array) for array in arrays)

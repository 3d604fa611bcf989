"""Records under a deletion that their own sample has on one haplotype: they speak for the other haplotype alone."""

from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from genocloud import schema
from genocloud.genotypes.aligned_rows import UNKNOWN_PL, AlignedRows, site_arrays
from genocloud.kernels.cell_runs import CellRuns, joined

Array = npt.NDArray[Any]


def with_own_deletions(rows: AlignedRows, starred: npt.NDArray[np.bool_]) -> AlignedRows:
    """The rows, and at the site where it begins another row for each record under its sample's own deletion.

    starred  (sites,) bool: `*` is emitted there, and stands for the haplotype with the deletion; elsewhere REF does

    The record's ALT a is on the haplotype that is left, or REF is: a has the better likelihood of the genotypes REF/a
    and a/a, REF that of REF/REF, and no other genotype is known.
    """
    runs, arrays = np.flatnonzero(_begin_under(rows)), site_arrays(rows.sites)
    if not len(runs):
        return rows
    old, sites, first = rows.cover.numbers[runs], rows.cover.firsts[runs], rows.first_shared
    facts = rows.facts[old]
    stars = np.where(starred[sites], arrays.stars[sites], -1)
    vectors, owns = [], []
    for fact, star, alleles in zip(facts, stars.tolist(), arrays.alleles[sites].tolist(), strict=True):
        own = rows.own[fact["own"] : fact["own"] + alleles].copy()
        if star > 0:
            own[star] = fact["alleles"]
        vectors.append(_one_haplotype(rows.pl[fact["pl"] :], int(fact["alleles"]), int(fact["other"]), star > 0))
        owns.append(own)
    facts["pl"], facts["own"] = _starts(vectors, len(rows.pl)), _starts(owns, len(rows.own))
    facts["alleles"] += 1
    facts["phased"] = 0  # a phase of the record's alleles is none of `*`
    variants = [rows.variants[:first], rows.variants.take(old), rows.variants[first:]]
    return replace(
        rows,
        variants=pa.concat_tables(variants).combine_chunks(),
        first_shared=first + len(old),
        facts=np.concatenate([rows.facts[:first], facts, rows.facts[first:]]),
        pl=np.concatenate([rows.pl, *vectors]),
        own=np.concatenate([rows.own, *owns]),
        cover=_with_rows(rows.cover, runs, first),
        merged_at=_inserted(rows.merged_at, old, first),
        under=_inserted(rows.under, old, first),
        indels=_inserted(rows.indels, old, first),
    )


def _inserted(values: Array, copied: Array, first: int) -> Array:
    """Values of rows with some of them copied to `first`."""
    return np.concatenate([values[:first], values[copied], values[first:]])


def _begin_under(rows: AlignedRows) -> npt.NDArray[np.bool_]:
    """The runs of a record with PL that lies under its sample's own deletion, and begins at their first site."""
    cover, positions = rows.cover, schema.numbers(rows.sites["start"])
    if not rows.under.any():
        return np.zeros(len(cover.numbers), bool)
    fits = np.append(rows.under & (rows.facts[: len(rows.under)]["pl"] >= 0), False)
    begin = positions[cover.firsts] == rows.facts[cover.numbers]["start"]
    return np.asarray(fits[np.where(cover.numbers < rows.first_shared, cover.numbers, -1)] & begin)


def _one_haplotype(pl: Array, alleles: int, other: int, starred: bool) -> Array:
    """PL of one haplotype by the alleles of a record and `*`, behind these, which stands for the other; int32.

    pl  (>= genotypes of `alleles`,) int32; other: the number of `<*>` among the alleles, 0 if none
    """
    out = np.full((alleles + 1) * (alleles + 2) // 2, UNKNOWN_PL, np.int32)
    for allele in range(alleles):
        if allele and allele == other:
            continue
        first = allele * (allele + 1) // 2  # REF/a; a/a is `allele` behind it
        likelihood = min(pl[first], pl[first + allele])
        out[alleles * (alleles + 1) // 2 + allele if starred else first] = likelihood
    return out


def _starts(pieces: list[Array], first: int) -> Array:
    """Where each of some arrays begins, the first at `first`, when one lies behind the other."""
    return first + np.concatenate([[0], np.cumsum([len(piece) for piece in pieces[:-1]])]).astype(np.int64)


def _with_rows(cover: CellRuns, runs: Array, first: int) -> CellRuns:
    """The runs with rows inserted from `first` on, one after the other at the first site of each of `runs`."""
    numbers = np.where(cover.numbers >= first, cover.numbers + np.int32(len(runs)), cover.numbers)
    firsts = cover.firsts.copy()
    firsts[runs] += 1
    left = firsts < cover.stops
    rest = CellRuns(cover.samples[left], firsts[left], cover.stops[left], numbers[left])
    begun = cover.firsts[runs]
    added = first + np.arange(len(runs), dtype=np.int32)
    return joined(rest, CellRuns(cover.samples[runs], begun, begun + np.int32(1), added))

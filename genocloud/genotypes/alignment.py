"""A batch's rows lined up under the sites of a shard, as the arrays that the kernels take."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from genocloud import schema
from genocloud.kernels.alignment import speaking_rows
from genocloud.kernels.alleles import any_other_alleles, match_alleles, spanning_alleles
from genocloud.kernels.likelihoods import BLOCK, COLUMNS, HOM_REF, NO_CALL, complete_vectors, genotype_states

Array = npt.NDArray[Any]


@dataclass(frozen=True, slots=True)
class Places:
    """Sites as arrays.

    positions (sites,) int32; alleles (sites,) int64: merged alleles with REF; stars (sites,) int64: number of `*` or -1
    refs, alts  as `schema.strings` and `schema.string_lists` give them
    """

    positions: Array
    alleles: Array
    stars: Array
    refs: tuple[Array, Array]
    alts: tuple[Array, Array, Array]


@dataclass(frozen=True, slots=True)
class Lines:
    """Rows under sites.

    facts     (rows, 13) int32; pl, own int32: as likelihoods.COLUMNS says
    speaking  (sites, samples) int32: the rows of the samples in force
    merged_at (variants,) int64, merged int32: merged number of each own ALT
    """

    facts: Array
    pl: Array
    own: Array
    speaking: Array
    merged_at: Array
    merged: Array


def places(sites: pa.Table) -> Places:
    """The sites of a table with start, ref and alts."""
    lists, offsets, text = schema.string_lists(sites["alts"])
    star = np.flatnonzero(text[offsets[:-1]] == ord("*"))
    site = np.searchsorted(lists, star, side="right") - 1
    stars = np.full(len(sites), -1, np.int64)
    stars[site] = star - lists[site] + 1
    return Places(
        positions=_own(sites["start"], np.int32),
        alleles=np.diff(lists) + 1,
        stars=stars,
        refs=_writable(schema.strings(sites["ref"])),
        alts=_writable((lists, offsets, text)),
    )


def line_up(variants: pa.Table, blocks: pa.Table, ranks: Array, sites: Places) -> Lines:
    """Find the row that speaks for each sample in force (rank >= 0) at each site, and lay the rows out as arrays.

    Both tables hold rows of the sites' contig, sorted by (sample, start).
    """
    refs, alts = _writable(schema.strings(variants["ref"])), _writable(schema.string_lists(variants["alts"]))
    starts = _own(variants["start"], np.int32)
    own_at, own, merged = match_alleles(starts, refs[0], *alts, sites.positions, *sites.refs, *sites.alts)
    pl_at, pl = _writable(schema.ragged(variants["pl"]))
    facts = np.concatenate([_variant_facts(variants, refs, alts, pl_at, pl, own_at), _block_facts(blocks, len(pl))])
    pl = np.concatenate([pl, _block_likelihoods(blocks).ravel()])
    return Lines(facts, pl, own, _speaking(variants, blocks, ranks, sites), alts[0][:-1].copy(), merged)


def _variant_facts(
    variants: pa.Table,
    refs: tuple[Array, Array],
    alts: tuple[Array, Array, Array],
    pl_at: Array,
    pl: Array,
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
        star=spanning_alleles(*refs, *alts, ploidies, pl_at, pl),
        pl=complete_vectors(pl_at, pl, alleles, ploidies),
        own=own_at,
    )


def _block_facts(blocks: pa.Table, before: int) -> Array:
    """Facts of the blocks, whose likelihoods, three each, stand behind the first `before`."""
    given = (_block_likelihoods(blocks) != schema.MISSING).sum(axis=1)
    same = {name: np.full(len(blocks), value) for name, value in {"alleles": 2, "other": 1, "own": BLOCK}.items()}
    none = np.zeros(len(blocks), np.int32)
    return _facts(
        start=blocks["start"],
        ploidy=blocks["ploidy"],
        state=np.where(schema.numbers(blocks["called"]), HOM_REF, NO_CALL),
        phased=none,
        dp=blocks["dp"],
        gq=blocks["gq"],
        min_dp=blocks["min_dp"],
        info_dp=none + schema.MISSING,
        star=none,
        pl=np.where(given > schema.numbers(blocks["ploidy"]), before + 3 * np.arange(len(blocks)), -1),
        **same,
    )


def _block_likelihoods(blocks: pa.Table) -> Array:
    return np.stack([schema.numbers(blocks[name]) for name in ("pl0", "pl1", "pl2")], axis=1)


def _facts(**columns: Any) -> Array:
    first = columns["start"]
    out = np.empty((len(first), len(COLUMNS)), np.int32)
    for number, name in enumerate(COLUMNS):
        column = columns[name]
        out[:, number] = schema.numbers(column) if isinstance(column, pa.ChunkedArray) else column
    return out


def _speaking(variants: pa.Table, blocks: pa.Table, ranks: Array, sites: Places) -> Array:
    numbers = np.arange(len(ranks) + 1)
    variant_bounds = np.searchsorted(schema.numbers(variants["sample"]), numbers)
    block_bounds = np.searchsorted(schema.numbers(blocks["sample"]), numbers) + len(variants)
    in_force = np.flatnonzero(ranks >= 0).astype(np.int32)
    starts, stops = _both(variants, blocks, "start"), _both(variants, blocks, "stop")
    return np.asarray(speaking_rows(sites.positions, in_force, starts, stops, variant_bounds, block_bounds))


def _both(variants: pa.Table, blocks: pa.Table, name: str) -> Array:
    return np.concatenate([_own(variants[name], np.int32), _own(blocks[name], np.int32)])


def _own(column: pa.ChunkedArray, dtype: Any) -> Array:
    """A column as a writable array: Arrow's are read-only, which numba takes for another type and compiles again."""
    return np.array(schema.numbers(column), dtype=dtype)


def _writable(arrays: Any) -> Any:
    return tuple(np.array(array) for array in arrays)

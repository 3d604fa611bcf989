"""A batch's rows lined up under the sites of a shard, as the arrays that the kernels take."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from genocloud import schema
from genocloud.kernels.alignment import speaking_rows
from genocloud.kernels.alleles import any_other_alleles, match_alleles, spanning_alleles
from genocloud.kernels.likelihoods import HOM_REF, NO_CALL, Rows, complete_vectors, genotype_states

Array = npt.NDArray[Any]


@dataclass(frozen=True, slots=True)
class Places:
    """Sites as arrays: positions (sites,) int32; alleles and star (sites,) int64: merged alleles with REF, number of `*`
    or -1; refs and alts as `schema.strings` and `schema.string_lists` give them.
    """

    positions: Array
    alleles: Array
    stars: Array
    refs: tuple[Array, Array]
    alts: tuple[Array, Array, Array]


@dataclass(frozen=True, slots=True)
class Lines:
    """Rows under sites: the kernels' `rows`; own_counts (rows,) int64: own alleles with REF; speaking (sites, samples)
    int32: rows of the samples in force; merged and merged_at: merged number of each own ALT of the variants.
    """

    rows: Rows
    own_counts: Array
    speaking: Array
    merged: Array
    merged_at: Array


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
    own_at, own, merged = match_alleles(
        _own(variants["start"], np.int32), refs[0], *alts, sites.positions, *sites.refs, *sites.alts
    )
    own_counts = np.concatenate([np.diff(alts[0]) + 1, np.full(len(blocks), 2)])
    rows = _rows(variants, blocks, refs, alts, own_counts, own_at, own)
    return Lines(rows, own_counts, _speaking(variants, blocks, ranks, sites, rows), merged, alts[0][:-1])


def _rows(
    variants: pa.Table,
    blocks: pa.Table,
    refs: tuple[Array, Array],
    alts: tuple[Array, Array, Array],
    own_counts: Array,
    own_at: Array,
    own: Array,
) -> Rows:
    gt_at, gt = _writable(schema.ragged(variants["gt"]))
    pl_at, pl = _writable(schema.ragged(variants["pl"]))
    ploidies = np.diff(gt_at).astype(np.int8)
    count = len(variants)
    block_pl = np.stack([_own(blocks[name], np.int32) for name in ("pl0", "pl1", "pl2")], axis=1).ravel()
    block_ploidies = _own(blocks["ploidy"], np.int8)
    complete = (block_pl.reshape(-1, 3) != schema.MISSING).sum(axis=1) > block_ploidies
    block_at = np.where(complete, len(pl) + 3 * np.arange(len(blocks)), -1)
    block_states = np.where(_own(blocks["called"], np.bool_), HOM_REF, NO_CALL).astype(np.int8)
    both = {name: _both(variants, blocks, name) for name in ("start", "dp", "gq", "min_dp")}
    return Rows(
        starts=both["start"],
        ploidies=np.concatenate([ploidies, block_ploidies]),
        states=np.concatenate([genotype_states(gt_at, gt), block_states]),
        phased=np.concatenate([_own(variants["phased"], np.bool_), np.zeros(len(blocks), np.bool_)]),
        dp=both["dp"],
        gq=both["gq"],
        min_dp=both["min_dp"],
        info_dp=np.concatenate([_own(variants["info_dp"], np.int32), np.full(len(blocks), schema.MISSING)]),
        pl_at=np.concatenate([complete_vectors(pl_at, pl, own_counts[:count], ploidies), block_at]),
        pl=np.concatenate([pl, block_pl]),
        any_other=np.concatenate([any_other_alleles(*alts), np.ones(len(blocks), np.int32)]),
        spanning=spanning_alleles(*refs, *alts, ploidies, pl_at, pl),
        own_at=own_at,
        own=own,
    )


def _speaking(variants: pa.Table, blocks: pa.Table, ranks: Array, sites: Places, rows: Rows) -> Array:
    numbers = np.arange(len(ranks) + 1)
    variant_bounds = np.searchsorted(schema.numbers(variants["sample"]), numbers)
    block_bounds = np.searchsorted(schema.numbers(blocks["sample"]), numbers) + len(variants)
    in_force = np.flatnonzero(ranks >= 0).astype(np.int32)
    stops = _both(variants, blocks, "stop")
    return np.asarray(speaking_rows(sites.positions, in_force, rows.starts, stops, variant_bounds, block_bounds))


def _both(variants: pa.Table, blocks: pa.Table, name: str) -> Array:
    return np.concatenate([_own(variants[name], np.int32), _own(blocks[name], np.int32)])


def _own(column: pa.ChunkedArray, dtype: Any) -> Array:
    """A column as a writable array: Arrow's are read-only, which numba takes for another type and compiles again."""
    return np.array(schema.numbers(column), dtype=dtype)


def _writable(arrays: Any) -> Any:
    return tuple(np.array(array) for array in arrays)

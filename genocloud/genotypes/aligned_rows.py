"""A batch's rows lined up under the sites of a shard, as the arrays that the kernels take."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from genocloud import schema
from genocloud.kernels.alleles import any_other_alleles, match_alleles, spanning_alleles
from genocloud.kernels.merged_likelihoods import BLOCK, FACTS, HOM_REF, NO_CALL, complete_vectors, genotype_states
from genocloud.kernels.row_alignment import fill_speaking, number_blocks

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
    """A batch's rows under the sites of a shard; blocks that say the same are one row.

    variants  the rows that are variants, without what is in the arrays
    ranks     (samples of the batch,) int32: cohort ranks, -1 for samples that are not in force
    sites     the sites: start, ref and alts
    facts     (rows,) likelihoods.FACTS, the variants first, then the distinct blocks
    pl, own   int32: as likelihoods.COLUMNS says
    speaking  (sites, samples) int32: the rows of the samples in force
    merged_at (variants,) int64, merged int32: merged number of each own ALT
    """

    variants: pa.Table
    ranks: Array
    sites: pa.Table
    facts: Array
    pl: Array
    own: Array
    speaking: Array
    merged_at: Array
    merged: Array

    @property
    def nbytes(self) -> int:
        """Bytes of memory."""
        arrays = self.facts, self.pl, self.own, self.speaking, self.merged_at, self.merged
        return int(self.variants.nbytes + sum(array.nbytes for array in arrays))

    def under(self, sites: pa.Table) -> "Lines":
        """The same rows under some of the sites, or all of them. Raises LookupError if there is another among these."""
        wanted, starts = sites.select(_SITE), schema.numbers(self.sites["start"])
        if _same(wanted, self.sites):
            return self
        places = np.searchsorted(starts, schema.numbers(sites["start"]))
        if (len(places) and places[-1] == len(starts)) or not _same(self.sites.take(places), wanted):
            raise LookupError("sites under which the rows were not lined up")
        return replace(self, sites=wanted, speaking=self.speaking[places])


def _same(first: pa.Table, second: pa.Table) -> bool:
    return all(first[name].equals(second[name]) for name in _SITE)


_SITE = ["start", "ref", "alts"]
_IN_ARRAYS = "contig", "sample", "start", "stop", "ref", "alts", "pl", "dp", "gq", "min_dp", "info_dp", "phased"


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


def align_rows(variants: pa.Table, blocks: pa.Table, ranks: Array, under: pa.Table) -> Lines:
    """Find the row that speaks for each sample in force at each site, and lay the rows out as arrays.

    variants, blocks  rows of the sites' contig, sorted by (sample, start)
    ranks             (samples of the batch,) int32: cohort ranks, -1 for samples that are not in force
    under             the sites, with start, ref and alts
    """
    sites = places(under)
    refs, alts = _writable(schema.strings(variants["ref"])), _writable(schema.string_lists(variants["alts"]))
    starts = _own(variants["start"], np.int32)
    own_at, own, merged = match_alleles(starts, refs[0], *alts, sites.positions, *sites.refs, *sites.alts)
    pl_at, pl = _writable(schema.ragged(variants["pl"]))
    told = np.stack([schema.numbers(blocks[name]).astype(np.int32) for name in _TOLD])
    numbers, firsts = number_blocks(told)
    distinct = dict(zip(_TOLD, told[:, firsts], strict=True))
    facts = np.concatenate([_variant_facts(variants, refs, alts, pl_at, pl, own_at), _block_facts(distinct, len(pl))])
    pl = np.concatenate([pl, np.stack([distinct[name] for name in _LIKELIHOODS], axis=1).ravel()])
    in_force = np.flatnonzero(ranks >= 0).astype(np.int32)
    speaking = np.full((len(sites.positions), len(in_force)), -1, np.int32)
    for rows, row_numbers in ((variants, np.arange(len(variants))), (blocks, len(variants) + numbers)):
        _speak(speaking, rows, row_numbers.astype(np.int32), in_force, len(ranks), sites.positions)
    evidence = variants.drop_columns([name for name in _IN_ARRAYS if name in variants.column_names])
    return Lines(evidence, ranks, under.select(_SITE), facts, pl, own, speaking, alts[0][:-1].copy(), merged)


_LIKELIHOODS = ("pl0", "pl1", "pl2")
_TOLD = ("ploidy", "called", "dp", "gq", "min_dp", *_LIKELIHOODS)
"""What a block says wherever it stands."""


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


def _block_facts(told: dict[str, Array], before: int) -> Array:
    """Facts of distinct blocks, whose likelihoods, three each, stand behind the first `before`."""
    count = len(told["dp"])
    given = sum((told[name] != schema.MISSING).astype(np.int32) for name in _LIKELIHOODS)
    same = {"phased": 0, "info_dp": schema.MISSING, "alleles": 2, "other": 1, "star": 0, "own": BLOCK}
    return _facts(
        start=np.full(count, -1, np.int32),
        state=np.where(told["called"], HOM_REF, NO_CALL),
        pl=np.where(given > told["ploidy"], before + 3 * np.arange(count), -1),
        **{name: told[name] for name in ("ploidy", "dp", "gq", "min_dp")},
        **same,
    )


def _facts(**columns: Any) -> Array:
    out = np.empty(len(columns["start"]), FACTS)
    for name, column in columns.items():
        out[name] = schema.numbers(column) if isinstance(column, pa.ChunkedArray) else column
    return out


def _speak(speaking: Array, rows: pa.Table, numbers: Array, in_force: Array, samples: int, positions: Array) -> None:
    bounds = np.searchsorted(schema.numbers(rows["sample"]), np.arange(samples + 1))
    places = _own(rows["start"], np.int32), _own(rows["stop"], np.int32)
    fill_speaking(speaking, positions, in_force, *places, bounds, numbers)


def _own(column: pa.ChunkedArray, dtype: Any) -> Array:
    """A column as a writable array: Arrow's are read-only, which numba takes for another type and compiles again."""
    return np.array(schema.numbers(column), dtype=dtype)


def _writable(arrays: Any) -> Any:
    return tuple(np.array(array) for array in arrays)

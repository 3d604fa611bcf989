"""Depths and likelihoods of CALLS and REFERENCE as files hold them: less what GT, DP and GQ predict of them."""

from collections.abc import Callable, Collection, Iterator, Mapping
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from genocloud import schema
from genocloud.differences import (
    PL_OF_PAIR,
    PL_OF_READ,
    Predictions,
    filled,
    folded,
    folded_lists,
    lists_like,
    unfolded,
    unfolded_lists,
)
from genocloud.genotype_text import allele_numbers_of

PREFIX = "packed_"
"""Begins the names of packed columns, so that no reader takes their numbers for depths or likelihoods."""

SOURCES: Mapping[str, tuple[str, ...]] = {
    "LAD": ("GT", "DP"),
    "LPL": ("GT", "GQ", "LAD", "DP"),
    "PL2": ("GQ",),
}
"""The packed columns, each after those that its decoding needs, which are these."""

_TIMES = {
    2: np.array([[0, 1], [1, 0]], np.int32),
    3: np.array([[0, 1, PL_OF_PAIR], [1, 0, 1], [PL_OF_PAIR, 1, 0]], np.int32),
}
"""How many times GQ each likelihood mostly is, of REF and one ALT: by its place and GT's copies of ALTs.

GQ is the second smallest likelihood; of a heterozygote one of the other two.
"""


class _Rows:
    """What rows of CALLS have beside their packed columns, each decoded when it is needed: (rows,) int32, null is 0."""

    def __init__(self, columns: Mapping[str, pa.ChunkedArray]) -> None:
        self._columns = columns

    @cached_property
    def depth(self) -> npt.NDArray[np.int32]:
        return filled(self._columns["DP"])

    @cached_property
    def quality(self) -> npt.NDArray[np.int32]:
        return filled(self._columns["GQ"])

    @cached_property
    def alts(self) -> npt.NDArray[np.int32]:
        """Copies of ALTs in GT."""
        return self._of_word(lambda alleles: sum(allele > 0 for allele in alleles))

    @cached_property
    def depth_of_ref(self) -> npt.NDArray[np.int32]:
        """DP where GT has REF alone or is not called, half of it beside an ALT, else 0."""
        return self.depth >> self._of_word(lambda alleles: (max(alleles) > 0) * (1 if 0 in alleles else 31))

    def _of_word(self, value: Callable[[list[int]], int]) -> npt.NDArray[np.int32]:
        words = self._columns["GT"].combine_chunks()
        values = [value(allele_numbers_of(word)) for word in words.dictionary.to_pylist()]
        return np.take(np.array(values, np.int32), schema.numbers(words.indices))


def _exchanged_depths(lists: pa.ChunkedArray, of: _Rows, packs: bool) -> pa.Array:
    """LAD packed, or unpacked: REF mostly has its alleles' share of DP, and the first ALT the rest.

    A column with missing entries stays as it is.
    """
    if pc.list_flatten(lists).null_count:
        return lists.combine_chunks()
    offsets, values = schema.ragged(lists)
    rows = np.flatnonzero(np.diff(offsets) > 1)
    at, depth, share, out = offsets[rows], of.depth[rows], of.depth_of_ref[rows], values.copy()
    ref, alt = values[at], values[at + 1]
    if packs:
        out[at], out[at + 1] = folded(ref - share), folded(alt - (depth - ref))
    else:
        out[at] = ref = unfolded(ref) + share
        out[at + 1] = unfolded(alt) + (depth - ref)
    return lists_like(lists, offsets, out)


def _likelihood_predictions(of: _Rows, depths: pa.ChunkedArray) -> Predictions:
    """Of LPL: of REF and one ALT by GQ; with another allele, which has no reads, by these and by LAD of both."""
    at, reads = schema.ragged(depths)

    def predictions(part: Any, rows: Any) -> Iterator[tuple[int | slice, Any]]:
        times = _TIMES.get(3 if len(part) == 6 else len(part))
        if times is None:
            return
        yield slice(len(times)), times[:, np.minimum(of.alts[rows], len(times) - 1)] * of.quality[rows]
        if len(part) == 6:
            ref, alt = (_values_at(at, reads, rows, place) for place in (0, 1))
            yield 3, part[0] + PL_OF_READ * ref
            yield 4, part[2] + PL_OF_READ * alt
            yield 5, part[3] + part[4] - part[1]

    return predictions


def _values_at(offsets: Any, values: Any, rows: Any, place: int) -> npt.NDArray[np.int32]:
    """The values at a place of rows' lists, 0 where there is none."""
    has = offsets[rows] + place < offsets[rows + 1]
    out = np.zeros(len(rows), np.int32)
    out[has] = values[offsets[rows[has]] + place]
    return out


def pack(table: pa.Table) -> pa.Table:
    """Rows of CALLS or of REFERENCE, all of a row group, as a file holds them; other tables stay as they are."""
    columns = dict(zip(table.column_names, table.columns, strict=True))
    of = _Rows(columns)
    packed = {name: _exchanged(name, columns, of, True) for name in SOURCES if name in columns}
    return pa.table([packed.get(name, column) for name, column in columns.items()], packed_schema(table.schema))


def unpack(table: pa.Table, names: Collection[str]) -> pa.Table:
    """The inverse of `pack`, from `stored_names`: those columns that there are. LPL needs all rows of a row group."""
    declared = unpacked_schema(table.schema)
    columns = dict(zip(declared.names, table.columns, strict=True))
    of = _Rows(columns)
    for name in SOURCES:
        if PREFIX + name in table.column_names:
            columns[name] = pa.chunked_array([_exchanged(name, columns, of, False)])
    wanted = [field for field in declared if field.name in names]
    return pa.table([columns[field.name] for field in wanted], pa.schema(wanted))


def stored_names(columns: Collection[str], held: Collection[str]) -> list[str]:
    """The columns of a file, which holds these, that some columns are unpacked from."""
    wanted = set(columns)
    for name in reversed(list(SOURCES)):
        if name in wanted and PREFIX + name in held:
            wanted.update(SOURCES[name])
    return [name for name in held if name.removeprefix(PREFIX) in wanted]


def packed_schema(declared: pa.Schema) -> pa.Schema:
    """The columns of a file with the declared ones."""
    fields = [field.with_name(PREFIX + field.name) if field.name in SOURCES else field for field in declared]
    return pa.schema(fields)


def unpacked_schema(stored: pa.Schema) -> pa.Schema:
    """The inverse of `packed_schema`."""
    return pa.schema([field.with_name(field.name.removeprefix(PREFIX)) for field in stored])


def _exchanged(name: str, columns: Mapping[str, pa.ChunkedArray], of: _Rows, packs: bool) -> pa.Array:
    """A column packed, or unpacked."""
    if name == "LAD":
        return _exchanged_depths(columns[name], of, packs)
    if name == "LPL":
        exchange = folded_lists if packs else unfolded_lists
        return exchange(columns[name], _likelihood_predictions(of, columns["LAD"]))
    values, predicted = filled(columns[name]), PL_OF_PAIR * of.quality
    return _like(columns[name], folded(values - predicted) if packs else unfolded(values) + predicted)


def _like(column: pa.ChunkedArray, values: npt.NDArray[np.int32]) -> pa.Array:
    """Values that are null where those of a column are."""
    return pa.array(values, mask=np.asarray(column.is_null()) if column.null_count else None)

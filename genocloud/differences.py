"""Integers stored less what is predicted of them, lists place by place: small numbers, which compress."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from genocloud import schema

Places = npt.NDArray[np.int64]

PL_OF_READ, PL_OF_PAIR = 3, 15
"""A read that has REF adds 3 to the PL of a heterozygote, 10 log10(2), and mostly 15 times that to the other one's."""


def filled(column: pa.ChunkedArray) -> npt.NDArray[Any]:
    """A column of numbers with 0 where it is null."""
    return np.asarray(pc.fill_null(column, 0).to_numpy())


def by_length(offsets: npt.NDArray[np.int64]) -> Iterator[tuple[Places, Places, slice]]:
    """Ragged values place by place: those of rows of one length together, of these all first values, then all second.

    For each length but 0: (its rows; where their values are, (places, rows); where these are place by place).
    """
    lengths, at = np.diff(offsets), 0
    for length in np.flatnonzero(np.bincount(lengths)[1:]).tolist():
        rows = np.flatnonzero(lengths == length + 1)
        slices = offsets[rows] + np.arange(length + 1)[:, None]
        yield rows, slices, slice(at, at + slices.size)
        at += slices.size


def folded(values: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """0, -1, 1, -2, ... as 0, 1, 2, 3, ...: so high bytes of small numbers of either sign are 0, and compress."""
    return (values << 1) ^ (values >> (8 * values.itemsize - 1))


def unfolded(values: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """The reverse of `folded`."""
    bits = values.view(f"u{values.itemsize}")
    return np.asarray(((bits >> 1) ^ -(bits & 1)).view(values.dtype))


Predictions: TypeAlias = Callable[[npt.NDArray[np.int32], Places], Iterable[tuple[int | slice, npt.NDArray[np.int32]]]]
"""What is predicted of lists of one length, from their values, (places, rows), and the numbers of their rows.

Pairs of a place, or several, and what is predicted there, in the order of decoding: from places that come before, or
of which nothing is predicted.
"""


def folded_lists(column: pa.ChunkedArray, predictions: Predictions) -> pa.ListArray:
    """Lists of int32 place by place (`by_length`), some places as folded differences from what is predicted of them.

    A column with missing entries stays as it is. Differences wrap around.
    """
    if pc.list_flatten(column).null_count:
        return column.combine_chunks()
    offsets, values = schema.ragged(column)
    out = np.empty_like(values)
    for rows, slices, at in by_length(offsets):
        part = values[slices]
        changed = part.copy()
        for place, predicted in predictions(part, rows):
            changed[place] = folded(part[place] - predicted)
        out[at] = changed.ravel()
    return lists_like(column, offsets, out)


def unfolded_lists(
    stored: pa.ChunkedArray, predictions: Predictions, rows: npt.NDArray[np.bool_] | None = None
) -> pa.ListArray:
    """The reverse of `folded_lists`; with `rows`, (rows,) bool, of these alone, as `predictions` numbers them."""
    chosen = np.ones(len(stored), np.bool_) if rows is None else rows
    left = stored if rows is None else stored.filter(pa.array(rows))
    if pc.list_flatten(stored).null_count:
        return left.combine_chunks()
    offsets, values = schema.ragged(stored)
    lengths = np.diff(offsets)
    kept = lengths[chosen]
    wanted, out, at = np.append(0, np.cumsum(kept)), np.empty(kept.sum(), values.dtype), 0
    for length, count in enumerate(np.bincount(lengths).tolist()):
        here = np.flatnonzero(kept == length)
        if length and len(here):
            part = values[at : at + length * count].reshape(length, count)[:, chosen[lengths == length]]
            for place, predicted in predictions(part, here):
                part[place] = unfolded(part[place]) + predicted
            out[wanted[here] + np.arange(length)[:, None]] = part
        at += length * count
    return lists_like(left, wanted, out)


def lists_like(column: pa.ChunkedArray, offsets: Places, values: npt.NDArray[np.int32]) -> pa.ListArray:
    """Lists that are null where those of a column are."""
    mask = column.combine_chunks().is_null() if column.null_count else None
    return pa.ListArray.from_arrays(pa.array(offsets.astype(np.int32)), pa.array(values, schema.INT32), mask=mask)

"""How a cohort's columns become numbers that compress: less what other columns predict, lists place by place."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from genocloud.differences import Predictions, filled, folded, folded_lists, unfolded, unfolded_lists
from genocloud.kernels.thousandths import exchange_thousandths
from genocloud.schema import FLOAT, INT32, MISSING, ragged

Array = npt.NDArray[Any]


class Columns(dict[str, Any]):
    """Columns of the same rows, by name."""

    @cached_property
    def depths(self) -> "Depths":
        """Of `ad`, which is decoded before what is predicted from it."""
        return Depths.of(self["ad"])


class Coding(Protocol):
    """How a column is stored, given the decoded columns that are its `sources`; `type`: if not as its own type."""

    type: ClassVar[pa.DataType | None]

    @property
    def sources(self) -> tuple[str, ...]: ...
    def encode(self, column: pa.ChunkedArray, columns: Columns) -> pa.Array: ...
    def decode(self, stored: pa.ChunkedArray, columns: Columns) -> pa.Array: ...


@dataclass(frozen=True)
class Difference:
    """Integers less what is predicted, (rows,) int64; sums and differences wrap around."""

    type: ClassVar[pa.DataType | None] = None
    sources: tuple[str, ...]
    predict: Callable[[Columns], Array]

    def encode(self, column: pa.ChunkedArray, columns: Columns) -> pa.Array:
        values = filled(column)
        return pa.array(folded(values - self.predict(columns).astype(values.dtype)), mask=_nulls(column))

    def decode(self, stored: pa.ChunkedArray, columns: Columns) -> pa.Array:
        values = unfolded(filled(stored))
        return pa.array(values + self.predict(columns).astype(values.dtype), mask=_nulls(stored))


@dataclass(frozen=True)
class Thousandths:
    """Floats that are thousandths as integers less a prediction of these, the bits of others likewise."""

    type: ClassVar[pa.DataType | None] = INT32
    sources: tuple[str, ...] = ()
    predict: Callable[[Columns], Array] = lambda _: np.zeros(1, np.int64)

    def encode(self, column: pa.ChunkedArray, columns: Columns) -> pa.Array:
        codes = exchange_thousandths(np.array(filled(column)).view(np.int32))
        return pa.array(folded(codes - self.predict(columns).astype(np.int32)), mask=_nulls(column))

    def decode(self, stored: pa.ChunkedArray, columns: Columns) -> pa.Array:
        codes = unfolded(filled(stored)) + self.predict(columns).astype(np.int32)
        return pa.array(exchange_thousandths(codes).view(np.float32), FLOAT, mask=_nulls(stored))


class Depths(NamedTuple):
    """AD of rows, int32: of the first allele, of the second, of all but the first; 0 where it is missing."""

    first: Array
    second: Array
    others: Array

    @classmethod
    def of(cls, column: pa.ChunkedArray) -> "Depths":
        """From AD of rows."""
        offsets, values = ragged(column)
        padded = np.append(np.where(values == MISSING, np.int32(0), values), np.zeros(2, np.int32))
        first, second = (np.where(np.diff(offsets) > place, padded[offsets[:-1] + place], 0) for place in (0, 1))
        total = np.diff(np.append(0, np.cumsum(padded))[offsets]).astype(np.int32)
        return cls(first, second, total - first)

    @property
    def total(self) -> Array:
        """Of all alleles."""
        return self.first + self.others

    def at(self, rows: Array) -> "Depths":
        """Those of some rows."""
        return Depths(*(each[rows] for each in self))


Place = tuple[int, Callable[[Array, Depths], Array]]
"""A place in lists, and what is predicted there: from the values of lists of one length, (places, rows), and AD."""


@dataclass(frozen=True, kw_only=True)
class PlaceByPlace:
    """Lists of integers: those of one length together, of these all first values, then all second ones and so on.

    In lists of `width` values those at `places`, in the order of decoding, are less a prediction. A column with missing
    entries is stored as it is.
    """

    type: ClassVar[pa.DataType | None] = None
    sources: tuple[str, ...] = ()
    width: int = 0
    places: tuple[Place, ...] = ()

    def encode(self, column: pa.ChunkedArray, columns: Columns) -> pa.Array:
        return folded_lists(column, self._predictions(columns))

    def decode(self, stored: pa.ChunkedArray, columns: Columns, rows: npt.NDArray[np.bool_] | None = None) -> pa.Array:
        """The lists of the rows; or of some, (rows,) bool: `columns` then has only these, `stored` all."""
        return unfolded_lists(stored, self._predictions(columns), rows)

    def _predictions(self, columns: Columns) -> Predictions:
        depths = columns.depths if self.sources else None

        def predictions(part: Array, rows: Array) -> Iterator[tuple[int, Array]]:
            if depths is not None and len(part) == self.width:
                here = depths.at(rows)
                for place, predict in self.places:
                    yield place, predict(part, here)

        return predictions


def _nulls(column: pa.ChunkedArray) -> Array | None:
    return column.is_null().to_numpy() if column.null_count else None

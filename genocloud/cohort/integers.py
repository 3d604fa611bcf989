"""Integer columns without nulls, between Arrow and numpy, without a copy.

Arrow's own ways (pa.array, pa.scalar, to_numpy) import pandas first, which takes a quarter of a second.
"""

from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from genocloud.schema import INT8, INT32, INT64

_TYPES: dict[np.dtype[Any], pa.DataType] = {
    np.dtype(np.int8): INT8,
    np.dtype(np.int32): INT32,
    np.dtype(np.int64): INT64,
}
_DTYPES: dict[pa.DataType, np.dtype[Any]] = {type_: dtype for dtype, type_ in _TYPES.items()}


def to_arrow(values: npt.NDArray[Any]) -> pa.Array:
    """Integers of 8, 32 or 64 bits as an Arrow column of that type, which keeps the array."""
    return pa.Array.from_buffers(_TYPES[values.dtype], values.size, [None, pa.py_buffer(values)])


def constant(value: int, type_: pa.DataType) -> pa.Scalar:
    """One integer as an Arrow scalar of a type of integers."""
    return to_arrow(np.array([value], _DTYPES[type_]))[0]


def to_numpy(column: pa.Array | pa.ChunkedArray) -> npt.NDArray[Any]:
    """The values of a column; what stands under a null is anything."""
    if isinstance(column, pa.ChunkedArray):
        if not column.num_chunks:
            return np.empty(0, _DTYPES[column.type])
        column = column.chunk(0) if column.num_chunks == 1 else column.combine_chunks()
    data = column.buffers()[1]
    if data is None:
        return np.empty(0, _DTYPES[column.type])
    return np.frombuffer(data, _DTYPES[column.type])[column.offset : column.offset + len(column)]

"""Delta-encode a cohort's columns for Parquet: each as the difference from a prediction by other columns."""

from collections.abc import Callable, Iterable
from io import RawIOBase
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from genocloud import sealing
from genocloud.schema import INT32, INT64, Records

ZSTD_LEVEL = 3

GAP, LENGTH = pa.field("gap", INT64, False), pa.field("length", INT32, False)
"""In place of start and stop: bases between the row above's stop and start (any sign), and from start to stop.

Most gaps are 0, so that start and stop together cost hardly more than the lengths.
"""

OFFSET_BYTES = 4
"""Size of an Arrow string's or list's offset: an int32."""

CAP_GQ = 99
"""Callers write GQ as the second PL, at most this."""

GROUP_ROWS = {"variants": 1 << 16, "blocks": 1 << 18}
"""Most rows of a row group: 20 to 30 MB when decoded (HaplotypeCaller's variants 300 to 500 bytes, a block 46)."""

SQUARED_MQ = 60 * 60
"""Most reads have mapping quality 60, so that the sum in RAW_MQandDP is about its number of reads times this."""


Prediction = tuple[str, Callable[[pa.ChunkedArray], pa.ChunkedArray]]
"""The column that another is predicted from, and how."""


def _times(factor: int, name: str) -> Prediction:
    return name, lambda column: pc.multiply(pc.fill_null(column, 0).cast(INT64), factor)


PREDICTORS: dict[str, dict[str, Prediction]] = {
    "blocks": {
        "dp": _times(1, "min_dp"),
        "gq": ("pl1", lambda column: pc.min_element_wise(pc.fill_null(column, 0), CAP_GQ).cast(INT64)),
    },
    "variants": {
        "raw_mq": _times(SQUARED_MQ, "raw_mq_dp"),
        "raw_mq_dp": _times(1, "info_dp"),
        "info_dp": _times(1, "dp"),
    },
}
"""Prediction for each column that is stored as a difference; a later one predicts from decoded values."""


def packed_names(kind: str, names: Iterable[str]) -> list[str]:
    """The stored columns that `unpack` needs for some columns of a table: these, and what they are predicted from."""
    wanted = set(names)
    for name, (source, _) in PREDICTORS[kind].items():
        if name in wanted:
            wanted.add(source)
    return [GAP.name, LENGTH.name, *sorted(wanted - {"start", "stop"})]


def packed_schema(kind: str, table: pa.Schema) -> pa.Schema:
    """The schema of packed rows."""
    fields = [field for field in table if field.name not in ("start", "stop")]
    wide = [field.with_type(INT64) if field.name in PREDICTORS[kind] else field for field in fields]
    return pa.schema([GAP, LENGTH, *wide])


def pack(kind: str, table: Records) -> Records:
    """Encode a window's rows for Parquet."""
    start, stop = (table[name].to_numpy().astype(np.int64) for name in ("start", "stop"))
    gap = start.copy()
    gap[1:] -= stop[:-1]
    columns = {"gap": pa.array(gap), "length": pa.array((stop - start).astype(np.int32))}
    columns |= {name: table[name] for name in table.column_names}
    columns |= {
        name: pc.subtract(table[name].cast(INT64), predict(table[source]))
        for name, (source, predict) in PREDICTORS[kind].items()
    }
    packed = packed_schema(kind, table.schema)
    return pa.table([columns[name] for name in packed.names], schema=packed)


def unpack(kind: str, packed: Records, table: pa.Schema) -> Records:
    """The inverse of `pack`: decode one row group, or the columns of `table` from their `packed_names`."""
    columns: dict[str, Any] = {name: packed[name] for name in packed.column_names}
    length = packed["length"].to_numpy().astype(np.int64)
    stop = np.cumsum(packed["gap"].to_numpy() + length)
    columns |= {"start": pa.array((stop - length).astype(np.int32)), "stop": pa.array(stop.astype(np.int32))}
    for name, (source, predict) in reversed(PREDICTORS[kind].items()):
        if name in columns:
            columns[name] = pc.add(packed[name], predict(columns[source]))
    return pa.table([columns[field.name].cast(field.type) for field in table], schema=table)


def decoded_bytes(table: Records) -> int:
    """Bytes of a table's values and offsets, independent of its buffers."""
    return sum(_bytes_of(column) for column in table.columns)


def _bytes_of(column: pa.ChunkedArray) -> int:
    if pa.types.is_list(column.type):
        return OFFSET_BYTES * len(column) + _bytes_of(pc.list_flatten(column))
    if pa.types.is_string(column.type):
        return OFFSET_BYTES * len(column) + (pc.sum(pc.binary_length(column)).as_py() or 0)
    return int(column.type.bit_width * len(column) // 8)


def open_writer(stream: RawIOBase, kind: str, table: pa.Schema) -> sealing.SealedWriter:
    """A Parquet writer for packed rows; each `write_table` call writes one row group."""
    return sealing.SealedWriter(
        stream,
        packed_schema(kind, table),
        compression="zstd",
        compression_level=ZSTD_LEVEL,
        write_statistics=False,  # the receipt has rows by window; statistics of 40 columns would swell the footer
    )

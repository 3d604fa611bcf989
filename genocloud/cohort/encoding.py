"""Encode a cohort's rows for Parquet, row group by row group, so that they compress; and decode them."""

from collections.abc import Iterable, Mapping
from io import RawIOBase

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from genocloud import sealing
from genocloud.cohort import earlier_encoding
from genocloud.cohort.codings import Array, Coding, Columns, Difference, PlaceByPlace, Thousandths
from genocloud.differences import PL_OF_PAIR, PL_OF_READ, filled
from genocloud.schema import INT32, INT64, INTS, Records, ragged

ZSTD_LEVEL = 3

GAP, LENGTH = pa.field("gap", INT64, False), pa.field("length", INT32, False)
"""In place of start and stop: bases between the row above's stop and start (any sign), and from start to stop.

Most gaps are 0, so that start and stop together cost hardly more than the lengths.
"""

OFFSET_BYTES = 4
"""Size of an Arrow string's or list's offset: an int32."""

CAP_GQ = 99
"""Callers write GQ as the second PL, at most this."""

GROUP_ROWS = {"variants": 1 << 15, "blocks": 1 << 16}
"""Most rows of a row group: decoded, 10 to 15 MB of variants (HaplotypeCaller's are of 300 to 500 bytes), 3 of blocks.

Of 200 genomes 50 to 90 kb have so many.
"""

SQUARED_MQ = 60 * 60
"""Most reads have mapping quality 60, so that the sum in RAW_MQandDP is about its number of reads times this."""


_FIRST_PLS = 3
"""So many PL of a row other values are predicted from."""


def _second_likelihood(columns: Columns) -> Array:
    """The second smallest of the first three PL of rows, at most CAP_GQ."""
    offsets, values = ragged(columns["pl"])
    padded = np.append(values, np.zeros(_FIRST_PLS, np.int32))  # shorter lists have other rows' values here
    one, two, three = (padded[offsets[:-1] + place] for place in range(_FIRST_PLS))
    second = np.maximum(np.minimum(one, two), np.minimum(np.maximum(one, two), three))
    return np.asarray(np.minimum(second, CAP_GQ))


def _first_likelihood(columns: Columns) -> Array:
    offsets, values = ragged(columns["pl"])
    return np.asarray(np.append(values, np.int32(0))[offsets[:-1]])


CODINGS: Mapping[str, Mapping[str, Coding]] = {
    "blocks": {
        "dp": Difference(("min_dp",), lambda of: filled(of["min_dp"])),
        "pl1": Difference(("min_dp",), lambda of: PL_OF_READ * np.minimum(filled(of["min_dp"]), CAP_GQ // PL_OF_READ)),
        "pl2": Difference(("pl1",), lambda of: PL_OF_PAIR * filled(of["pl1"])),
        "gq": Difference(("pl1",), lambda of: np.minimum(filled(of["pl1"]), CAP_GQ)),
    },
    "variants": {
        "ad": PlaceByPlace(),
        "sb": PlaceByPlace(
            sources=("ad",),
            width=4,
            places=(
                (1, lambda _, ad: ad.first // 2),
                (3, lambda _, ad: ad.others // 2),
                (0, lambda sb, ad: ad.first - sb[1]),
                (2, lambda sb, ad: ad.others - sb[3]),
            ),
        ),
        "pl": PlaceByPlace(
            sources=("ad",),
            width=6,
            places=(
                (3, lambda pl, ad: pl[0] + PL_OF_READ * ad.first),
                (4, lambda pl, ad: pl[2] + PL_OF_READ * ad.second),
                (5, lambda pl, _: pl[3] + pl[4] - pl[1]),
            ),
        ),
        "dp": Difference(("ad",), lambda of: of.depths.total),
        "gq": Difference(("pl",), _second_likelihood),
        "info_dp": Difference(("dp",), lambda of: filled(of["dp"])),
        "raw_mq_dp": Difference(("info_dp",), lambda of: filled(of["info_dp"])),
        "raw_mq": Difference(("raw_mq_dp",), lambda of: SQUARED_MQ * filled(of["raw_mq_dp"])),
        "qual": Thousandths(("pl",), lambda of: 1000 * _first_likelihood(of)),
        "base_q_rank_sum": Thousandths(),
        "clipping_rank_sum": Thousandths(),
        "mq_rank_sum": Thousandths(),
        "read_pos_rank_sum": Thousandths(),
        "mq": Thousandths(),
        "excess_het": Thousandths(),
    },
}
"""How columns are stored that are not as they are, each after those that its decoding needs.

PL of two ALTs, the second <NON_REF>: a read of the first allele halves its likelihood in 0/2 as in 0/1, and so on.
Bytes a row before and now, of a real exome: 4.0 and 3.3 of its 224,000 blocks, 33.8 and 20.3 of its 11,000 variants,
of which PL takes 4.4, AD 1.4 and each rank sum 1.1. The cohort of the scale benchmark: 5.2 and 4.5, 25.1 and 14.4.
"""

_DICTIONARIES = "gap", "contig", "sample", "ps"
"""Integers of 32 bits that repeat, unlike the others."""

_MARK = {b"genocloud:encoding": b"2"}
"""Metadata of files whose columns are encoded by CODINGS."""


def packed_names(kind: str, names: Iterable[str]) -> list[str]:
    """The stored columns that `unpack` needs for some columns of a table: these, and what they are predicted from."""
    wanted = set(names)
    for name, coding in reversed(list(CODINGS[kind].items())):
        if name in wanted:
            wanted.update(coding.sources)
    return [GAP.name, LENGTH.name, *sorted(wanted - {"start", "stop"})]


def packed_schema(kind: str, table: pa.Schema) -> pa.Schema:
    """The schema of packed rows."""
    codings = CODINGS[kind]
    fields = [
        field.with_type(codings[field.name].type or field.type) if field.name in codings else field
        for field in table
        if field.name not in ("start", "stop")
    ]
    return pa.schema([GAP, LENGTH, *fields], _MARK)


def pack(kind: str, table: Records) -> Records:
    """Encode a window's rows for Parquet."""
    start, stop = (table[name].to_numpy().astype(np.int64) for name in ("start", "stop"))
    gap = start.copy()
    gap[1:] -= stop[:-1]
    decoded = Columns({name: table[name] for name in table.column_names})
    columns = decoded | {"gap": pa.array(gap), "length": pa.array((stop - start).astype(np.int32))}
    columns |= {name: coding.encode(decoded[name], decoded) for name, coding in CODINGS[kind].items()}
    packed = packed_schema(kind, table.schema)
    return pa.table([columns[field.name].cast(field.type) for field in packed], packed)


def unpack(kind: str, packed: Records, table: pa.Schema, rows: npt.NDArray[np.bool_] | None = None) -> Records:
    """The inverse of `pack`: decode one row group, or the columns of `table` from their `packed_names`.

    rows  (rows,) bool; which are wanted: only these are decoded
    """
    if rows is not None and (rows.all() or not _stand_alone(packed, rows)):
        whole = unpack(kind, packed, table)
        return whole if rows.all() else whole.filter(pa.array(rows))
    start, stop = unpacked_places(packed)
    is_coded = (packed.schema.metadata or {}).items() >= _MARK.items()
    codings = {name: each for name, each in CODINGS[kind].items() if is_coded and name in packed.column_names}
    by_place = {name: coding for name, coding in codings.items() if isinstance(coding, PlaceByPlace)}
    by_row = packed.drop_columns([GAP.name, LENGTH.name, *by_place])
    if rows is not None:
        start, stop, by_row = start[rows], stop[rows], by_row.filter(pa.array(rows))
    columns = Columns({name: by_row[name] for name in by_row.column_names})
    columns |= {"start": pa.array(start), "stop": pa.array(stop)}
    for name, coding in codings.items():
        lists = by_place.get(name)
        decoded = lists.decode(packed[name], columns, rows) if lists else coding.decode(columns[name], columns)
        columns[name] = pa.chunked_array([decoded])
    if not is_coded:
        earlier_encoding.decode(kind, columns)
    return pa.table([columns[field.name].cast(field.type) for field in table], schema=table)


def _stand_alone(packed: Records, rows: npt.NDArray[np.bool_]) -> bool:
    """Whether some rows, (rows,) bool, can be decoded without those behind them.

    What is predicted from the first values of PL is, where a list has fewer, from those of the next rows.
    """
    if "pl" not in packed.column_names:
        return True
    lengths = pc.fill_null(pc.list_value_length(packed["pl"]), 0).to_numpy()
    return bool((lengths[rows] >= _FIRST_PLS).all())


def unpacked_places(packed: Records) -> tuple[Array, Array]:
    """Start and stop of packed rows: (rows,) int32 each."""
    gap, length = (packed[field.name].to_numpy() for field in (GAP, LENGTH))
    stop = np.cumsum(gap + length)
    return (stop - length).astype(np.int32), stop.astype(np.int32)


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
    packed = packed_schema(kind, table)
    split = [_path(field) for field in packed if field.type in (INT32, INTS) and field.name not in _DICTIONARIES]
    return sealing.SealedWriter(
        stream,
        packed,
        compression="zstd",
        compression_level=ZSTD_LEVEL,
        write_statistics=False,  # the receipt has rows by window; statistics of 40 columns would swell the footer
        use_dictionary=[path for path in map(_path, packed) if path not in split],
        column_encoding=dict.fromkeys(split, "BYTE_STREAM_SPLIT"),
    )


def _path(field: pa.Field) -> str:
    """Parquet's name of the column of a field's values."""
    return f"{field.name}.list.element" if pa.types.is_list(field.type) else str(field.name)

"""The parser's arrays as Arrow columns."""

from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from genocloud import schema
from genocloud.kernels import parsing

Array = npt.NDArray[Any]
Integers = npt.NDArray[np.int32]
Outcome = dict[str, int]

LEAST_RECORD_BYTES = 12
"""No record is shorter: nine tabs, CHROM, POS and REF (and the line end)."""

SPANS = {name: number for number, name in enumerate(parsing.SPAN_ROWS)}
INTS = {name: number for number, name in enumerate(parsing.INT_ROWS)}
REALS = {name: number for number, name in enumerate(parsing.REAL_ROWS)}
LISTS = {name: number for number, name in enumerate(parsing.LIST_ROWS)}
LONGS = {"raw_mq": 0, "raw_mq_dp": 1}
BLOCKS = {name: number for number, name in enumerate(parsing.BLOCK_ROWS)}

DTYPES = {
    schema.INT8: np.int8, schema.INT32: np.int32, schema.INT64: np.int64, schema.FLOAT: np.float32,
}  # fmt: skip
"""Said here because Arrow's own way to numpy's types, as pa.array, imports pandas, which takes a second."""

ITEM = pa.field("item", schema.INT32)


class Columns:
    """Room for the rows of one piece of text, used again for every piece."""

    def __init__(self) -> None:
        self.bytes = 0
        self.outcome = np.zeros(len(parsing.OUTCOME), np.int64)
        self.held = np.zeros(len(parsing.OUTCOME), np.int64)
        self.record = np.zeros(len(parsing.RECORD), np.int64)
        self.codes = np.zeros(parsing.FORMAT_KEYS, np.int32)

    def _make_room(self, size: int) -> None:
        self.bytes = size
        rows, values = size // LEAST_RECORD_BYTES + 2, size // 2 + 64
        self.blocks = np.empty((len(parsing.BLOCK_ROWS), rows), np.int32)
        self.ints = np.empty((len(parsing.INT_ROWS), rows), np.int32)
        self.reals = np.empty((len(parsing.REAL_ROWS), rows), np.float64)
        self.longs = np.empty((2, rows), np.int64)
        self.spans = np.empty((len(parsing.SPAN_ROWS), 2, rows), np.int32)
        self.counts = np.empty((len(parsing.LIST_ROWS), rows), np.int32)
        self.alts = np.empty((2, values), np.int32)
        self.gts = np.empty(values, np.int8)
        self.ads, self.pls, self.sbs = (np.empty(values, np.int32) for _ in range(3))

    def parse(
        self,
        text: npt.NDArray[np.uint8],
        begin: int,
        end: int,
        contig: tuple[npt.NDArray[np.uint8], int],
        sample: tuple[int, int],
        lenient: npt.NDArray[np.bool_],
        final: bool,
    ) -> Outcome:
        """Parse text[begin:end] (parsing.parse says what the rest is); returns parsing.OUTCOME by name."""
        if text.size > self.bytes:
            self._make_room(text.size + text.size // 4)
        parsing.parse(
            text, begin, end, *contig, *sample, lenient, final,
            self.blocks, self.ints, self.reals, self.longs, self.spans, self.counts,
            self.alts, self.gts, self.ads, self.pls, self.sbs,
            self.codes, self.record, self.held, self.outcome,
        )  # fmt: skip
        return dict(zip(parsing.OUTCOME, self.outcome.tolist(), strict=True))

    def block_rows(self, contig: int, outcome: Outcome) -> pa.RecordBatch:
        """The blocks of the last parse, as schema.BLOCKS."""
        rows = outcome["blocks"]
        columns: dict[str, Array] = {name: self.blocks[number, :rows] for name, number in BLOCKS.items()}
        batch = _batch(schema.BLOCKS, contig, rows, _numbers(schema.BLOCKS, columns))
        return _kept(batch, columns["kept"], outcome)

    def variant_rows(self, text: npt.NDArray[np.uint8], contig: int, outcome: Outcome) -> pa.RecordBatch:
        """The variants of the last parse, as schema.VARIANTS."""
        rows = outcome["variants"]
        numbers: dict[str, Array] = {name: self.ints[number, :rows] for name, number in INTS.items()}
        numbers |= {name: self.reals[number, :rows] for name, number in REALS.items()}
        numbers |= {name: self.longs[number, :rows] for name, number in LONGS.items()}
        columns = _numbers(schema.VARIANTS, numbers) | self._lists(text, outcome)
        for name, number in SPANS.items():
            starts, sizes = self.spans[number, :, :rows]
            columns[name] = _strings(text, starts, sizes, upper=name == "ref")
        return _kept(_batch(schema.VARIANTS, contig, rows, columns), numbers["kept"], outcome)

    def _lists(self, text: npt.NDArray[np.uint8], outcome: Outcome) -> dict[str, pa.Array]:
        starts, sizes = self.alts[:, : outcome["alts"]]
        lists = {
            "alts": _strings(text, starts, sizes, upper=True),
            "gt": _array(pa.int8(), self.gts[: outcome["gts"]].copy()),
            "ad": _number(ITEM, self.ads[: outcome["ads"]]),
            "pl": _number(ITEM, self.pls[: outcome["pls"]]),
            "sb": _number(ITEM, self.sbs[: outcome["sbs"]]),
        }
        counts = {name: self.counts[number, : outcome["variants"]] for name, number in LISTS.items()}
        return {name: _list(name, counts[name], values) for name, values in lists.items()}


def _batch(table: pa.Schema, contig: int, rows: int, columns: dict[str, pa.Array]) -> pa.RecordBatch:
    columns["contig"] = _array(schema.INT32, np.full(rows, contig, np.int32))
    columns["sample"] = _array(schema.INT32, np.zeros(rows, np.int32))
    return pa.RecordBatch.from_arrays([columns[name] for name in table.names], schema=table)


def _kept(batch: pa.RecordBatch, kept: Array, outcome: Outcome) -> pa.RecordBatch:
    """Without the rows that gave way to another at their position."""
    return batch.filter(pa.array(kept.astype(np.bool_))) if outcome["doubles"] else batch


def _numbers(table: pa.Schema, columns: dict[str, Array]) -> dict[str, pa.Array]:
    """Those of the columns that the table has; the smallest integer of a dtype, or NaN, is null."""
    return {name: _number(table.field(name), values) for name, values in columns.items() if name in table.names}


def _number(field: pa.Field, values: Array) -> pa.Array:
    if pa.types.is_boolean(field.type):
        bits = np.packbits(values.astype(np.bool_), bitorder="little")
        return pa.Array.from_buffers(field.type, values.size, [None, pa.py_buffer(bits)])
    with np.errstate(over="ignore"):  # beyond a single float's range is infinite
        copy = np.array(values, DTYPES[field.type])
    if not field.nullable:
        return _array(field.type, copy)
    if pa.types.is_floating(field.type):
        return _array(field.type, copy, np.isnan(copy))
    return _array(field.type, copy, copy == np.iinfo(copy.dtype).min)


def _array(type_: pa.DataType, values: Array, null: npt.NDArray[np.bool_] | None = None) -> pa.Array:
    return pa.Array.from_buffers(type_, values.size, [_bitmap(null), pa.py_buffer(values)])


def _bitmap(null: npt.NDArray[np.bool_] | None) -> pa.Buffer | None:
    """Arrow's validity bits; none where nothing is null."""
    if null is None or not null.any():
        return None
    return pa.py_buffer(np.packbits(~null, bitorder="little"))


def _strings(text: npt.NDArray[np.uint8], starts: Integers, sizes: Integers, upper: bool = False) -> pa.Array:
    offsets = np.empty(starts.size + 1, np.int32)
    null = sizes < 0
    data = np.empty(int(sizes[~null].sum()), np.uint8)
    parsing.gather(text, starts, sizes, upper, offsets, data)
    if data.size and data.max() > 127:
        data.tobytes().decode()  # Arrow trusts its builder that strings are UTF-8
    buffers = [_bitmap(null), pa.py_buffer(offsets), pa.py_buffer(data)]
    return pa.Array.from_buffers(pa.string(), starts.size, buffers)


def _list(name: str, counts: Integers, values: pa.Array) -> pa.Array:
    """A list column; where the column may be null, an empty list is."""
    field = schema.VARIANTS.field(name)
    offsets = np.zeros(counts.size + 1, np.int32)
    np.cumsum(counts, out=offsets[1:])
    null = counts == 0 if field.nullable else None
    return pa.Array.from_buffers(field.type, counts.size, [_bitmap(null), pa.py_buffer(offsets)], children=[values])

"""The parser's arrays as Arrow columns."""

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from genocloud import schema
from genocloud.kernels import parsing

Array = npt.NDArray[np.generic]
Outcome = dict[str, int]

LEAST_RECORD_BYTES = 12
"""No record is shorter: nine tabs, CHROM, POS and REF (and the line end)."""

SPANS = {name: number for number, name in enumerate(parsing.SPAN_ROWS)}
INTS = {name: number for number, name in enumerate(parsing.INT_ROWS)}
REALS = {name: number for number, name in enumerate(parsing.REAL_ROWS)}
LISTS = {name: number for number, name in enumerate(parsing.LIST_ROWS)}
BLOCKS = {name: number for number, name in enumerate(parsing.BLOCK_ROWS)}


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
        columns = {name: self.blocks[number, :rows] for name, number in BLOCKS.items()}
        batch = _batch(schema.BLOCKS, contig, rows, {name: _numbers(schema.BLOCKS, name, columns) for name in columns})
        return _kept(batch, columns["kept"], outcome)

    def variant_rows(self, text: npt.NDArray[np.uint8], contig: int, outcome: Outcome) -> pa.RecordBatch:
        """The variants of the last parse, as schema.VARIANTS."""
        rows = outcome["variants"]
        numbers = {name: self.ints[number, :rows] for name, number in INTS.items()}
        numbers |= {name: self.reals[number, :rows] for name, number in REALS.items()}
        numbers |= {"raw_mq": self.longs[0, :rows], "raw_mq_dp": self.longs[1, :rows]}
        columns = {name: _numbers(schema.VARIANTS, name, numbers) for name in numbers}
        columns |= {name: _strings(text, *self.spans[row, :, :rows], name == "ref") for name, row in SPANS.items()}
        columns |= self._lists(text, outcome)
        return _kept(_batch(schema.VARIANTS, contig, rows, columns), numbers["kept"], outcome)

    def _lists(self, text: npt.NDArray[np.uint8], outcome: Outcome) -> dict[str, pa.Array]:
        rows = outcome["variants"]
        alts = _strings(text, *self.alts[:, : outcome["alts"]], True)
        values = {
            "alts": alts,
            "gt": _nullable(self.gts[: outcome["gts"]], pa.int8(), None),
            "ad": _nullable(self.ads[: outcome["ads"]], pa.int32(), schema.MISSING),
            "pl": _nullable(self.pls[: outcome["pls"]], pa.int32(), None),
            "sb": _nullable(self.sbs[: outcome["sbs"]], pa.int32(), schema.MISSING),
        }
        return {name: _list(name, self.counts[row, :rows], values[name]) for name, row in LISTS.items()}


def _batch(table: pa.Schema, contig: int, rows: int, columns: dict[str, pa.Array]) -> pa.RecordBatch:
    columns["contig"] = pa.array(np.full(rows, contig, np.int32))
    columns["sample"] = pa.array(np.zeros(rows, np.int32))
    return pa.RecordBatch.from_arrays([columns[name] for name in table.names], schema=table)


def _kept(batch: pa.RecordBatch, kept: Array, outcome: Outcome) -> pa.RecordBatch:
    """Without the rows that gave way to another at their position."""
    return batch.filter(pa.array(kept.astype(np.bool_))) if outcome["doubles"] else batch


def _numbers(table: pa.Schema, name: str, columns: dict[str, Array]) -> pa.Array:
    type_ = table.field(name).type if name in table.names else pa.int32()
    values = columns[name]
    if pa.types.is_boolean(type_):
        return pa.array(values.astype(np.bool_))
    missing = None if pa.types.is_floating(type_) else np.iinfo(values.dtype).min
    return _nullable(values.astype(type_.to_pandas_dtype()), type_, missing)


def _nullable(values: Array, type_: pa.DataType, missing: int | None) -> pa.Array:
    """A copy as Arrow; nulls are NaN among floats, `missing` (none: no nulls) among integers."""
    values = np.array(values)
    null = np.isnan(values) if pa.types.is_floating(type_) else values == missing
    return pa.Array.from_buffers(type_, values.size, [_bitmap(null), pa.py_buffer(values)])


def _bitmap(null: npt.NDArray[np.bool_] | bool) -> pa.Buffer | None:
    """Arrow's validity bits; none where nothing is null."""
    return pa.py_buffer(np.packbits(~null, bitorder="little")) if np.any(null) else None


def _strings(text: npt.NDArray[np.uint8], starts: Array, sizes: Array, upper: bool) -> pa.Array:
    offsets = np.empty(starts.size + 1, np.int32)
    data = np.empty(int(np.maximum(sizes, 0).sum()), np.uint8)
    parsing.gather(text, starts, sizes, upper, offsets, data)
    if data.size and data.max() > 127:
        data.tobytes().decode()  # Arrow trusts its builder that strings are UTF-8
    buffers = [_bitmap(sizes < 0), pa.py_buffer(offsets), pa.py_buffer(data)]
    return pa.Array.from_buffers(pa.string(), starts.size, buffers)


def _list(name: str, counts: npt.NDArray[np.int32], values: pa.Array) -> pa.Array:
    """A list column; where the column may be null, an empty list is."""
    field = schema.VARIANTS.field(name)
    offsets = np.zeros(counts.size + 1, np.int32)
    np.cumsum(counts, out=offsets[1:])
    null = _bitmap(counts == 0) if field.nullable else None
    return pa.Array.from_buffers(field.type, counts.size, [null, pa.py_buffer(offsets)], children=[values])

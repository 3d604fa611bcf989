"""Buffers of the record parser, and their conversion to Arrow columns."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from genocloud import schema
from genocloud.kernels import arrow_buffers, parsing, record_layout, vcf_fields

Array = npt.NDArray[Any]
Bytes = npt.NDArray[np.uint8]
Outcome = dict[str, int]

Run = tuple[int, int, int, int]
"""Rows of one contig: a sample's number, the contig's, and the numbers of variants and of blocks up to their end."""

SLACK = 16
"""Padding bytes that the parser may read beyond the text."""

TYPES = {
    np.dtype(np.int8): schema.INT8, np.dtype(np.int32): schema.INT32, np.dtype(np.int64): schema.INT64,
    np.dtype(np.float32): schema.FLOAT,
}  # fmt: skip
"""Stated here because Arrow's own conversion of numpy types imports pandas, which takes a second."""

LEAST_RECORD_BYTES = 12
"""No record is shorter: nine tabs, CHROM, POS and REF (and the line end)."""

INTEGERS = tuple(name for name in record_layout.INT_ROWS if name not in ("phased", "kept"))
BLOCK_INTEGERS = tuple(name for name in record_layout.BLOCK_ROWS if name not in ("ploidy", "called", "kept"))
LONGS = ("raw_mq", "raw_mq_dp")
I_CHOSEN = np.array([record_layout.INT_ROWS.index(name) for name in INTEGERS])
B_CHOSEN = np.array([record_layout.BLOCK_ROWS.index(name) for name in BLOCK_INTEGERS])
ALL = np.arange(len(record_layout.SPAN_ROWS))
UPPER = np.array([name == "ref" for name in record_layout.SPAN_ROWS])
ALTS_UPPER = np.array([True])
"""Which rows of the parser's arrays become which columns."""

MISSING, MISSING_LONG = np.int32(vcf_fields.MISSING), np.int64(vcf_fields.MISSING_LONG)
ONE = ALL[:1]
LIST_FIELDS = {name: schema.VARIANTS.field(name) for name in record_layout.LIST_ROWS}

ALIGNED = 64
"""Bytes to which Arrow would have its buffers aligned."""

NO_BASES = (np.frombuffer(b"N", np.uint8), 0, 0)


@dataclass(frozen=True, slots=True)
class FileContext:
    """A file's constants for parsing.parse: its #CHROM line, (sample column, samples), and the dialect's rules."""

    title: Bytes
    sample: tuple[int, int]
    rules: npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class ContigContext:
    """A contig's constants for parsing.parse: (name, size of name, length) and the reference's bases."""

    name: tuple[Bytes, int, int]
    bases: tuple[Bytes, int, int] = NO_BASES


@dataclass(frozen=True, slots=True, kw_only=True)
class TextRange:
    """Complete lines, text[begin:end]; `final`: nothing of the file comes after `text`."""

    text: Bytes
    begin: int
    end: int
    final: bool


def padded(text: bytes) -> Bytes:
    """Bytes with padding, so that kernels can read eight at a time."""
    return np.frombuffer(text + bytes(8), np.uint8)


class ParseBuffers:
    """Buffers for texts and their parsed rows, reused again and again."""

    def __init__(self) -> None:
        self.room = self.filled = 0
        self.outcome = np.zeros(len(record_layout.OUTCOME), np.int64)
        self.held = np.zeros(len(record_layout.OUTCOME), np.int64)
        self.record = np.zeros(len(record_layout.RECORD), np.int64)
        self.codes = np.zeros(record_layout.FORMAT_KEYS, np.int32)

    def _allocate(self, size: int) -> None:
        self.room = size
        rows, values = size // LEAST_RECORD_BYTES + 2, size // 2 + 64
        self.text = np.zeros(size + SLACK, np.uint8)
        self.blocks = np.empty((len(record_layout.BLOCK_ROWS), rows), np.int32)
        self.ints = np.empty((len(record_layout.INT_ROWS), rows), np.int32)
        self.reals = np.empty((len(record_layout.REAL_ROWS), rows), np.float64)
        self.longs = np.empty((len(LONGS), rows), np.int64)
        self.spans = np.empty((len(record_layout.SPAN_ROWS), 2, rows), np.int32)
        self.counts = np.empty((len(record_layout.LIST_ROWS), rows), np.int32)
        self.alts = np.empty((2, values), np.int32)
        self.gts = np.empty((1, values), np.int8)
        self.ads, self.pls, self.sbs = (np.empty((1, values), np.int32) for _ in range(3))

    def clear(self, room: int) -> None:
        """Forget texts and rows, and make room for so many bytes of text."""
        if room > self.room:
            self._allocate(room + room // 4)
        self.filled = 0
        self.outcome[: record_layout.O_COVERED] = 0

    def append(self, text: bytes) -> Bytes:
        """Add a text, for which there must be room; returns all texts since the buffers were cleared."""
        begin, self.filled = self.filled, self.filled + len(text)
        self.text[begin : self.filled] = np.frombuffer(text, np.uint8)
        return self.text[: self.filled]

    def parse(self, lines: TextRange, contig: ContigContext, file: FileContext, covered: int) -> Outcome:
        """Parse lines of the texts behind those parsed before; returns record_layout.OUTCOME by name.

        Rows are appended to those since the buffers were cleared, and counted with them.
        """
        self.outcome[record_layout.O_COVERED] = covered
        parsing.parse(
            lines.text, lines.begin, lines.end, contig.name, contig.bases, file.sample, file.title, file.rules,
            lines.final,
            self.blocks, self.ints, self.reals, self.longs, self.spans, self.counts,
            self.alts, self.gts[0], self.ads[0], self.pls[0], self.sbs[0],
            self.codes, self.record, self.held, self.outcome,
        )  # fmt: skip
        return self.parsed

    @property
    def parsed(self) -> Outcome:
        """The counts of all rows since the buffers were cleared: record_layout.OUTCOME by name."""
        return dict(zip(record_layout.OUTCOME, self.outcome.tolist(), strict=True))

    def rows(self, runs: Sequence[Run]) -> tuple[pa.RecordBatch, pa.RecordBatch]:
        """All rows since the buffers were cleared, as schema.VARIANTS and schema.BLOCKS.

        Raises ArrowInvalid for what is not UTF-8.
        """
        samples, contigs, *ends = np.array(runs, np.int32).reshape(-1, 4).T
        counts = [np.diff(each, prepend=0) for each in ends]
        places = [{"contig": np.repeat(contigs, count), "sample": np.repeat(samples, count)} for count in counts]
        outcome, text = self.parsed, self.text[: self.filled]
        return self._variant_rows(text, places[0], outcome), self._block_rows(places[1], outcome)

    def _block_rows(self, places: dict[str, Array], outcome: Outcome) -> pa.RecordBatch:
        """The blocks; `places`: contig and sample of each, (blocks,) int32."""
        rows = outcome["blocks"]
        columns = dict(zip(BLOCK_INTEGERS, _numbers(self.blocks, B_CHOSEN, rows, MISSING), strict=True))
        columns["ploidy"] = _without_nulls(self.blocks[record_layout.B_PLOIDY, :rows].astype(np.int8))
        columns["called"] = _flags(self.blocks[record_layout.B_CALLED, :rows])
        batch = _batch(schema.BLOCKS, places, columns)
        return _drop_superseded(batch, self.blocks[record_layout.B_KEPT, :rows], outcome)

    def _variant_rows(self, text: Bytes, places: dict[str, Array], outcome: Outcome) -> pa.RecordBatch:
        """The variants; `places`: contig and sample of each, (variants,) int32."""
        rows = outcome["variants"]
        if not rows:
            return NO_VARIANTS
        columns = dict(zip(INTEGERS, _numbers(self.ints, I_CHOSEN, rows, MISSING), strict=True))
        reals = _numbers(self.reals, ALL[: len(record_layout.REAL_ROWS)], rows, np.float64(np.nan), np.float32)
        columns |= zip(record_layout.REAL_ROWS, reals, strict=True)
        columns |= zip(LONGS, _numbers(self.longs, ALL[: len(LONGS)], rows, MISSING_LONG), strict=True)
        columns |= zip(record_layout.SPAN_ROWS, _strings(text, self.spans, rows, UPPER), strict=True)
        columns |= self._lists(text, outcome)
        columns["phased"] = _flags(self.ints[record_layout.I_PHASED, :rows])
        batch = _batch(schema.VARIANTS, places, columns)
        return _drop_superseded(batch, self.ints[record_layout.I_KEPT, :rows], outcome)

    def _lists(self, text: Bytes, outcome: Outcome) -> dict[str, pa.Array]:
        rows = outcome["variants"]
        items = (
            _strings(text, self.alts[None], outcome["alts"], ALTS_UPPER)[0],
            _without_nulls(self.gts[0, : outcome["gts"]].copy()),
            *(
                _numbers(values, ONE, outcome[name], MISSING)[0]
                for name, values in (("ads", self.ads), ("pls", self.pls), ("sbs", self.sbs))
            ),
        )
        offsets, bits, nulls = _new_buffers(len(items), rows + 1, np.int32)
        arrow_buffers.fill_offsets(self.counts, rows, offsets, bits, nulls)
        starts, valid = pa.py_buffer(offsets), pa.py_buffer(bits)
        lists = {}
        for number, (name, item) in enumerate(zip(record_layout.LIST_ROWS, items, strict=True)):
            field = LIST_FIELDS[name]
            bitmap = _row_slice(valid, bits, number) if field.nullable and nulls[number] else None
            buffers = [bitmap, _row_slice(starts, offsets, number)]
            lists[name] = pa.Array.from_buffers(field.type, rows, buffers, children=[item])
        return lists


NO_VARIANTS, NO_BLOCKS = (
    pa.RecordBatch.from_arrays([pa.nulls(0, column.type) for column in table], schema=table)
    for table in (schema.VARIANTS, schema.BLOCKS)
)


def _batch(table: pa.Schema, places: dict[str, Array], columns: dict[str, pa.Array]) -> pa.RecordBatch:
    columns |= {name: _without_nulls(values) for name, values in places.items()}
    return pa.RecordBatch.from_arrays([columns[name] for name in table.names], schema=table)


def _drop_superseded(batch: pa.RecordBatch, kept: Array, outcome: Outcome) -> pa.RecordBatch:
    """Remove rows that another row at their position replaces."""
    return batch.filter(_flags(kept)) if outcome["doubles"] else batch


def _new_buffers(columns: int, rows: int, dtype: type) -> tuple[Array, Array, Array]:
    """Buffers for columns: values (columns, >= rows), validity bits (columns, bytes), null counts (columns,)."""
    item = ALIGNED // np.dtype(dtype).itemsize
    width = -(-rows // item) * item
    return (
        np.empty((columns, width), dtype),
        np.empty((columns, -(-rows // (8 * ALIGNED)) * ALIGNED), np.uint8),
        np.zeros(columns, np.int64),
    )


def _row_slice(buffer: pa.Buffer, array: Array, number: int) -> pa.Buffer:
    """The buffer of one row of a two-dimensional array."""
    return buffer.slice(number * array.strides[0], array.strides[0])


def _numbers(source: Array, chosen: Array, rows: int, missing: Any, dtype: type | None = None) -> list[pa.Array]:
    """Rows of an array as Arrow columns; `missing`, or NaN, is null."""
    out, bits, nulls = _new_buffers(chosen.size, rows, dtype or source.dtype.type)
    arrow_buffers.fill_numbers(source, chosen, rows, missing, out, bits, nulls)
    values, valid, type_ = pa.py_buffer(out), pa.py_buffer(bits), TYPES[out.dtype]
    return [
        pa.Array.from_buffers(
            type_, rows, [_row_slice(valid, bits, k) if null else None, _row_slice(values, out, k)], null_count=null
        )
        for k, null in enumerate(nulls.tolist())
    ]


def _strings(text: Bytes, spans: Array, rows: int, upper: npt.NDArray[np.bool_]) -> list[pa.Array]:
    """Spans of a text as Arrow string columns."""
    offsets, bits, nulls = _new_buffers(len(spans), rows + 1, np.int32)
    sizes = np.empty(len(spans), np.int64)
    arrow_buffers.count_bytes(spans, rows, sizes)
    content = np.empty(int(sizes.sum()), np.uint8)
    beyond_ascii = arrow_buffers.fill_strings(text, spans, rows, upper, offsets, content, bits, nulls)
    starts, valid, data = pa.py_buffer(offsets), pa.py_buffer(bits), pa.py_buffer(content)
    arrays, at = [], 0
    for k, (null, size) in enumerate(zip(nulls.tolist(), sizes.tolist(), strict=True)):
        buffers = [_row_slice(valid, bits, k) if null else None, _row_slice(starts, offsets, k), data.slice(at, size)]
        arrays.append(pa.Array.from_buffers(schema.STRING, rows, buffers, null_count=null))
        if beyond_ascii:
            arrays[-1].validate(full=True)  # Arrow trusts its builder that strings are UTF-8
        at += size
    return arrays


def _without_nulls(values: Array) -> pa.Array:
    """An Arrow array without nulls."""
    return pa.Array.from_buffers(TYPES[values.dtype], values.size, [None, pa.py_buffer(values)], null_count=0)


def _flags(values: Array) -> pa.Array:
    bits = np.packbits(values != 0, bitorder="little")
    return pa.Array.from_buffers(schema.BOOL, values.size, [None, pa.py_buffer(bits)], null_count=0)

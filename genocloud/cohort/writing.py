"""Write a batch: parts as Parquet objects, window by window, then the receipt, which marks it complete."""

import hashlib
import io
from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack
from itertools import groupby
from typing import Any, BinaryIO

from genocloud import schema
from genocloud.cohort.batch import (
    KINDS,
    BadBalance,
    BatchReceipt,
    PartReceipt,
    Source,
    batch_id,
    find_batch,
    part_name,
    receipt_name,
)
from genocloud.cohort.encoding import GROUP_ROWS, decoded_bytes, open_writer, pack
from genocloud.cohort.gathering import ReadSample, Stream, side_by_side
from genocloud.cohort.layout import Layout, Window
from genocloud.cohort.row_groups import RowGroups, extent_along
from genocloud.regions import Axis, Part
from genocloud.sealing import SealedWriter
from genocloud.storage import Store


def write_batch(store: Store, sources: Sequence[Source], layout: Layout) -> BatchReceipt:
    """Store samples as one batch and return its receipt; sources of a batch that is complete already are not read.

    The batch's samples are the sources sorted by name. Each source is read once, from start to end. The receipt is
    written last: until then the batch does not exist for readers.
    """
    sources = sorted(sources, key=lambda source: source.sample)
    batch = batch_id(sources, layout)
    if (existing := find_batch(store, batch)) is not None:
        return existing
    streams = _streams(sources)
    parts = [
        receipt
        for part in layout.parts()
        for receipt in write_part(store, batch, layout, part, side_by_side(layout.tiled(part), streams))
    ]
    receipt = _receipt(batch, sources, streams, parts)
    store.write(receipt_name(batch), receipt.to_json())
    return receipt


def _streams(sources: Sequence[Source]) -> list[Stream]:
    """A stream for each `rows` of the sources."""
    together = (list(group) for _, group in groupby(sources, key=lambda source: id(source.rows)))
    return [Stream(rows=iter(group[0].rows), samples=[ReadSample() for _ in group]) for group in together]


def _receipt(
    batch: str, sources: Sequence[Source], streams: Sequence[Stream], parts: Sequence[PartReceipt]
) -> BatchReceipt:
    counted = [each for stream in streams for each in stream.samples]
    tallies = tuple(each.tally(source) for source, each in zip(sources, counted, strict=True))
    for source, tally in zip(sources, tallies, strict=True):
        if tally.read != sum(tally.stored.values()) + sum(tally.dropped.values()):
            raise BadBalance(f"batch {batch}, sample {source.sample}: {tally}")
    names = tuple(source.sample for source in sources)
    fingerprints = tuple(source.fingerprint for source in sources)
    checksums = tuple(each.checksum for each in counted)
    return BatchReceipt(
        id=batch,
        samples=names,
        fingerprints=fingerprints,
        checksums=checksums,
        tallies=tallies,
        parts=tuple(parts),
        ploidies=_ploidies(counted),
    )


def _ploidies(counted: Sequence[ReadSample]) -> dict[str, list[int]]:
    contigs = sorted({contig for each in counted for contig in each.ploidies})
    return {str(contig): [each.ploidies.get(contig, 0) for each in counted] for contig in contigs}


def write_part(
    store: Store,
    batch: str,
    layout: Layout,
    part: Part,
    windows: Iterable[Iterable[Mapping[str, schema.Records]]],
) -> tuple[PartReceipt, ...]:
    """Store the rows of a part, which come window by window, as objects of a batch; return their receipts.

    `windows` has, for every window of the layout's part and in their order, its rows in one or more pieces: a table of
    schema.VARIANTS and one of schema.BLOCKS under the kinds' names, sorted by contig, sample and start, blocks cut at
    the window's edges. A piece has rows that start in later tiles than those of the piece before it, or the next rows
    of its last tile. A kind without rows gets no object. Equal rows make equal bytes, wherever they come from and in
    whatever pieces. In memory are a piece and a row group of each kind. Raises StoreError.
    """
    axis = layout.axis(part.contigs[0])
    outputs = {kind: _Output(store, part_name(batch, kind, part), part.name, kind, axis) for kind in KINDS}
    with ExitStack() as stack:
        for tiles, window in zip(layout.tiled(part), windows, strict=True):
            for output in outputs.values():
                output.begin_window(tiles)
            for piece in window:
                for kind, table in piece.items():
                    outputs[kind].add(table, stack)
            for output in outputs.values():
                output.end_window(stack)
    return tuple(output.receipt() for output in outputs.values() if output.written)


class _Output:
    """Writer of one object of a batch, created with the first row."""

    def __init__(self, store: Store, name: str, part: str, kind: str, axis: Axis) -> None:
        self.store, self.name, self.part, self.kind, self.axis = store, name, part, kind, axis
        self.written: tuple[SealedWriter, _Hashed] | None = None
        self.rows: list[int] = []
        self.groups: list[tuple[int, int, int, int]] = []
        self.longest = 0

    def begin_window(self, tiles: Window) -> None:
        """Begin with the rows of a window."""
        self.rows.append(0)
        self.window = RowGroups(tiles=tiles, most=GROUP_ROWS[self.kind])

    def add(self, table: schema.Records, stack: ExitStack) -> None:
        """Add rows of the window and write full row groups; closing `stack` completes the object."""
        self.rows[-1] += table.num_rows
        for group in self.window.add(table):
            self._write(group, stack)

    def end_window(self, stack: ExitStack) -> None:
        """Write the buffered rows: a row group belongs to one window."""
        for group in self.window.end():
            self._write(group, stack)

    def _write(self, table: schema.Records, stack: ExitStack) -> None:
        table = table.combine_chunks()  # pages end where chunks do
        if self.written is None:
            stream = _Hashed(stack.enter_context(self.store.writer(self.name)))
            self.written = stack.enter_context(open_writer(stream, self.kind, KINDS[self.kind])), stream
        self.written[0].write_table(pack(self.kind, table), row_group_size=table.num_rows)
        self.groups.append((table.num_rows, decoded_bytes(table), *extent_along(table, self.axis)))
        self.longest = max(self.longest, int((table["stop"].to_numpy() - table["start"].to_numpy()).max()))

    def receipt(self) -> PartReceipt:
        """The receipt of the object, which must be complete."""
        assert self.written is not None
        stream = self.written[1]
        rows, sizes, starts, stops = zip(*self.groups, strict=True)
        return PartReceipt(
            name=self.part,
            kind=self.kind,
            rows=tuple(self.rows),
            group_rows=rows,
            group_bytes=sizes,
            group_starts=starts,
            group_stops=stops,
            longest=self.longest,
            bytes=stream.size,
            sha256=stream.sum.hexdigest(),
            seal=self.written[0].seal,
        )


class _Hashed(io.RawIOBase):
    """A stream that counts and hashes the bytes written to it."""

    def __init__(self, sink: BinaryIO) -> None:
        self._sink, self.size, self.sum = sink, 0, hashlib.sha256()

    def writable(self) -> bool:
        return True

    def write(self, data: Any, /) -> int:
        self.sum.update(data)
        self.size += self._sink.write(data)
        return len(data)

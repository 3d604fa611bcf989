"""Writing a batch: parts as Parquet objects, window by window, then the receipt that makes it whole."""

import hashlib
import io
from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack
from typing import Any, BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq

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
from genocloud.cohort.encoding import open_writer, pack
from genocloud.cohort.gathering import Stream, side_by_side
from genocloud.cohort.layout import Layout
from genocloud.objects import Store
from genocloud.regions import Part


def write_batch(store: Store, sources: Sequence[Source], layout: Layout) -> BatchReceipt:
    """Store samples as one batch, and return its receipt; a batch that is whole already is not read again.

    The batch's samples are the sources sorted by name. Each source is read once, from start to end. The receipt is
    written last: until then the batch does not exist for readers.
    """
    sources = sorted(sources, key=lambda source: source.sample)
    batch = batch_id(sources, layout)
    if (found := find_batch(store, batch)) is not None:
        return found
    streams = [Stream(iter(source.rows)) for source in sources]
    parts = [
        receipt
        for part in layout.parts()
        for receipt in write_part(store, batch, part, side_by_side(layout.windows(part), streams))
    ]
    receipt = _receipt(batch, sources, streams, parts)
    store.write(receipt_name(batch), receipt.to_json())
    return receipt


def _receipt(
    batch: str, sources: Sequence[Source], streams: Sequence[Stream], parts: Sequence[PartReceipt]
) -> BatchReceipt:
    tallies = tuple(stream.tally() for stream in streams)
    for source, tally in zip(sources, tallies, strict=True):
        if tally.read != sum(tally.stored.values()) + sum(tally.dropped.values()):
            raise BadBalance(f"batch {batch}, sample {source.sample}: {tally}")
    names = tuple(source.sample for source in sources)
    fingerprints = tuple(source.fingerprint for source in sources)
    checksums = tuple(stream.checksum for stream in streams)
    return BatchReceipt(batch, names, fingerprints, checksums, tallies, tuple(parts), _ploidies(streams))


def _ploidies(streams: Sequence[Stream]) -> dict[str, list[int]]:
    contigs = sorted({contig for stream in streams for contig in stream.ploidies})
    return {str(contig): [stream.ploidies.get(contig, 0) for stream in streams] for contig in contigs}


def write_part(
    store: Store, batch: str, part: Part, windows: Iterable[Mapping[str, pa.Table]]
) -> tuple[PartReceipt, ...]:
    """Store the rows of a part, which come window by window, as the objects of a batch; returns what these hold.

    `windows` has, for every window of the layout's part and in their order, a table of schema.VARIANTS and one of
    schema.BLOCKS under the kinds' names, sorted by region, sample and start, blocks cut at the window's edges. A kind
    without rows gets no object. Equal rows make equal bytes, wherever they come from. Raises StoreError.
    """
    outputs = {kind: _Output(store, part_name(batch, kind, part), part.name, kind) for kind in KINDS}
    with ExitStack() as stack:
        for window in windows:
            for kind, table in window.items():
                outputs[kind].write(table, stack)
    return tuple(output.receipt() for output in outputs.values() if output.written)


class _Output:
    """One object of a batch, made when its first row comes."""

    def __init__(self, store: Store, name: str, part: str, kind: str) -> None:
        self.store, self.name, self.part, self.kind = store, name, part, kind
        self.written: tuple[pq.ParquetWriter, _Hashed] | None = None
        self.rows: list[int] = []
        self.longest = 0

    def write(self, table: pa.Table, stack: ExitStack) -> None:
        """Add a window's rows as a row group; none if there are no rows. `stack` completes the object."""
        self.rows.append(table.num_rows)
        if not table.num_rows:
            return
        if self.written is None:
            stream = _Hashed(stack.enter_context(self.store.writer(self.name)))
            self.written = stack.enter_context(open_writer(stream, self.kind, KINDS[self.kind])), stream
        self.written[0].write_table(pack(self.kind, table), row_group_size=table.num_rows)
        self.longest = max(self.longest, int((table["stop"].to_numpy() - table["start"].to_numpy()).max()))

    def receipt(self) -> PartReceipt:
        """What was written; the object must be complete."""
        assert self.written is not None
        stream = self.written[1]
        return PartReceipt(self.part, self.kind, tuple(self.rows), self.longest, stream.size, stream.sum.hexdigest())


class _Hashed(io.RawIOBase):
    """A stream that knows how many bytes it was given, and their sha256."""

    def __init__(self, sink: BinaryIO) -> None:
        self._sink, self.size, self.sum = sink, 0, hashlib.sha256()

    def writable(self) -> bool:
        return True

    def write(self, data: Any, /) -> int:
        self.sum.update(data)
        self.size += self._sink.write(data)
        return len(data)

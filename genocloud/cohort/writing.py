"""Many samples' records, side by side, into one batch: window by window, in memory that one window bounds."""

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from genocloud.cohort.batch import (
    KINDS,
    BadBalance,
    BatchReceipt,
    PartReceipt,
    Rows,
    Source,
    batch_id,
    part_name,
    read_receipt,
    receipt_name,
)
from genocloud.cohort.encoding import open_writer, pack
from genocloud.cohort.layout import Layout, Window
from genocloud.objects import Store
from genocloud.regions import Part, Region
from genocloud.schema import with_column

EMPTY = {kind: table.empty_table() for kind, table in KINDS.items()}


def write_batch(store: Store, sources: Sequence[Source], layout: Layout) -> BatchReceipt:
    """Store samples as one batch, and return its receipt; a batch that is whole already is not read again.

    The batch's samples are the sources sorted by name. Each source is read once, from start to end. The receipt is
    written last: until then the batch does not exist for readers.
    """
    sources = sorted(sources, key=lambda source: source.sample)
    batch = batch_id(sources, layout)
    if store.exists(receipt_name(batch)):
        return read_receipt(store, batch)
    streams = [_Stream(iter(source.rows)) for source in sources]
    parts = [receipt for part in layout.parts() for receipt in _write_part(store, batch, part, layout, streams)]
    receipt = _receipt(batch, sources, streams, parts)
    store.write(receipt_name(batch), receipt.to_json())
    return receipt


def _receipt(
    batch: str, sources: Sequence[Source], streams: Sequence["_Stream"], parts: Sequence[PartReceipt]
) -> BatchReceipt:
    read = sum(stream.read for stream in streams)
    stored = {kind: sum(stream.taken[kind] for stream in streams) for kind in KINDS}
    dropped = dict(sum((stream.dropped for stream in streams), Counter[str]()))
    if read != sum(stored.values()) + sum(dropped.values()):
        raise BadBalance(f"batch {batch}: read {read} records, stored {stored}, dropped {dropped}")
    names = tuple(source.sample for source in sources)
    fingerprints = tuple(source.fingerprint for source in sources)
    checksums = tuple(stream.checksum for stream in streams)
    return BatchReceipt(batch, names, fingerprints, checksums, read, stored, dropped, tuple(parts), _ploidies(streams))


def _ploidies(streams: Sequence["_Stream"]) -> dict[str, list[int]]:
    contigs = sorted({contig for stream in streams for contig in stream.ploidies})
    return {str(contig): [stream.ploidies.get(contig, 0) for stream in streams] for contig in contigs}


MOST_ALLELES = 127
"""Above any ploidy: a GT counts its alleles in an int8."""


def _fewest_alleles(kind: str, batch: pa.RecordBatch) -> int:
    """The smallest ploidy of some rows; those without a GT do not tell."""
    if kind == "blocks":
        return int(pc.min(batch["ploidy"]).as_py())
    alleles = np.diff(batch["gt"].offsets.to_numpy())
    return int(alleles[alleles > 0].min(initial=MOST_ALLELES))


@dataclass(slots=True)
class _Stream:
    """One sample's records, read as far as they are needed."""

    rows: Iterator[Rows]
    waiting: dict[str, list[tuple[int, pa.RecordBatch]]] = field(default_factory=lambda: {kind: [] for kind in KINDS})
    contig: int = -1
    reached: int = 0
    read: int = 0
    checksum: int = 0
    taken: Counter[str] = field(default_factory=Counter)
    dropped: Counter[str] = field(default_factory=Counter)
    ploidies: dict[int, int] = field(default_factory=dict)

    def take(self, region: Region) -> dict[str, list[pa.RecordBatch]]:
        """The rows that start in a region; regions are asked for in order."""
        while (self.contig, self.reached) < (region.contig, region.end):
            self._pull()
        return {kind: self._cut(kind, region) for kind in KINDS}

    def _pull(self) -> None:
        rows = next(self.rows, None)
        if rows is None:
            self.contig = 1 << 31  # beyond every contig: nothing is to come
            return
        self.read += rows.read
        self.checksum = rows.checksum
        self.dropped.update(rows.dropped)
        for kind, batch in zip(KINDS, (rows.variants, rows.blocks), strict=True):
            self.taken[kind] += batch.num_rows
            if batch.num_rows:
                contig, last = batch["contig"][-1].as_py(), batch["start"][-1].as_py()
                self.waiting[kind].append((contig, batch))
                self.ploidies[contig] = min(self.ploidies.get(contig, MOST_ALLELES), _fewest_alleles(kind, batch))
                self.contig, self.reached = max((self.contig, self.reached), (contig, last))

    def _cut(self, kind: str, region: Region) -> list[pa.RecordBatch]:
        """Take the waiting rows that start before the region's end."""
        taken, waiting = [], self.waiting[kind]
        while waiting and waiting[0][0] == region.contig:
            batch = waiting[0][1]
            count = int(np.searchsorted(batch["start"].to_numpy(), region.end))
            if count:
                taken.append(batch.slice(0, count))
            if count < batch.num_rows:
                waiting[0] = region.contig, batch.slice(count)
                break
            waiting.pop(0)
        return taken


class _Output:
    """One object of a batch, made when its first row comes."""

    def __init__(self, store: Store, name: str, part: str, kind: str, stack: ExitStack) -> None:
        self.store, self.name, self.part, self.kind, self.stack = store, name, part, kind, stack
        self.writer: pq.ParquetWriter | None = None
        self.rows: list[int] = []
        self.longest = 0

    def write(self, table: pa.Table) -> None:
        """Add a window's rows as a row group; none if there are no rows."""
        self.rows.append(table.num_rows)
        if not table.num_rows:
            return
        if self.writer is None:
            stream = self.stack.enter_context(self.store.writer(self.name))
            self.writer = self.stack.enter_context(open_writer(stream, self.kind, KINDS[self.kind]))
        self.writer.write_table(pack(self.kind, table), row_group_size=table.num_rows)
        self.longest = max(self.longest, int((table["stop"].to_numpy() - table["start"].to_numpy()).max()))

    def receipt(self) -> PartReceipt:
        """What was written; the object must be complete."""
        return PartReceipt(self.part, self.kind, tuple(self.rows), self.longest, self.store.size(self.name))


def _write_part(
    store: Store, batch: str, part: Part, layout: Layout, streams: Sequence[_Stream]
) -> Iterator[PartReceipt]:
    with ExitStack() as stack:
        outputs = {kind: _Output(store, part_name(batch, kind, part), part.name, kind, stack) for kind in KINDS}
        cuts = _Cuts()
        for window in layout.windows(part):
            for kind, table in _window(window, streams, cuts).items():
                outputs[kind].write(table)
    yield from (output.receipt() for output in outputs.values() if output.writer)


def _window(window: Window, streams: Sequence[_Stream], cuts: "_Cuts") -> dict[str, pa.Table]:
    """The window's rows of all samples, in order of region, sample and start."""
    tables: dict[str, list[pa.Table]] = {kind: [] for kind in KINDS}
    for region in window:
        taken = [stream.take(region) for stream in streams]
        if not cuts.rest and not any(rows[kind] for rows in taken for kind in KINDS):
            continue  # as for most of thousands of decoys
        tables["variants"].append(_side_by_side("variants", [rows["variants"] for rows in taken]))
        blocks = _side_by_side("blocks", cuts.continued([rows["blocks"] for rows in taken]))
        tables["blocks"].append(cuts.cut(blocks, region.end))
    return {kind: pa.concat_tables([*parts, EMPTY[kind]]).combine_chunks() for kind, parts in tables.items()}


def _side_by_side(kind: str, samples: Sequence[Sequence[pa.RecordBatch]]) -> pa.Table:
    """Samples' rows one after another, with their place in the batch as `sample`."""
    table = pa.Table.from_batches([batch for batches in samples for batch in batches], KINDS[kind])
    counts = [sum(batch.num_rows for batch in batches) for batches in samples]
    column = np.repeat(np.arange(len(samples), dtype=np.int32), counts)
    return with_column(table, "sample", pa.array(column)).combine_chunks()


class _Cuts:
    """The ends of blocks that reach beyond a window, kept for the next one."""

    def __init__(self) -> None:
        self.rest: dict[int, pa.RecordBatch] = {}

    def continued(self, samples: Sequence[list[pa.RecordBatch]]) -> list[list[pa.RecordBatch]]:
        """The samples' rows with what is left of their last block before them."""
        return [[self.rest[k], *batches] if k in self.rest else batches for k, batches in enumerate(samples)]

    def cut(self, blocks: pa.Table, end: int) -> pa.Table:
        """The blocks up to `end`; a sample has at most one that reaches further, because its rows never overlap."""
        stops = blocks["stop"].to_numpy()
        beyond = np.flatnonzero(stops > end)
        self.rest = {
            blocks["sample"][i].as_py(): _first(with_column(blocks.slice(i, 1), "start", pa.array([end], pa.int32())))
            for i in beyond.tolist()
        }
        return with_column(blocks, "stop", pa.array(np.minimum(stops, end), pa.int32())) if beyond.size else blocks


def _first(table: pa.Table) -> pa.RecordBatch:
    return table.combine_chunks().to_batches()[0]

"""Merge many samples' record streams into tables, window by window; memory is bounded by one window."""

from bisect import bisect_right
from collections import Counter, deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from genocloud.cohort.batch import KINDS, ReadRows, Tally
from genocloud.cohort.layout import Window
from genocloud.regions import Region, joined
from genocloud.schema import Blocks, Records, with_column

Place = tuple[int, int]
"""A contig's index and a base of it."""

END = (1 << 31, 0)
"""Beyond every contig."""

PIECE_ROWS = 1 << 18
"""Rows of a window that are passed on together: as many as a row group of blocks has."""

MOST_HOLES = 1000
"""Most regions without records noted for a sample; if there are more, each contig's are merged into one."""

MOST_ALLELES = 127
"""Above any ploidy: a GT counts its alleles in an int8."""


@dataclass(slots=True)
class _Waiting:
    """Buffered rows, of which those before `taken` are consumed.

    keys  (rows,) int64, ascending; contig * _CONTIG + start
    """

    keys: npt.NDArray[np.int64]
    rows: pa.RecordBatch
    taken: int = 0

    @property
    def first(self) -> Place:
        contig, start = divmod(int(self.keys[self.taken]), _CONTIG)
        return contig, start

    def take(self, end: Place) -> pa.RecordBatch:
        """The rows that start before `end`."""
        begin, self.taken = self.taken, int(np.searchsorted(self.keys, end[0] * _CONTIG + end[1]))
        return self.rows.slice(begin, self.taken - begin)


_CONTIG = 1 << 32
"""Sort key of a base: the contig's index times this, plus the base."""


@dataclass(slots=True, kw_only=True)
class Stream:
    """One sample's records, read lazily, with counts of what was read."""

    rows: Iterator[ReadRows]
    waiting: dict[str, deque[_Waiting]] = field(default_factory=lambda: {kind: deque() for kind in KINDS})
    reached: Place = (-1, 0)
    read: int = 0
    checksum: int = 0
    stored: dict[str, int] = field(default_factory=lambda: dict.fromkeys(KINDS, 0))
    dropped: Counter[str] = field(default_factory=Counter)
    ploidies: dict[int, int] = field(default_factory=dict)
    bare: int = 0
    first_bare: Place | tuple[()] = ()
    holes: list[Region] = field(default_factory=list)
    odd: Counter[str] = field(default_factory=Counter)

    @property
    def first(self) -> Place:
        """Place of the first buffered row; how far the sample was read if there is none."""
        return min((waiting[0].first for waiting in self.waiting.values() if waiting), default=self.reached)

    def tally(self, policy: str, file: str, caller: str) -> Tally:
        """Counts of the records read so far."""
        holes = tuple((hole.contig, hole.start, hole.end) for hole in _few(self.holes))
        return Tally(
            read=self.read,
            stored=self.stored,
            dropped=dict(self.dropped),
            bare=self.bare,
            first_bare=self.first_bare,
            policy=policy,
            holes=holes,
            odd=dict(self.odd),
            file=file,
            caller=caller,
        )

    def take(self, end: Place) -> dict[str, list[pa.RecordBatch]]:
        """The rows that start before `end` and have not been taken yet, by kind."""
        while self.reached < end:
            self._pull()
        return {kind: list(_cut(waiting, end)) for kind, waiting in self.waiting.items()}

    def _pull(self) -> None:
        rows = next(self.rows, None)
        if rows is None:
            self.reached = END
            return
        self.read += rows.read
        self.checksum = rows.checksum
        self.dropped.update(rows.dropped)
        self.holes.extend(rows.holes)
        self.odd.update(rows.odd)
        for kind, batch in zip(KINDS, (rows.variants, rows.blocks), strict=True):
            if batch.num_rows:
                self._keep(kind, batch)

    def _keep(self, kind: str, batch: pa.RecordBatch) -> None:
        contigs, starts = batch["contig"].to_numpy(), batch["start"].to_numpy()
        self.stored[kind] += batch.num_rows
        self.waiting[kind].append(_Waiting(contigs.astype(np.int64) * _CONTIG + starts, batch))
        firsts = np.flatnonzero(np.diff(contigs, prepend=-1))
        for contig, fewest in zip(contigs[firsts].tolist(), _fewest_alleles(kind, batch, firsts), strict=True):
            self.ploidies[contig] = min(self.ploidies.get(contig, MOST_ALLELES), fewest)
        self.reached = max(self.reached, (int(contigs[-1]), int(starts[-1])))
        if kind == "blocks" and batch["gq"].null_count:
            self._count_bare(batch.filter(pa.array(_are_bare(batch))))

    def _count_bare(self, blocks: pa.RecordBatch) -> None:
        self.bare += blocks.num_rows
        if blocks.num_rows and not self.first_bare:
            self.first_bare = blocks["contig"][0].as_py(), blocks["start"][0].as_py()


def _few(holes: Sequence[Region]) -> list[Region]:
    """Sort and merge regions; if more than MOST_HOLES remain, merge each contig's into one."""
    apart = joined(holes)
    if len(apart) <= MOST_HOLES:
        return apart
    by_contig = (list(each) for _, each in groupby(apart, key=lambda hole: hole.contig))
    return [Region(each[0].contig, each[0].start, each[-1].end) for each in by_contig]


def _are_bare(blocks: pa.RecordBatch) -> npt.NDArray[np.bool_]:
    """Which blocks are called hom-ref without GQ or PL: (rows,) bool.

    Blocks with depth 0 (weCall writes them as 0/0 with GQ `.`) do not count: they are no data in every model.
    """
    unsure = pc.and_(blocks["gq"].is_null(), blocks["pl0"].is_null())
    unread = pc.fill_null(pc.equal(pc.coalesce(blocks["min_dp"], blocks["dp"]), 0), False)
    return np.asarray(pc.and_(blocks["called"], pc.and_not(unsure, unread)).to_numpy(zero_copy_only=False))


def _fewest_alleles(kind: str, batch: pa.RecordBatch, firsts: npt.NDArray[np.int64]) -> list[int]:
    """The smallest ploidy of each run of rows that begins at `firsts`; rows without a GT are ignored."""
    alleles = batch["ploidy"].to_numpy() if kind == "blocks" else np.diff(batch["gt"].offsets.to_numpy())
    counted = alleles if kind == "blocks" else np.where(alleles > 0, alleles, MOST_ALLELES)
    return [int(each) for each in np.minimum.reduceat(counted, firsts)]


def _cut(waiting: deque[_Waiting], end: Place) -> Iterator[pa.RecordBatch]:
    while waiting and waiting[0].first < end:
        yield waiting[0].take(end)
        if waiting[0].taken < waiting[0].rows.num_rows:
            return
        waiting.popleft()


SampleRows = tuple[int, pa.RecordBatch]
"""A sample's index in the batch, and rows of it."""

ROOMY = 8
"""After a run of contigs with fewer than PIECE_ROWS / ROOMY rows, twice as many contigs are taken."""


def side_by_side(windows: Iterable[Window], streams: Sequence[Stream]) -> Iterator[Iterator[dict[str, Records]]]:
    """Each window's rows of all samples by kind, in order of region, sample and start; blocks are cut at its edges.

    A window with more than PIECE_ROWS rows comes in several pieces; each window's iterator must be exhausted.
    """
    together = _Together(streams)
    return (together.pieces(window) for window in windows)


@dataclass(slots=True)
class _Together:
    """Samples' streams, none with a row before `nearest`; `rest` has the remainders of cut blocks by sample."""

    streams: Sequence[Stream]
    nearest: Place = (-1, 0)
    rest: dict[int, pa.RecordBatch] = field(default_factory=dict)

    def pieces(self, window: Window) -> Iterator[dict[str, Records]]:
        """The rows of the next window, in pieces: contig by contig, or many at a time while they have few rows."""
        further: dict[int, pa.RecordBatch] = {}
        at, size = 0, 1
        while (at := self._next(window, at)) < len(window):
            run = window[at : at + size]
            rows = 0
            for table in self._run(run, further):
                rows += sum(each.num_rows for each in table.values())
                yield table
            at += len(run)
            size = 2 * size if rows * ROOMY < PIECE_ROWS else 1
            self.nearest = min(stream.first for stream in self.streams)
        self.rest = further

    def _next(self, window: Window, at: int) -> int:
        """Index of the next region in which a sample has rows: most of thousands of decoys have none."""
        if self.rest:
            return at
        return bisect_right(window, self.nearest, lo=at, key=lambda region: (region.contig, region.end))

    def _run(self, run: Window, further: dict[int, pa.RecordBatch]) -> Iterator[dict[str, Records]]:
        """The rows of some neighbouring regions; a single region with many rows comes in several pieces."""
        pieces: dict[str, list[SampleRows]] = {kind: [] for kind in KINDS}
        rows = 0
        for place, stream in enumerate(self.streams):
            rows += _take(run[-1], place, stream, self.rest, pieces)
            if rows >= PIECE_ROWS and len(run) == 1:
                yield _tables(pieces, run, further)
                pieces, rows = {kind: [] for kind in KINDS}, 0
        yield _tables(pieces, run, further)


def _take(
    last: Region, place: int, stream: Stream, rest: dict[int, pa.RecordBatch], pieces: dict[str, list[SampleRows]]
) -> int:
    """Add a sample's rows up to a region's end to the pieces, the rest of its last block first; return how many."""
    batches = stream.take((last.contig, last.end))
    if place in rest:
        batches["blocks"].insert(0, rest.pop(place))
    for kind, each in batches.items():
        pieces[kind].extend((place, batch) for batch in each)
    return sum(batch.num_rows for each in batches.values() for batch in each)


def _tables(pieces: dict[str, list[SampleRows]], run: Window, further: dict[int, pa.RecordBatch]) -> dict[str, Records]:
    """Pieces as tables; remainders of blocks beyond the last region are added to `further`.

    Only a window's last region can end before its contig does, which continues in the next window.
    """
    tables = {kind: _joined(kind, each, run) for kind, each in pieces.items()}
    tables["blocks"], left = _split(tables["blocks"], run[-1])
    further.update(left)
    return tables


def _joined(kind: str, pieces: Sequence[SampleRows], run: Window) -> Records:
    """Concatenate pieces, sorted by contig (stable), with the samples' indices as `sample`."""
    table = pa.Table.from_batches([batch for _, batch in pieces], KINDS[kind]).combine_chunks()
    places = np.repeat(np.array([place for place, _ in pieces], np.int32), [batch.num_rows for _, batch in pieces])
    table = with_column(table, "sample", pa.array(places))
    if len(run) == 1:
        return table
    return table.take(pa.array(np.argsort(table["contig"].to_numpy(), kind="stable"))).combine_chunks()


def _split(blocks: Blocks, last: Region) -> tuple[Blocks, dict[int, pa.RecordBatch]]:
    """Cut blocks at a region's end; also returns, by sample, the remainder of a block that extends beyond it.

    There is at most one for each sample, because its rows never overlap.
    """
    stops = blocks["stop"].to_numpy()
    beyond = np.flatnonzero((stops > last.end) & (blocks["contig"].to_numpy() == last.contig))
    if not beyond.size:
        return blocks, {}
    left = blocks.take(pa.array(beyond.astype(np.int32)))
    left = (
        with_column(left, "start", pa.array(np.full(beyond.size, last.end, np.int32))).combine_chunks().to_batches()[0]
    )
    places = left["sample"].to_numpy().tolist()
    stops = stops.copy()
    stops[beyond] = last.end
    return with_column(blocks, "stop", pa.array(stops)), {
        place: left.slice(number, 1) for number, place in enumerate(places)
    }

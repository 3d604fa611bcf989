"""Many samples' records side by side: a window's rows of a whole batch, in memory that one window bounds."""

from collections import Counter, deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from genocloud.cohort.batch import KINDS, Rows, Tally
from genocloud.cohort.layout import Window
from genocloud.regions import Region, joined
from genocloud.schema import with_column

Place = tuple[int, int]
"""A contig's number and a base of it."""

END = (1 << 31, 0)
"""Beyond every contig."""

PIECE_ROWS = 1 << 18
"""Rows of a window that are handed on together: as many as a row group of blocks has."""

MOST_HOLES = 1000
"""Of a sample so many stretches are noted in which records are lacking; of more, what lies between them too."""

MOST_ALLELES = 127
"""Above any ploidy: a GT counts its alleles in an int8."""


@dataclass(slots=True)
class _Waiting:
    """Rows of one contig that have been read; those before `taken` are gone."""

    contig: int
    starts: npt.NDArray[np.int32]
    rows: pa.RecordBatch
    taken: int = 0

    @property
    def first(self) -> Place:
        return self.contig, int(self.starts[self.taken])

    def take(self, end: int) -> pa.RecordBatch:
        """The rows that start before `end`."""
        begin, self.taken = self.taken, int(np.searchsorted(self.starts, end))
        return self.rows.slice(begin, self.taken - begin)


@dataclass(slots=True)
class Stream:
    """One sample's records, read as far as they are needed."""

    rows: Iterator[Rows]
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
        """Where the first row waits; where the sample has been read to if none does."""
        return min((waiting[0].first for waiting in self.waiting.values() if waiting), default=self.reached)

    def tally(self, policy: str, file: str) -> Tally:
        """What became of the records read so far."""
        holes = tuple((hole.contig, hole.start, hole.end) for hole in _few(self.holes))
        return Tally(
            self.read, self.stored, dict(self.dropped), self.bare, self.first_bare, policy, holes, dict(self.odd), file
        )

    def take(self, region: Region) -> dict[str, list[pa.RecordBatch]]:
        """The rows that start in a region; regions are asked for in order."""
        while self.reached < (region.contig, region.end):
            self._pull()
        return {kind: list(_cut(waiting, region)) for kind, waiting in self.waiting.items()}

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
        contig, starts = int(batch["contig"].to_numpy()[0]), batch["start"].to_numpy()
        self.stored[kind] += batch.num_rows
        self.waiting[kind].append(_Waiting(contig, starts, batch))
        self.ploidies[contig] = min(self.ploidies.get(contig, MOST_ALLELES), _fewest_alleles(kind, batch))
        self.reached = max(self.reached, (contig, int(starts[-1])))
        if kind == "blocks" and batch["gq"].null_count:
            self._count_bare(contig, starts[_are_bare(batch)])

    def _count_bare(self, contig: int, starts: npt.NDArray[np.int32]) -> None:
        self.bare += len(starts)
        if len(starts) and not self.first_bare:
            self.first_bare = contig, int(starts[0])


def _few(holes: Sequence[Region]) -> list[Region]:
    """The same regions, sorted, those that meet made one; of too many, each contig's from the first to the last."""
    apart = joined(holes)
    if len(apart) <= MOST_HOLES:
        return apart
    by_contig = (list(each) for _, each in groupby(apart, key=lambda hole: hole.contig))
    return [Region(each[0].contig, each[0].start, each[-1].end) for each in by_contig]


def _are_bare(blocks: pa.RecordBatch) -> npt.NDArray[np.bool_]:
    """Which blocks say hom-ref, but not how sure they are: (rows,) bool."""
    unsure = pc.and_(blocks["gq"].is_null(), blocks["pl0"].is_null())
    return np.asarray(pc.and_(blocks["called"], unsure).to_numpy(zero_copy_only=False))


def _fewest_alleles(kind: str, batch: pa.RecordBatch) -> int:
    """The smallest ploidy of some rows; those without a GT do not tell."""
    if kind == "blocks":
        return int(batch["ploidy"].to_numpy().min())
    alleles = np.diff(batch["gt"].offsets.to_numpy())
    return int(alleles[alleles > 0].min(initial=MOST_ALLELES))


def _cut(waiting: deque[_Waiting], region: Region) -> Iterator[pa.RecordBatch]:
    while waiting and waiting[0].first < (region.contig, region.end):
        yield waiting[0].take(region.end)
        if waiting[0].taken < waiting[0].rows.num_rows:
            return
        waiting.popleft()


Piece = tuple[int, int, pa.RecordBatch]
"""A sample's place in the batch, the end of the region that its rows start in, the rows."""


def side_by_side(windows: Iterable[Window], streams: Sequence[Stream]) -> Iterator[Iterator[dict[str, pa.Table]]]:
    """Each window's rows of all samples by kind, in order of region, sample and start; blocks are cut at its edges.

    They come in pieces, of about PIECE_ROWS where a window has more than that; each window is to be taken to its end.
    """
    together = _Together(streams)
    return (together.pieces(window) for window in windows)


@dataclass(slots=True)
class _Together:
    """Samples' streams, no row of which is before `nearest`; `rest` has what is left of samples' last blocks."""

    streams: Sequence[Stream]
    nearest: Place = (-1, 0)
    rest: dict[int, pa.RecordBatch] = field(default_factory=dict)

    def pieces(self, window: Window) -> Iterator[dict[str, pa.Table]]:
        """The rows of the next window, in pieces."""
        pieces: dict[str, list[Piece]] = {kind: [] for kind in KINDS}
        further: dict[int, pa.RecordBatch] = {}
        rows = 0
        for region in window:
            if not self.rest and self.nearest >= (region.contig, region.end):
                continue  # so it is for most of thousands of decoys
            for place, stream in enumerate(self.streams):
                rows += _take(region, place, stream, self.rest, pieces)
                if rows >= PIECE_ROWS:
                    yield _tables(pieces, further)
                    pieces, rows = {kind: [] for kind in KINDS}, 0
            self.nearest = min(stream.first for stream in self.streams)
        yield _tables(pieces, further)
        self.rest = further


def _take(
    region: Region, place: int, stream: Stream, rest: dict[int, pa.RecordBatch], pieces: dict[str, list[Piece]]
) -> int:
    """Add a sample's rows in a region to the pieces, what was left of its last block first; how many these are."""
    batches = stream.take(region)
    if place in rest:
        batches["blocks"].insert(0, rest.pop(place))
    for kind, each in batches.items():
        pieces[kind].extend((place, region.end, batch) for batch in each)
    return sum(batch.num_rows for each in batches.values() for batch in each)


def _tables(pieces: dict[str, list[Piece]], further: dict[int, pa.RecordBatch]) -> dict[str, pa.Table]:
    """Pieces as tables; what of a block reaches beyond its region is added to `further`.

    Only a window's last region can end before its contig: that goes on in the next window.
    """
    tables = {kind: _joined(kind, each) for kind, each in pieces.items()}
    tables["blocks"], left = _split(tables["blocks"], pieces["blocks"])
    further.update(left)
    return tables


def _joined(kind: str, pieces: Sequence[Piece]) -> pa.Table:
    """Pieces one after another, with the samples' places as `sample`."""
    table = pa.Table.from_batches([batch for _, _, batch in pieces], KINDS[kind]).combine_chunks()
    return with_column(table, "sample", pa.array(_by_row([place for place, _, _ in pieces], pieces)))


def _by_row(values: Sequence[int], pieces: Sequence[Piece]) -> npt.NDArray[np.int32]:
    """A value of each piece, for each of its rows."""
    return np.repeat(np.array(values, np.int32), [batch.num_rows for _, _, batch in pieces])


def _split(blocks: pa.Table, pieces: Sequence[Piece]) -> tuple[pa.Table, dict[int, pa.RecordBatch]]:
    """The blocks up to their regions' ends, and by sample what is left of the one that reaches further.

    There is at most one of a sample, because its rows never overlap.
    """
    stops, ends = blocks["stop"].to_numpy(), _by_row([end for _, end, _ in pieces], pieces)
    beyond = np.flatnonzero(stops > ends)
    if not beyond.size:
        return blocks, {}
    left = blocks.take(pa.array(beyond.astype(np.int32)))
    left = with_column(left, "start", pa.array(ends[beyond])).combine_chunks().to_batches()[0]
    places = left["sample"].to_numpy().tolist()
    cut = with_column(blocks, "stop", pa.array(np.minimum(stops, ends)))
    return cut, {place: left.slice(number, 1) for number, place in enumerate(places)}

"""Merge many samples' record streams into tables, window by window; memory is bounded by one window."""

from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from genocloud.cohort.batch import KINDS, ReadCounts, ReadRows, Source, Tally
from genocloud.cohort.layout import Window
from genocloud.cohort.row_groups import CONTIG_KEY, in_order
from genocloud.regions import Region, joined
from genocloud.schema import Blocks, Records, with_column

Place = tuple[int, int]
"""A contig's index and a base of it."""

Numbers = npt.NDArray[Any]

END = (1 << 31, 0)
"""Beyond every contig."""

PIECE_ROWS = 1 << 19
"""Rows of a window that are passed on together: several row groups', so that streams are cut seldom."""

FIRST_TILES = 16
"""Tiles that are taken first: of 200 genomes 62 kb have some 100,000 rows; the fewer pieces, the less is copied."""

MOST_FURTHER = 8
"""After some tiles with few rows at most so many times as many are taken: beyond a gap there may be many rows."""

MOST_HOLES = 1000
"""Most regions without records noted for a sample; if there are more, each contig's are merged into one."""

MOST_ALLELES = 127
"""Above any ploidy: a GT counts its alleles in an int8."""


@dataclass(slots=True, kw_only=True)
class _Waiting:
    """Buffered rows, of which those before `taken` in order of `keys` are consumed.

    keys   (rows,) int64, ascending; contig * CONTIG_KEY + start
    order  (rows,) int64: the row of each key; None where it is the key's own index, as of one sample
    """

    rows: pa.RecordBatch
    keys: Numbers
    order: Numbers | None
    taken: int = 0

    @classmethod
    def of(cls, rows: pa.RecordBatch, keys: Numbers, together: bool) -> "_Waiting":
        """Rows with these keys, which ascend unless the rows are those of several samples together."""
        if not together:
            return cls(rows=rows, keys=keys, order=None)
        order = np.argsort(keys, kind="stable")
        return cls(rows=rows, keys=keys[order], order=order)

    @property
    def first(self) -> Place:
        contig, start = divmod(int(self.keys[self.taken]), CONTIG_KEY)
        return contig, start

    def take(self, end: Place) -> pa.RecordBatch:
        """The rows that start before `end`, in order of sample and start."""
        begin, self.taken = self.taken, int(np.searchsorted(self.keys, end[0] * CONTIG_KEY + end[1]))
        if self.order is None or self.taken - begin == self.keys.size:
            return self.rows.slice(begin, self.taken - begin)
        return self.rows.take(pa.array(np.sort(self.order[begin : self.taken])))


@dataclass(slots=True, kw_only=True)
class ReadSample:
    """Counts of what was read of one sample."""

    read: int = 0
    checksum: int = 0
    stored: dict[str, int] = field(default_factory=lambda: dict.fromkeys(KINDS, 0))
    dropped: Counter[str] = field(default_factory=Counter)
    ploidies: dict[int, int] = field(default_factory=dict)
    bare: int = 0
    first_bare: Place | tuple[()] = ()
    holes: list[Region] = field(default_factory=list)
    odd: Counter[str] = field(default_factory=Counter)

    def add(self, counts: ReadCounts) -> None:
        """Add counts of further records, the latest of which have the file's checksum."""
        self.read += counts.read
        self.checksum = counts.checksum
        self.dropped.update(counts.dropped)
        self.holes.extend(counts.holes)
        self.odd.update(counts.odd)

    def tally(self, source: Source) -> Tally:
        """Counts of the records read so far of a source."""
        holes = tuple((hole.contig, hole.start, hole.end) for hole in _few(self.holes))
        return Tally(
            read=self.read,
            stored=self.stored,
            dropped=dict(self.dropped),
            bare=self.bare,
            first_bare=self.first_bare,
            policy=source.policy,
            holes=holes,
            odd=dict(self.odd),
            file=source.file,
            caller=source.caller,
            sex=source.sex,
        )


@dataclass(slots=True, kw_only=True)
class Stream:
    """Records of one sample, or of several in turn, read lazily, with counts of what was read."""

    rows: Iterator[ReadRows]
    samples: list[ReadSample]
    waiting: dict[str, list[_Waiting]] = field(default_factory=lambda: {kind: [] for kind in KINDS})
    reached: Place = (-1, 0)

    @property
    def first(self) -> Place:
        """Place of the first buffered row; how far the sample was read if there is none."""
        return min((each.first for waiting in self.waiting.values() for each in waiting), default=self.reached)

    def take(self, end: Place) -> dict[str, list[pa.RecordBatch]]:
        """The rows that start before `end` and have not been taken yet, by kind."""
        while self.reached < end:
            self._pull()
        return {kind: self._cut(kind, end) for kind in KINDS}

    def _cut(self, kind: str, end: Place) -> list[pa.RecordBatch]:
        rows = [each.take(end) for each in self.waiting[kind] if each.first < end]
        self.waiting[kind] = [each for each in self.waiting[kind] if each.taken < each.keys.size]
        return rows

    def _pull(self) -> None:
        rows = next(self.rows, None)
        if rows is None:
            self.reached = END
            return
        for number, counts in rows.counts:
            self.samples[number].add(counts)
        for kind, batch in zip(KINDS, (rows.variants, rows.blocks), strict=True):
            if batch.num_rows:
                self._keep(kind, batch)

    def _keep(self, kind: str, batch: pa.RecordBatch) -> None:
        together = len(self.samples) > 1
        samples, contigs, starts = (batch[name].to_numpy() for name in ("sample", "contig", "start"))
        keys = contigs.astype(np.int64) * CONTIG_KEY + starts
        self.waiting[kind].append(_Waiting.of(batch, keys, together))
        if not together:  # of several, all are read before any is taken
            self.reached = max(self.reached, (int(contigs[-1]), int(starts[-1])))
        firsts = np.flatnonzero(np.diff(samples * np.int64(CONTIG_KEY) + contigs, prepend=-1))
        runs = (samples[firsts].tolist(), contigs[firsts].tolist(), np.diff(firsts, append=batch.num_rows).tolist())
        for sample, contig, rows, fewest in zip(*runs, _fewest_alleles(kind, batch, firsts), strict=True):
            counted = self.samples[sample]
            counted.stored[kind] += rows
            counted.ploidies[contig] = min(counted.ploidies.get(contig, MOST_ALLELES), fewest)
        if kind == "blocks" and batch["gq"].null_count:
            self._count_bare(np.flatnonzero(_are_bare(batch)), samples, contigs, starts)

    def _count_bare(self, bare: Numbers, samples: Numbers, contigs: Numbers, starts: Numbers) -> None:
        """Count bare blocks, of which these are the indices among the rows of a batch."""
        for sample, first, count in zip(
            *(each.tolist() for each in np.unique(samples[bare], return_index=True, return_counts=True)), strict=True
        ):
            counted = self.samples[sample]
            counted.bare += count
            counted.first_bare = counted.first_bare or (int(contigs[bare[first]]), int(starts[bare[first]]))


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


SampleRows = tuple[int, pa.RecordBatch]
"""Rows, and what to add to their `sample` for the samples' indices in the batch."""

NO_BLOCKS = pa.RecordBatch.from_pylist([], KINDS["blocks"])


def side_by_side(windows: Iterable[Window], streams: Sequence[Stream]) -> Iterator[Iterator[dict[str, Records]]]:
    """Each window's rows of all samples by kind, in pieces; blocks are cut at its edges.

    `windows` have the tiles of each. A piece has the rows that start in some consecutive tiles, about PIECE_ROWS at
    most, or those of some consecutive samples in one tile with more; in order of contig, sample and start. Each
    window's iterator must be exhausted.
    """
    together = _Together(streams=streams)
    return (together.pieces(window) for window in windows)


@dataclass(slots=True, kw_only=True)
class _Together:
    """Samples' streams, none with a row before `nearest`; `rest` has the remainders of cut blocks by sample.

    size  tiles to be taken next
    """

    streams: Sequence[Stream]
    size: int = FIRST_TILES
    nearest: Place = (-1, 0)
    rest: pa.RecordBatch = field(default_factory=lambda: NO_BLOCKS)

    def pieces(self, window: Window) -> Iterator[dict[str, Records]]:
        """The rows of the next window, in pieces: as many tiles at a time as have few rows together."""
        further: list[pa.RecordBatch] = []
        at = 0
        while (at := self._next(window, at)) < len(window):
            run = window[at : at + self.size]
            rows = 0
            for table in self._run(run):
                rows += sum(each.num_rows for each in table.values())
                table["blocks"], left = _split(table["blocks"], window[-1])
                further.append(left)
                yield table
            self.rest = NO_BLOCKS
            at += len(run)
            likely = PIECE_ROWS * len(run) // max(rows, 1)  # as many tiles should have PIECE_ROWS
            self.size = max(1, min(MOST_FURTHER * len(run), likely))
            self.nearest = min(stream.first for stream in self.streams)
        self.rest = pa.concat_batches([NO_BLOCKS, *further]).sort_by("sample")

    def _next(self, window: Window, at: int) -> int:
        """Index of the next region in which a sample has rows: most of thousands of decoys have none."""
        if self.rest.num_rows:
            return at
        return bisect_right(window, self.nearest, lo=at, key=lambda region: (region.contig, region.end))

    def _run(self, run: Window) -> Iterator[dict[str, Records]]:
        """The rows of some neighbouring tiles; a single tile with many rows comes in several pieces."""
        pieces: dict[str, list[SampleRows]] = {kind: [] for kind in KINDS}
        rows = place = 0
        of_rest = self.rest["sample"].to_numpy()
        for stream in self.streams:
            if of_rest.size:
                first, end = np.searchsorted(of_rest, [place, place + len(stream.samples)]).tolist()
                pieces["blocks"].append((0, self.rest.slice(first, end - first)))
            for kind, batches in stream.take((run[-1].contig, run[-1].end)).items():
                pieces[kind].extend((place, batch) for batch in batches)
                rows += sum(batch.num_rows for batch in batches)
            place += len(stream.samples)
            if rows >= PIECE_ROWS and len(run) == 1:
                yield _tables(pieces)
                pieces, rows = {kind: [] for kind in KINDS}, 0
        yield _tables(pieces)


def _tables(pieces: dict[str, list[SampleRows]]) -> dict[str, Records]:
    return {kind: _joined(kind, each) for kind, each in pieces.items()}


def _joined(kind: str, pieces: Sequence[SampleRows]) -> Records:
    """Concatenate pieces, sorted by contig and sample (stable), with the samples' indices as `sample`."""
    table = pa.Table.from_batches([batch for _, batch in pieces], KINDS[kind]).combine_chunks()
    places = np.repeat(np.array([place for place, _ in pieces], np.int32), [batch.num_rows for _, batch in pieces])
    samples = places + table["sample"].to_numpy()
    table = with_column(table, "sample", pa.array(samples))
    return in_order(table)


def _split(blocks: Blocks, last: Region) -> tuple[Blocks, pa.RecordBatch]:
    """Cut blocks at the end of a window's last region; also returns the remainders of those that extend beyond it.

    There is at most one for each sample, because its rows never overlap. Only a window's last region can end before its
    contig does, which continues in the next window.
    """
    stops = blocks["stop"].to_numpy()
    beyond = np.flatnonzero((stops > last.end) & (blocks["contig"].to_numpy() == last.contig))
    if not beyond.size:
        return blocks, NO_BLOCKS
    left = blocks.take(pa.array(beyond.astype(np.int32)))
    left = with_column(left, "start", pa.array(np.full(beyond.size, last.end, np.int32)))
    stops = stops.copy()
    stops[beyond] = last.end
    return with_column(blocks, "stop", pa.array(stops)), left.combine_chunks().to_batches()[0]

"""Row groups of a batch's files: each has the rows that start in some consecutive tiles of a window, of all samples."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from genocloud.cohort.layout import Window
from genocloud.regions import Axis
from genocloud.schema import Records, numbers, reaches

Numbers = npt.NDArray[Any]

CONTIG_KEY = 1 << 32
"""Sort key of a base: the contig's index times this, plus the base; of a sample's row the sample's, and its start."""

TiledRows = tuple[Records, Numbers]
"""Rows, and the index of the tile in which each starts."""


@dataclass(slots=True, kw_only=True)
class RowGroups:
    """Cut the rows of a window into row groups: the same ones whatever pieces the rows come in.

    A group has the rows of consecutive tiles, as many tiles as have at most `most` rows together. A tile with more rows
    is cut every `most` rows and shares no group with others. `waiting` are rows of no group yet; `cut_tile` is the tile
    of which groups were made already, -1 if it is none.
    """

    tiles: Window
    most: int
    waiting: list[TiledRows] = field(default_factory=list)
    cut_tile: int = -1

    def add(self, table: Records) -> Iterator[Records]:
        """Add rows, in order (see in_order); gives the groups to which no later rows can belong, and must be exhausted.

        No row may start in an earlier tile than one that was added before; rows of one tile are added in order.
        """
        if table.num_rows:
            self.waiting.append((table, tiles_of(table, self.tiles)))
            yield from self._groups(ended=False)

    def end(self) -> Iterator[Records]:
        """The groups of the rows that are left."""
        if self.waiting:
            yield from self._groups(ended=True)

    def _groups(self, ended: bool) -> Iterator[Records]:
        waiting, self.waiting = self.waiting, []
        runs = self._runs(np.concatenate([tiles for _, tiles in waiting]))
        for number, (first, last, rows) in enumerate(runs):
            pieces = [piece for each in waiting if (piece := _between(first, last, each))[1].size]
            if ended or number < len(runs) - 1:
                yield from _cut(_joined(pieces), self.most)
            elif rows > self.most:
                table = _joined(pieces)
                whole = table.num_rows // self.most * self.most
                yield from _cut(table.slice(0, whole), self.most)
                self.cut_tile = last
                self.waiting = [(table.slice(whole), np.full(table.num_rows - whole, last))]
            else:
                self.waiting = pieces

    def _runs(self, tiles: Numbers) -> list[tuple[int, int, int]]:
        """(first tile, last tile, rows) of tiles that are taken together; a tile that was cut has too many rows."""
        runs: list[tuple[int, int, int]] = []
        for tile, rows in zip(*(each.tolist() for each in np.unique(tiles, return_counts=True)), strict=True):
            count = rows + self.most * (tile == self.cut_tile)
            if runs and runs[-1][2] + count <= self.most:
                runs[-1] = runs[-1][0], tile, runs[-1][2] + count
            else:
                runs.append((tile, tile, count))
        return runs


def tiles_of(table: Records, tiles: Window) -> Numbers:
    """The index of the tile in which each row starts: (rows,) int64."""
    edges = np.array([tile.contig * CONTIG_KEY + tile.start for tile in tiles])
    places = numbers(table["contig"]) * np.int64(CONTIG_KEY) + numbers(table["start"])
    return np.asarray(np.searchsorted(edges, places, side="right") - 1)


def _between(first: int, last: int, rows: TiledRows) -> TiledRows:
    """The rows that start in tiles `first` to `last`."""
    table, tiles = rows
    inside = (first <= tiles) & (tiles <= last)
    return rows if inside.all() else (table.filter(pa.array(inside)), tiles[inside])


def _joined(pieces: Sequence[TiledRows]) -> Records:
    return in_order(pa.concat_tables([table for table, _ in pieces]))


def _cut(table: Records, most: int) -> Iterator[Records]:
    return (table.slice(first, most) for first in range(0, table.num_rows, most))


def in_order(table: Records) -> Records:
    """The rows sorted by contig, sample and start, equal ones in their order; what is in order is not copied again."""
    table = table.combine_chunks()
    contigs, samples, starts = (numbers(table[name]).astype(np.int64) for name in ("contig", "sample", "start"))
    places = samples * CONTIG_KEY + starts
    steps, contig_steps = np.diff(places), np.diff(contigs)
    if ((contig_steps > 0) | (contig_steps == 0) & (steps >= 0)).all():
        return table
    # merging sorted runs, which the stable sort finds, takes less than sorting by one column after the other
    order = np.lexsort((places, contigs)) if contig_steps.any() else np.argsort(places, kind="stable")
    return table.take(pa.array(order)).combine_chunks()


def extent_along(table: Records, axis: Axis) -> tuple[int, int]:
    """First start and last stop of rows on their part's axis; of variants as far as REF reaches (schema.reaches)."""
    contigs, stops = numbers(table["contig"]), numbers(table["stop"])
    if "ref" in table.column_names:
        stops = np.maximum(stops, reaches(table))
    starts, stops = (axis.onto(contigs, each) for each in (numbers(table["start"]), stops))
    return int(starts.min()), int(stops.max())

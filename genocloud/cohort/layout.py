"""Layout of a cohort: the genome is cut into parts (objects), windows, and tiles (row groups have the rows of some)."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from genocloud.regions import PART_BP, SHARD_BP, Axis, Contig, Part, Region, parts, shards

BATCH_SIZE = 200
"""Samples stored together: enough for few and large files, few enough that a batch fits a task's memory."""

Window = tuple[Region, ...]
"""Regions that are stored together: a piece of a long contig, or several short contigs."""

TILES = 256
"""Tiles of a window: of 1 Mb each has 4 kb, about the piece of a window that a task has among 100,000 genomes.

Tiles are no cost of their own: a row group has as many as have rows enough.
"""


@dataclass(frozen=True)
class Layout:
    """The reference's contigs, and the lengths of parts and windows in bases; the same for every batch of a cohort.

    Parts and windows are cached: references with decoys have thousands of contigs.
    """

    contigs: tuple[Contig, ...]
    part_bp: int = PART_BP
    window_bp: int = SHARD_BP

    def parts(self) -> tuple[Part, ...]:
        """The parts in genome order."""
        return self._parts

    def part_of(self, contig: int) -> Part:
        """The part that holds a contig."""
        return self._part_of[contig]

    def axis(self, contig: int) -> Axis:
        """The axis of the part that holds a contig."""
        part = self._part_of[contig]
        if part.name not in self._axes:
            self._axes[part.name] = Axis(self.contigs, part)
        return self._axes[part.name]

    def stretches(self, part: Part) -> tuple[Region, ...]:
        """The windows of a part as consecutive regions of its axis."""
        if part.name not in self._stretches:
            self._stretches[part.name] = tuple(_stretches(part, self.windows(part)))
        return self._stretches[part.name]

    def windows(self, part: Part) -> tuple[Window, ...]:
        """The windows of a part; neighbours share one as long as it has no more than `window_bp` bases."""
        if part not in self._windows:
            self._windows[part] = tuple(_runs(shards(self.contigs, part, self.window_bp), self.window_bp))
        return self._windows[part]

    def tiled(self, part: Part) -> Iterator[Window]:
        """The windows of a part cut into tiles: regions of one contig with at most a 256th of `window_bp`."""
        tile_bp = -(-self.window_bp // TILES)
        for window in self.windows(part):
            yield tuple(
                Region(region.contig, start, min(start + tile_bp, region.end))
                for region in window
                for start in range(region.start, region.end, tile_bp)
            )

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle without the caches."""
        return Layout, (self.contigs, self.part_bp, self.window_bp)

    @cached_property
    def _parts(self) -> tuple[Part, ...]:
        return parts(self.contigs, self.part_bp)

    @cached_property
    def _part_of(self) -> dict[int, Part]:
        return {contig: part for part in self._parts for contig in part.contigs}

    @cached_property
    def _windows(self) -> dict[Part, tuple[Window, ...]]:
        return {}

    @cached_property
    def _axes(self) -> dict[str, Axis]:
        return {}

    @cached_property
    def _stretches(self) -> dict[str, tuple[Region, ...]]:
        return {}


def _stretches(part: Part, windows: Sequence[Window]) -> Iterator[Region]:
    at = 0
    for window in windows:
        end = at + sum(region.end - region.start for region in window)
        yield Region(part.contigs[0], at, end)  # which has no window where it has no bases
        at = end


def _runs(regions: Sequence[Region], most: int) -> Iterator[Window]:
    run: list[Region] = []
    bases = 0
    for region in regions:
        if run and bases + region.end - region.start > most:
            yield tuple(run)
            run, bases = [], 0
        run.append(region)
        bases += region.end - region.start
    if run:
        yield tuple(run)

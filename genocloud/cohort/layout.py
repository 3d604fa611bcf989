"""How a cohort cuts the genome: parts are objects, windows are row groups of these."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from genocloud.regions import PART_BP, SHARD_BP, Contig, Part, Region, parts, shards

Window = tuple[Region, ...]
"""What one row group holds: a stretch of a long contig, or several short contigs whole."""


@dataclass(frozen=True, slots=True)
class Layout:
    """The reference's contigs, and how long parts and windows are, in bases; the same for every batch of a cohort."""

    contigs: tuple[Contig, ...]
    part_bp: int = PART_BP
    window_bp: int = SHARD_BP

    def parts(self) -> tuple[Part, ...]:
        """The parts in genome order."""
        return parts(self.contigs, self.part_bp)

    def part_of(self, contig: int) -> Part:
        """The part that holds a contig."""
        return next(part for part in self.parts() if contig in part.contigs)

    def windows(self, part: Part) -> tuple[Window, ...]:
        """The windows of a part; neighbours share one as long as it has no more than `window_bp` bases."""
        return tuple(_runs(shards(self.contigs, part, self.window_bp), self.window_bp))


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

"""Call one tile, a stretch of a contig with one ploidy; results do not depend on where tiles are cut."""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pysam

from genocloud.reads import pileup
from genocloud.reads.blocks import NO_DATA, Block, blocks
from genocloud.reads.gvcf_text import block_line, record_line
from genocloud.reads.pileup import PileupEvidence, Quiet
from genocloud.reads.records import STAR, PileupCaller, Record
from genocloud.regions import Contig

CONTEXT_BP = 2_000
"""Bases that mpileup reads on each side of a tile. What it says of a base depends on reads that overlap it and, through
realignment and deletions, on bases within a read's length of it; the outer half is for that. Quiet stretches that
overlap the tile have to begin and end in the inner half; if one does not, the context grows."""


@dataclass(frozen=True, slots=True)
class Tile:
    """The bases start <= base < end of a contig, of which there are `ploidy` copies."""

    contig: Contig
    start: int
    end: int
    ploidy: int


@dataclass(frozen=True, slots=True)
class ReadsSource:
    """Where reads and reference are; `name` picks one of several samples in the file."""

    reads: str
    reference: str
    name: str | None


@dataclass(slots=True, kw_only=True)
class CalledTile:
    """A called tile: its lines in a file, and apart the blocks at its edges (`last` is None if there is but one)."""

    tile: Tile
    lines: Path
    first: Block | None = None
    last: Block | None = None
    counts: Counter[str] = field(default_factory=Counter)


class _NarrowContext(Exception):
    """A quiet stretch reaches across the context, so that its likelihoods would depend on where the tile was cut."""


def call_tile(job: tuple[ReadsSource, Tile, Path]) -> CalledTile:
    """Call a tile, its lines going to the path. Raises UnreadableFile."""
    source, tile, path = job
    context = CONTEXT_BP
    while True:
        try:
            return _call(source, tile, path, context)
        except _NarrowContext:
            context *= 4


def _call(source: ReadsSource, tile: Tile, path: Path, context: int) -> CalledTile:
    first, last = max(0, tile.start - context), min(tile.contig.length, tile.end + context)
    raw = path.with_suffix(".pileup")
    pileup.run(source.reads, source.reference, (tile.contig.name, first, last), source.name, raw)
    caller = PileupCaller(ploidy=tile.ploidy, start=tile.start, end=tile.end)
    stream = _within_context(pileup.read(raw), tile, context)
    part = CalledTile(tile=tile, lines=path)
    with pysam.FastaFile(source.reference) as fasta, path.open("w") as out:
        bases = fasta.fetch(tile.contig.name, tile.start, tile.end)
        out.writelines(_lines(blocks(caller.calls(stream), tile.start, tile.end, tile.ploidy), part, bases))
    raw.unlink()
    part.counts.update(caller.outcomes)
    return part


def _within_context(
    stream: Iterable[Quiet | PileupEvidence], tile: Tile, context: int
) -> Iterator[Quiet | PileupEvidence]:
    """The stream, unless a stretch that overlaps the tile begins or ends too near to the edge of what was read."""
    earliest = tile.start - context // 2 if tile.start > context else 0
    latest = tile.end + context // 2 if tile.end + context < tile.contig.length else tile.contig.length
    for item in stream:
        if isinstance(item, Quiet) and _reaches_out(item, tile, earliest, latest):
            raise _NarrowContext
        yield item


def _reaches_out(item: Quiet, tile: Tile, earliest: int, latest: int) -> bool:
    return item.start < tile.end and item.end > tile.start and (item.start < earliest or item.end > latest)


def _lines(items: Iterable[Block | Record], part: CalledTile, bases: str) -> Iterator[str]:
    """The lines of all items but the blocks at the tile's edges, which go into the part."""
    tile = part.tile
    for item in items:
        if isinstance(item, Record):
            _count_record(item, part.counts)
            yield record_line(item, tile.contig.name)
        elif item.start == tile.start:
            part.first = item
        elif item.end == tile.end:
            part.last = item
        else:
            part.counts.update(blocks=1, bases_without_data=(item.end - item.start) * (item.band == NO_DATA))
            yield block_line(item, tile.contig.name, bases[item.start - tile.start])


def _count_record(record: Record, counts: Counter[str]) -> None:
    ref, *alts = record.site.alleles
    plain = all(len(alt) == len(ref) for alt in alts if alt != STAR)
    counts.update(records=1, spanned=STAR in alts, **{"snps" if plain else "indels": 1})

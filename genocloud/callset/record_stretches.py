"""Stretches of sites: which are read and written together, so that records come sorted where they change place."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from genocloud import annotations, schema
from genocloud.callset.call_rows import Span
from genocloud.callset.reading import Callset
from genocloud.callset.record_form import PLACED_BY, RecordForm, places_of_records
from genocloud.callset.shard_cells import ShardCells
from genocloud.callset.streaming import stream_rows
from genocloud.regions import Region

_Ints = npt.NDArray[np.int64]

_SITES_AT_ONCE = 1 << 13


class SiteStretch(NamedTuple):
    """Neighbouring sites of a shard."""

    cells: ShardCells
    span: Span

    @property
    def sites(self) -> int:
        """How many."""
        return self.span[1] - self.span[0]


def stretches_in(callset: Callset, regions: Sequence[Region] | None) -> list[SiteStretch]:
    """A callset's sites whose POS lies in regions (sorted, disjoint; None: all), shard by shard."""
    stretches = []
    for shard in callset.shards:
        cells = callset.cells(shard)
        spans = [cells.whole]
        if regions is not None:
            places = shard.extent.met_by(regions)
            spans = [cells.span(callset.contigs[place.contig].name, place) for place in places]
        stretches += [SiteStretch(cells, span) for span in spans if span[0] < span[1]]
    return stretches


def record_places(callset: Callset, regions: Sequence[Region] | None, records: RecordForm) -> tuple[int, int] | None:
    """The least and the greatest place of the records of a callset's sites, as numbers that grow along the genome.

    None without sites in the regions. Raises DamagedFile, ReferenceDiffers.
    """
    least, greatest = _places(callset, stretches_in(callset, regions), records)
    return (int(least.min()), int(greatest.max())) if len(least) else None


def _places(callset: Callset, stretches: Iterable[SiteStretch], records: RecordForm) -> tuple[_Ints, _Ints]:
    """The least and the greatest place of each site's records: (sites,) each."""
    rank = {contig.name: number for number, contig in enumerate(callset.contigs)}
    places = [(np.zeros(0, np.int64),) * 2]
    for cells, span in stretches:
        stored = annotations.STORED_SITES
        for table in stream_rows(callset.store, cells.sites, stored, PLACED_BY, rows=_SITES_AT_ONCE, span=span):
            contig = np.array([rank[name] for name in table["contig"].to_pylist()], np.int64) << 32
            least, greatest = places_of_records(table, records)
            places.append((contig | least, contig | greatest))
    least, greatest = (np.concatenate(each) for each in zip(*places, strict=True))
    return least, greatest


def cut_chunks(stretches: Iterable[SiteStretch], together: int) -> list[list[SiteStretch]]:
    """Chunks of at most so many sites, each of one stretch."""
    return [
        [SiteStretch(cells, (start, min(start + together, end)))]
        for cells, (first, end) in stretches
        for start in range(first, end, together)
    ]


def sorted_chunks(
    callset: Callset, stretches: Sequence[SiteStretch], together: int, records: RecordForm
) -> list[list[SiteStretch]]:
    """Chunks that no record leaves when it changes place: each one's records follow those of the one before.

    They have `together` sites at most, but more where a record passes more. Raises DamagedFile, ReferenceDiffers.
    """
    least, greatest = _places(callset, stretches, records)
    follows = np.maximum.accumulate(greatest)[:-1] <= np.minimum.accumulate(least[::-1])[::-1][1:]
    ends = np.append(np.flatnonzero(follows) + 1, len(least)).tolist()
    cuts = [0]
    for end, after in pairwise([*ends, len(least) + together + 1]):
        if after - cuts[-1] > together and end > cuts[-1]:
            cuts.append(end)
    begins = np.cumsum([0, *(each.sites for each in stretches)]).tolist()
    numbered = list(zip(stretches, begins, strict=False))
    return [[part for part in _between(numbered, *cut) if part.sites > 0] for cut in pairwise(cuts)]


def _between(stretches: Iterable[tuple[SiteStretch, int]], start: int, end: int) -> Iterator[SiteStretch]:
    """What of stretches, each with the number of its first site, lies between two sites' numbers."""
    for (cells, (first, last)), begin in stretches:
        yield SiteStretch(cells, (first + max(start - begin, 0), min(last, first + end - begin)))


def recut(tables: Iterator[schema.Sites], sizes: Iterable[int]) -> Iterator[schema.Sites]:
    """The same rows in tables of other sizes."""
    held: list[schema.Sites] = []
    for size in sizes:
        while sum(map(len, held)) < size:
            held.append(next(tables))
        table = held[0] if len(held) == 1 else pa.concat_tables(held).unify_dictionaries()
        yield table.slice(0, size)
        held = [table.slice(size)] if len(table) > size else []

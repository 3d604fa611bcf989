"""Alleles of shards that were discovered with other intervals or cuts: copied out of the tables that have them."""

import re
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, replace

import pyarrow as pa
import pyarrow.compute as pc

from genocloud.cohort import Cohort, open_cohort
from genocloud.pipeline.genotyping.discovery import Bases, make_alleles
from genocloud.pipeline.memory_model import discovery_need
from genocloud.pipeline.sharding import (
    CachedTables,
    Shard,
    ShardPlan,
    alleles_in,
    cached_tables,
    piece_of,
    rows_by_window,
)
from genocloud.regions import Region
from genocloud.scatter.executors import Scatter, run_needing
from genocloud.scatter.progress import Progress

_PLACED = re.compile(r"\.(?P<contig>\d{5,})\.(?P<start>\d{10,})-(?P<end>\d{10,})(?P<tag>\.[0-9a-f]{8})?$")
"""How the name of a shard ends, see shards: the tag stands where not everything was asked."""


@dataclass(frozen=True)
class _Task:
    cohort_url: str
    version: int
    shard: Shard
    sources: tuple[Shard, ...]


def copy_alleles(cohort: Cohort, cut: ShardPlan, scatter: Scatter, progress: Progress) -> None:
    """Make tables ALLELES of the cut's shards that have none, where other shards' tables have what they need.

    So what was discovered everywhere, or in wider intervals, can be genotyped in some. Shards that nothing was
    discovered for are left: reading their alleles says so.
    """
    tables = cached_tables(cohort, "alleles")
    names = tables.names()
    settled, upstream = cut.settled, set(cut.upstream)
    lacking = [place for place, shard in enumerate(settled) if shard.name not in names]
    if not lacking or not names:
        return
    known = _AlleleTables(cohort, tables, names)
    tasks = []
    for place in lacking:
        shard = settled[place]
        decided = settled[place + 1] if shard in upstream else shard
        if sources := known.sources(shard, decided.targets.inside or (decided.region,)):
            tasks.append(_Task(cohort.url, cohort.version, shard, sources))
    if not tasks:
        return
    needs = [discovery_need(cohort, task.shard, 1) for task in tasks]
    with progress.stage("take alleles", tasks=len(tasks), unit="shard") as stage:
        run_needing(scatter, _copy, tasks, needs, lambda sites: stage.advance(tasks=1, sites=sites))


class _AlleleTables:
    """The shards that have tables ALLELES, by the part that they lie in; what was asked is read where it is needed."""

    def __init__(self, cohort: Cohort, tables: CachedTables, names: set[str]) -> None:
        self._tables, self._layout = tables, cohort.layout
        self._busy = rows_by_window(cohort, "variants").keys()
        self._by_contig: dict[int, list[Shard]] = {}
        self._targets_read: dict[str, Shard | None] = {}
        for name in sorted(names):
            if match := _PLACED.search(name):
                region = Region(int(match["contig"]), int(match["start"]), int(match["end"]))
                shard = Shard(name, region, self._layout.axis(region.contig).extent(region))
                self._by_contig.setdefault(region.contig, []).append(shard)
                if not match["tag"]:
                    self._targets_read[name] = shard

    def sources(self, shard: Shard, decided: Sequence[Region]) -> tuple[Shard, ...]:
        """Pieces of known shards that have, one behind the other, the sites of a shard; none where there are no such.

        decided  what the sites of the shard are put out in, or decide about the `*` of
        """
        meeting = [each for each in self._by_contig.get(shard.region.contig, ()) if _overlap(each.region, shard.region)]
        known = [each for each in map(self._with_targets, meeting) if each]
        pieces, at = [], shard.region.start
        while (at := self._needed(at, decided)) < shard.region.end:
            serving = [each for each in known if self._serves(each, shard, at, decided)]
            if not serving and (quiet := self._quiet_until(shard, at)) == at:
                return ()
            if not serving:
                at = quiet
                continue
            best = max(serving, key=lambda each: each.region.end)
            end = min(best.region.end, shard.region.end)
            pieces.append(piece_of(self._layout, best, Region(best.region.contig, at, end)))
            at = end
        return tuple(pieces)

    def _needed(self, at: int, decided: Sequence[Region]) -> int:
        """The first base from one on whose sites matter: on contigs without any of what is decided none does."""
        ahead = [max(at, each.start) for each in decided if each.end > at]
        return max(at, self._contig_at(decided[0].contig, ahead[0])[0]) if ahead else at

    def _quiet_until(self, shard: Shard, at: int) -> int:
        """The end of the window that has a base, where no site can be in it; the base itself where some can."""
        part = self._layout.part_of(shard.region.contig)
        windows = self._layout.stretches(part)
        number = bisect_right(windows, at, key=lambda window: window.end)
        busy = (part.name, number) in self._busy or shard.targets.clip(windows[number]).force_output
        return at if busy else windows[number].end

    def _contig_at(self, first: int, at: int) -> tuple[int, int]:
        """(start, end) on its part's axis of the contig that has a base; `first` is the part's first contig."""
        place = self._layout.axis(first).extent(Region(first, at, at + 1))
        return at - place.start, at - place.start + self._layout.contigs[place.contig].length

    def _serves(self, known: Shard, shard: Shard, at: int, decided: Sequence[Region]) -> bool:
        """Whether a known shard has from a base on, as far as it reaches, the sites that another one needs.

        A table has all sites of its stretch, or those that lie in its intervals or decide about these: then it serves
        only who needs nothing else. Sites without a variant are there where they were forced.
        """
        if not known.region.start <= at < known.region.end:
            return False
        stretch = Region(known.region.contig, at, min(known.region.end, shard.region.end))
        if known.targets.clip(stretch).force_output != shard.targets.clip(stretch).force_output:
            return False
        _, end = self._contig_at(stretch.contig, stretch.end - 1)  # beyond which nothing here decides
        rest = [Region(each.contig, max(each.start, at), min(each.end, end)) for each in decided]
        return known.targets.inside is None or all(
            known.targets.clip(each).inside is None for each in rest if each.start < each.end
        )

    def _with_targets(self, shard: Shard) -> Shard | None:
        if shard.name not in self._targets_read:
            targets = self._tables.targets(shard)
            self._targets_read[shard.name] = None if targets is None else replace(shard, targets=targets)
        return self._targets_read[shard.name]


def _overlap(one: Region, other: Region) -> bool:
    return one.start < other.end and other.start < one.end


def _copy(task: _Task) -> int:
    """Write a shard's ALLELES; the number of its sites."""
    cohort = open_cohort(task.cohort_url, task.version)
    tables = cached_tables(cohort, "alleles")
    alleles = pa.concat_tables([alleles_in(tables, piece) for piece in task.sources]).combine_chunks()
    observed = pc.sum(alleles["observed"]).as_py() or 0
    counts = make_alleles(tables, task.shard, observed, alleles, [_deletions(alleles)], None, _not_read)
    return counts["sites"]


def _deletions(alleles: pa.Table) -> pa.Table:
    """The bases that deletions among ALLELES may delete, as in SPANS."""
    starts, lengths = alleles["start"], pc.utf8_length(alleles["ref"])
    stops = pc.add(starts, lengths)
    table = pa.table({"start": pc.add(starts, 1), "stop": stops})
    return table.filter(pc.greater(lengths, 1))


def _not_read() -> Bases:
    raise AssertionError("forced sites are in the tables already")

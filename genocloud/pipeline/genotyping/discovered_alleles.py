"""Reuse ALLELES that were discovered with other intervals or shards: copy them into the tables of a plan's shards."""

import re
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, replace

import pyarrow as pa
import pyarrow.compute as pc

from genocloud import schema
from genocloud.cohort import Cohort, open_cohort
from genocloud.pipeline.cached_tables import CachedTables, alleles_in, cached_tables
from genocloud.pipeline.genotyping.discovery import Bases, SeenAlleles, make_alleles
from genocloud.pipeline.memory_model import discovery_need
from genocloud.pipeline.sharding import Shard, ShardPlan, piece_of, rows_by_window
from genocloud.regions import Region
from genocloud.scatter.executors import Scatter, run_needing
from genocloud.scatter.progress import Progress

_PLACED = re.compile(r"\.(?P<contig>\d{5,})\.(?P<start>\d{10,})-(?P<end>\d{10,})(?P<tag>\.[0-9a-f]{8})?$")
"""How the name of a shard ends, see sharding: the tag stands where the targets are not everything."""


@dataclass(frozen=True, kw_only=True)
class _CopyTask:
    cohort_url: str
    version: int
    shard: Shard
    sources: tuple[Shard, ...]


def copy_alleles(cohort: Cohort, cut: ShardPlan, scatter: Scatter, progress: Progress) -> None:
    """Make ALLELES of the plan's shards that have none from other shards' tables, where these suffice.

    So what was discovered everywhere, or in wider intervals, can be genotyped in some. Shards without sources are left
    out; reading their alleles raises the error.
    """
    tables = cached_tables(cohort, "alleles")
    names = tables.names()
    shards, upstream = cut.all_shards, set(cut.upstream)
    lacking = [place for place, shard in enumerate(shards) if shard.name not in names]
    if not lacking or not names:
        return
    known = _AlleleTables(cohort, tables, names)
    tasks = []
    for place in lacking:
        shard = shards[place]
        decided = shards[place + 1] if shard in upstream else shard
        if sources := known.sources(shard, decided.targets.inside or (decided.region,)):
            tasks.append(_CopyTask(cohort_url=cohort.url, version=cohort.version, shard=shard, sources=sources))
    if not tasks:
        return
    needs = [discovery_need(cohort, task.shard, 1) for task in tasks]
    with progress.stage("take alleles", tasks=len(tasks), unit="shard") as stage:
        run_needing(scatter, _copy, tasks, needs, lambda sites: stage.advance(tasks=1, sites=sites))


class _AlleleTables:
    """The shards that have ALLELES, by part; their targets are read when needed."""

    def __init__(self, cohort: Cohort, tables: CachedTables, names: set[str]) -> None:
        self._tables, self._layout = tables, cohort.layout
        self._busy = rows_by_window(cohort, "variants").keys()
        self._by_contig: dict[int, list[Shard]] = {}
        self._targets_read: dict[str, Shard | None] = {}
        for name in sorted(names):
            if match := _PLACED.search(name):
                region = Region(int(match["contig"]), int(match["start"]), int(match["end"]))
                shard = Shard(name=name, region=region, extent=self._layout.axis(region.contig).extent(region))
                self._by_contig.setdefault(region.contig, []).append(shard)
                if not match["tag"]:
                    self._targets_read[name] = shard

    def sources(self, shard: Shard, decided: Sequence[Region]) -> tuple[Shard, ...]:
        """Consecutive pieces of known shards that together hold the sites of a shard; empty where they do not.

        decided  regions in which the shard's sites are emitted, or decide which `*` alleles stay
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
        """The first base at or after `at` whose sites matter; on contigs without decided regions none do."""
        ahead = [max(at, each.start) for each in decided if each.end > at]
        return max(at, self._contig_at(decided[0].contig, ahead[0])[0]) if ahead else at

    def _quiet_until(self, shard: Shard, at: int) -> int:
        """The end of the window around a base if the window can have no site; the base itself otherwise."""
        part = self._layout.part_of(shard.region.contig)
        windows = self._layout.stretches(part)
        number = bisect_right(windows, at, key=lambda window: window.end)
        targets = shard.targets.clip(windows[number])
        busy = (part.name, number) in self._busy or targets.force_output or targets.alleles
        return at if busy else windows[number].end

    def _contig_at(self, first: int, at: int) -> tuple[int, int]:
        """(start, end) on its part's axis of the contig around a base; `first` is the part's first contig."""
        place = self._layout.axis(first).extent(Region(first, at, at + 1))
        return at - place.start, at - place.start + self._layout.contigs[place.contig].length

    def _serves(self, known: Shard, shard: Shard, at: int, decided: Sequence[Region]) -> bool:
        """Whether a known shard has, from a base to its end, the sites that another one needs.

        A table has all sites of its region, or those in its intervals and those that decide about their `*`; the latter
        serves only shards that need no others. Sites without a variant are there where they were force-output, and
        alleles that no sample has where they were forced.
        """
        if not known.region.start <= at < known.region.end:
            return False
        stretch = Region(known.region.contig, at, min(known.region.end, shard.region.end))
        theirs, wanted = (each.targets.clip(stretch) for each in (known, shard))
        if (theirs.force_output, theirs.alleles) != (wanted.force_output, wanted.alleles):
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


def _copy(task: _CopyTask) -> int:
    """Write a shard's ALLELES; the number of its sites."""
    cohort = open_cohort(task.cohort_url, task.version)
    tables = cached_tables(cohort, "alleles")
    alleles = pa.concat_tables([alleles_in(tables, piece) for piece in task.sources]).combine_chunks()
    observed = pc.sum(alleles["observed"]).as_py() or 0
    seen = SeenAlleles(observed=observed, unified=alleles, spans=[_deletions(alleles)], covered=_not_read)
    counts = make_alleles(tables, task.shard, seen, None)
    return counts["sites"]


def _deletions(alleles: schema.Alleles) -> schema.Spans:
    """The bases that deletions of ALLELES may delete, as SPANS."""
    starts, lengths = alleles["start"], pc.utf8_length(alleles["ref"])
    stops = pc.add(starts, lengths)
    table = pa.table({"start": pc.add(starts, 1), "stop": stops})
    return table.filter(pc.greater(lengths, 1))


def _not_read() -> Bases:
    raise AssertionError("force-output sites are in the tables already")

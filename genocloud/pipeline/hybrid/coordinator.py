"""The way through the genome of a hybrid run: what is asked of which site, shard by shard, and put together at home."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import pairwise
from typing import TypeVar

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from genocloud import callset, genotypes, sites
from genocloud.federation import STAYS, Message, pack, unpack
from genocloud.pipeline.genotyping.discovery import make_alleles
from genocloud.pipeline.genotyping.shard_completion import annotated
from genocloud.pipeline.genotyping.shard_estimates import Estimated, merged_in_order, write_estimates
from genocloud.pipeline.genotyping.shard_settling import settle
from genocloud.pipeline.hybrid import tasks
from genocloud.pipeline.hybrid.clients import LocationClient, showing, together
from genocloud.pipeline.hybrid.tasks import At, Local, ShardTask
from genocloud.pipeline.memory_model import task_limit
from genocloud.pipeline.reference import Reference
from genocloud.pipeline.sharding import CachedTables, Shard, ShardPlan, alleles_in, piece_of
from genocloud.regions import Region
from genocloud.scatter.executors import in_threads, threads_each
from genocloud.scatter.memory_limit import largest_first
from genocloud.scatter.progress import Progress
from genocloud.schema import ALLELES, SQUARES, STRETCHES, UNITED_ALLELES, numbers

Item = TypeVar("Item")
Result = TypeVar("Result")
WIDTH = 32
"""Shards under way at a time: the sites' own memory decides how many of them are worked on."""


@dataclass(frozen=True)
class Piece:
    """A shard, or a piece of one, with the bytes that each site's task of it needs, and the threads that it uses."""

    shard: Shard
    needs: Mapping[str, int]
    threads: Mapping[str, int]

    @property
    def need(self) -> int:
        """What it needs where it needs most."""
        return max(self.needs.values())


@dataclass(frozen=True)
class Coordinator:
    """A hybrid run after ingest.

    stations  all that take part, the coordinator's own included; `holders`: those of them that have samples, in order
    samples, batches   how many each of these has
    """

    stations: Sequence[LocationClient]
    holders: Sequence[LocationClient]
    ats: Mapping[str, At]
    samples: Mapping[str, int]
    batches: Mapping[str, int]
    reference: Reference
    dbsnp_url: str | None
    progress: Progress

    @property
    def home(self) -> LocationClient:
        """The coordinator's own station."""
        return next(station for station in self.stations if station.home)

    @property
    def at(self) -> At:
        """The coordinator's site, whose store this process may open."""
        return self.ats[self.home.name]

    @property
    def others(self) -> list[LocationClient]:
        """The other sites."""
        return [station for station in self.holders if not station.home]

    def discover(self, cut: ShardPlan) -> dict[str, int]:
        """Every shard's ALLELES, united at home; what was counted."""
        threads = self._threads(cut)
        told = together(
            lambda one: one.ask_one(tasks.discovery_needs, (self.ats[one.name], cut.settled, threads[one.name])),
            self.holders,
        )
        names = [station.name for station in self.holders]
        needs = [dict(zip(names, each, strict=True)) for each in zip(*told, strict=True)]
        pieces = [Piece(shard, need, threads) for shard, need in zip(cut.settled, needs, strict=True)]
        tables = self.at.tables("united")

        def discover(piece: Piece) -> dict[str, int]:
            found = tables.counts(piece.shard)
            return found or self._discover(tables, piece)

        counts = self._through(discover, pieces, "discover")
        return {name: sum(each[name] for each in counts) for name in ("sites", "observed", "merged", "outside")}

    def _threads(self, cut: ShardPlan) -> dict[str, int]:
        """How many threads a task uses, by site."""
        return {station.name: threads_each(station.scatter, len(cut.settled)) for station in self.stations}

    def _discover(self, tables: CachedTables, piece: Piece) -> dict[str, int]:
        shard = piece.shard

        def local(station: LocationClient) -> Local:
            self._each_batch(station, tasks.observe_batch, piece)
            return self._ask(station, tasks.local_alleles, piece)

        found = together(local, self.holders)
        parts = [_part(each, shard) for each in found]
        return make_alleles(
            tables,
            shard,
            sum(each.observed for each in found),
            sites.unite(parts),
            [stretches for _, stretches in parts],
            self.reference,
            lambda: _covered(found, shard.region),
        )

    def deliver(self, cut: ShardPlan) -> tuple[ShardPlan, list[Piece]]:
        """Give every site the ALLELES; the cut in pieces that none finds too heavy, with their needs."""
        united, threads = self.at.tables("united"), self._threads(cut)

        def deliver(shard: Shard) -> list[Piece]:
            alleles = united.read(shard, made_by="hybrid")
            parcel = pack("united", alleles.select(UNITED_ALLELES.names))

            def take(station: LocationClient) -> tasks.Edges:
                scatter = station.scatter
                task = ShardTask(self.ats[station.name], shard, threads[station.name], parcels=(parcel,))
                return station.ask_one(tasks.take_alleles, (task, task_limit(scatter), scatter.memory))

            return list(self._pieces(shard, together(take, self.stations), threads))

        found = dict(zip(cut.settled, self._through(deliver, cut.settled, "deliver"), strict=True))
        owned, upstream = (
            tuple(piece.shard for shard in shards for piece in found[shard]) for shards in (cut.owned, cut.upstream)
        )
        return replace(cut, owned=owned, upstream=upstream), [piece for pieces in found.values() for piece in pieces]

    def _pieces(self, shard: Shard, edges: Sequence[tasks.Edges], threads: Mapping[str, int]) -> Iterable[Piece]:
        """The pieces of a shard whose edges are everybody's; one needs what that needs at a site which it lies in."""
        starts = sorted({start for each in edges for start, _, _ in each} | {shard.region.end})
        layout = self.at.stored.layout
        for start, end in pairwise(starts):
            needs = {
                station.name: next(need for _, stop, need in each if start < stop)
                for station, each in zip(self.stations, edges, strict=True)
            }
            yield Piece(piece_of(layout, shard, Region(shard.region.contig, start, end)), needs, threads)

    def estimate(self, pieces: Sequence[Piece], cut: ShardPlan) -> Estimated:
        """Every piece's ESTIMATES and what is settled by them, at home; what became of the cut's own sites."""
        tables = self.at.estimates
        way = self._in_rounds if any(one.location.policy == STAYS for one in self.others) else self._from_summaries

        def estimate(piece: Piece) -> int:
            if tables.counts(piece.shard) is None:
                way(piece)
            return (tables.counts(piece.shard) or {})["sites"]

        found = self._through(estimate, pieces, "estimate")
        owned = set(cut.owned)
        taken = sum(count for piece, count in zip(pieces, found, strict=True) if piece.shard in owned)
        return Estimated.of(taken, settle(tables, self._settled, self.at.model, cut, self.progress))

    def _from_summaries(self, piece: Piece) -> None:
        """The other sites' summaries go to the home site's workers."""

        def hand(station: LocationClient) -> Message | None:
            self._each_batch(station, tasks.summarise_batch, piece)
            return None if station.home else self._ask(station, tasks.hand_summary, piece)

        parcels = together(hand, self.holders)
        self._ask(self.home, tasks.estimate, piece, *(parcel for parcel in parcels if parcel))

    def _in_rounds(self, piece: Piece) -> None:
        """Only sums cross: as many rounds of questions as the sites of the shard need."""

        def start(station: LocationClient) -> Message:
            self._each_batch(station, tasks.summarise_batch, piece)
            return self._ask(station, tasks.start, piece)

        everywhere = alleles_in(self.at.tables("united"), piece.shard)
        alleles = genotypes.with_alts(everywhere)
        started = [unpack(parcel, "starts") for parcel in together(start, self.holders)]
        rounds = genotypes.FederatedEM(alleles, started, self.at.model)
        while rounds.questions is not None:
            question = pack("questions", rounds.questions)
            rounds.add_answers(self._answers(piece, question))
        write_estimates(self.at.estimates, piece.shard, everywhere, rounds.estimates())

    def _answers(self, piece: Piece, question: Message) -> list[pa.Table]:
        def answers(station: LocationClient) -> pa.Table:
            return unpack(self._ask(station, tasks.answer, piece, question), "answers")

        return together(answers, self.holders)

    @property
    def _settled(self) -> CachedTables:
        return self.at.tables("settled", asdict(self.at.model), self.at.scope)

    def call(self, pieces: Sequence[Piece]) -> list[callset.ShardEntry]:
        """Every piece's genotypes, where the samples lie, and its SITES everywhere; everybody's entries, at home.

        A piece that is complete everywhere stays.
        """
        shards = [piece.shard for piece in pieces]
        told = together(lambda one: one.ask_one(tasks.finished, (self.ats[one.name], shards)), self.stations)
        home = [station.home for station in self.stations].index(True)
        there = [entries[home] if all(entries) else None for entries in zip(*told, strict=True)]
        return self._through(
            lambda given: given[1] or self._call(given[0]), list(zip(pieces, there, strict=True)), "genotype"
        )

    def _call(self, piece: Piece) -> callset.ShardEntry:
        settled = self._settled.read(piece.shard, made_by="hybrid")
        out = pack("put out", genotypes.emitted_sites(settled))
        together(lambda station: self._ask(station, tasks.take_put_out, piece, out), self.stations)

        def call(station: LocationClient) -> genotypes.RawAnnotations:
            self._each_batch(station, tasks.cover_batch, piece)
            parcel = self._ask(station, tasks.call, piece)
            return genotypes.summed_of(unpack(parcel, parcel.kind), self.samples[station.name])

        total = merged_in_order(together(call, self.holders), genotypes.add)
        if total.alleles:
            total = genotypes.with_squares(total, self._squares(piece))
        layout = self.at.stored.layout
        parcel = pack("sites", annotated(settled, total, layout, piece.shard, self.at.model, self.dbsnp_url))
        others = together(lambda station: self._ask(station, tasks.complete_shard, piece, parcel), self.others)
        task = replace(self._task(self.home, piece), parcels=(parcel,), others=tuple(others))
        entry = self.home.ask_one(tasks.complete_shard, task, piece.needs[self.home.name])
        for station, other in zip(self.others, others, strict=True):
            if other.sites.sha256 != entry.sites.sha256:
                problem = f"its records at {station.name} are others than here"
                raise callset.BadShard(self.at.callset_url, entry.name, problem)
        return entry

    def _squares(self, piece: Piece) -> pa.Table:
        """SQUARES of everybody: from site to site in their order, for float32 is added up in the samples' order."""
        table = SQUARES.empty_table()
        for station in self.holders:
            table = unpack(self._ask(station, tasks.add_squares, piece, pack("squares", table)), "squares")
        return table

    def _task(self, station: LocationClient, piece: Piece) -> ShardTask:
        return ShardTask(self.ats[station.name], piece.shard, piece.threads[station.name])

    def _ask(
        self, station: LocationClient, function: Callable[[ShardTask], Result], piece: Piece, *parcels: Message
    ) -> Result:
        task = replace(self._task(station, piece), parcels=parcels)
        return station.ask_one(function, task, piece.needs[station.name])

    def _each_batch(self, station: LocationClient, function: Callable[[ShardTask], None], piece: Piece) -> None:
        """What each batch takes as tasks of their own, where these run apart; see kept.by_batch."""
        batches = self.batches[station.name]
        if station.scatter.spread and batches > 1:
            one = replace(self._task(station, piece), threads=1)
            each = [replace(one, number=number) for number in range(batches)]
            station.ask(function, each, [piece.needs[station.name]] * batches)

    def _through(self, function: Callable[[Item], Result], items: Sequence[Item], step: str) -> list[Result]:
        """What a function gives of each shard, many at a time, those that need most first; shown at every station."""

        def one(item: Item) -> Result:
            result = function(item)
            for station in self.stations:
                station.stage.advance(tasks=1)
            return result

        order = largest_first([_need(item) for item in items])
        with showing(self.stations, self.progress, step, len(items), "shard"):
            results = in_threads(one, [items[place] for place in order], min(WIDTH, max(1, len(items))))
            found = dict(zip(order, results, strict=True))
        return [found[place] for place in range(len(items))]


def _need(item: object) -> int:
    return item.need if isinstance(item, Piece) else 0


def _part(local: Local, shard: Shard) -> tuple[pa.Table, pa.Table]:
    """A site's ALLELES and STRETCHES of a shard."""
    alleles, spans = unpack(local.alleles, "local"), unpack(local.spans, "spans")
    return _filled(alleles, ALLELES, shard), _filled(spans, STRETCHES, shard)


def _filled(table: pa.Table, declared: pa.Schema, shard: Shard) -> pa.Table:
    """A table with the columns that are the same in each row of a shard: its contig; not yet forced."""
    same = {"contig": np.full(len(table), shard.region.contig, np.int32), "forced": np.zeros(len(table), bool)}
    return pa.table(
        [table[name] if name in table.column_names else same[name] for name in declared.names], declared
    ).combine_chunks()


def _covered(found: Sequence[Local], region: Region) -> npt.NDArray[np.bool_]:
    """For which bases of a region any site has a row: (bases,) bool."""
    bases = np.zeros(region.end - region.start, bool)
    for table in (unpack(each.covered, "covered") for each in found if each.covered):
        for start, stop in zip(*(numbers(table[name]).tolist() for name in ("start", "stop")), strict=True):
            bases[start - region.start : stop - region.start] = True
    return bases

"""Coordinate a hybrid run: submit each shard's tasks to the locations, and merge their results."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import pairwise
from typing import TypeVar

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from genocloud import callset, genotypes, sites
from genocloud.federation import STAYS, Message, pack, unpack
from genocloud.pipeline.cached_tables import CachedTables, alleles_in
from genocloud.pipeline.genotyping.discovery import SeenAlleles, make_alleles
from genocloud.pipeline.genotyping.merging import merged_in_order
from genocloud.pipeline.genotyping.shard_completion import annotated
from genocloud.pipeline.genotyping.shard_estimates import SiteOutcomes, write_estimates
from genocloud.pipeline.genotyping.shard_settling import settle_shards
from genocloud.pipeline.hybrid import tasks
from genocloud.pipeline.hybrid.clients import LocationClient, map_locations, show_stages
from genocloud.pipeline.hybrid.tasks import LocalAlleles, LocationContext, ShardTask
from genocloud.pipeline.memory_model import task_limit
from genocloud.pipeline.reference import Reference
from genocloud.pipeline.sharding import Shard, ShardPlan, piece_of
from genocloud.regions import Region
from genocloud.scatter.executors import in_threads, threads_each
from genocloud.scatter.memory_limit import largest_first
from genocloud.scatter.progress import Progress
from genocloud.schema import ALLELES, SQUARES, STRETCHES, UNITED_ALLELES, Alleles, Answers, Squares, Stretches, numbers

Item = TypeVar("Item")
Result = TypeVar("Result")
WIDTH = 32
"""Shards submitted at a time; each location's memory decides how many of them run."""


@dataclass(frozen=True)
class ShardPiece:
    """A shard, or a piece of one, with memory need (bytes) and threads of its task at each location."""

    shard: Shard
    needs: Mapping[str, int]
    threads: Mapping[str, int]

    @property
    def need(self) -> int:
        """The largest need of any location."""
        return max(self.needs.values())


@dataclass(frozen=True, kw_only=True)
class Coordinator:
    """A hybrid run after ingest.

    clients           of all locations that take part, the coordinator's own included
    holders           those of them that have samples, in the config's order
    samples, batches  the number of each, by location
    """

    clients: Sequence[LocationClient]
    holders: Sequence[LocationClient]
    contexts: Mapping[str, LocationContext]
    samples: Mapping[str, int]
    batches: Mapping[str, int]
    reference: Reference
    dbsnp_url: str | None
    progress: Progress

    @property
    def own_client(self) -> LocationClient:
        """The client of the coordinator's own location."""
        return next(client for client in self.clients if client.is_coordinator)

    @property
    def context(self) -> LocationContext:
        """The context of the coordinator's location, whose store this process may open."""
        return self.contexts[self.own_client.name]

    @property
    def others(self) -> list[LocationClient]:
        """The clients of the other locations."""
        return [client for client in self.holders if not client.is_coordinator]

    def discover(self, cut: ShardPlan) -> dict[str, int]:
        """Unite every shard's ALLELES at the coordinator; return the summed counts."""
        pieces = self.whole_shards(cut, tasks.discovery_needs, self.holders)
        tables = self.context.tables("united")

        def discover(piece: ShardPiece) -> dict[str, int]:
            counts = tables.counts(piece.shard)
            return counts or self._discover(tables, piece)

        counts = self.map_shards(discover, pieces, "discover")
        return {name: sum(each[name] for each in counts) for name in ("sites", "observed", "merged", "outside")}

    def whole_shards(
        self, cut: ShardPlan, needs_of: Callable[[tasks.NeedsRequest], list[int]], clients: Sequence[LocationClient]
    ) -> list[ShardPiece]:
        """All shards of the plan, with what a task on each needs at some locations."""
        threads = self._threads(cut)
        needs_by_client = map_locations(
            lambda one: one.submit_one(
                needs_of, tasks.NeedsRequest(self.contexts[one.name], cut.all_shards, threads[one.name])
            ),
            clients,
        )
        names = [client.name for client in clients]
        needs = [dict(zip(names, each, strict=True)) for each in zip(*needs_by_client, strict=True)]
        return [ShardPiece(shard, need, threads) for shard, need in zip(cut.all_shards, needs, strict=True)]

    def _threads(self, cut: ShardPlan) -> dict[str, int]:
        """Threads of a task, by location."""
        return {client.name: threads_each(client.scatter, len(cut.all_shards)) for client in self.clients}

    def _discover(self, tables: CachedTables, piece: ShardPiece) -> dict[str, int]:
        shard = piece.shard

        def local(client: LocationClient) -> LocalAlleles:
            self._each_batch(client, tasks.observe_batch, piece)
            return self._submit(client, tasks.local_alleles, piece)

        local_tables = map_locations(local, self.holders)
        parts = [_part(each, shard) for each in local_tables]
        seen = SeenAlleles(
            observed=sum(each.observed for each in local_tables),
            unified=sites.unite(parts),
            spans=[stretches for _, stretches in parts],
            covered=lambda: _covered(local_tables, shard.region),
        )
        return make_alleles(tables, shard, seen, self.reference)

    def deliver(self, cut: ShardPlan) -> tuple[ShardPlan, list[ShardPiece]]:
        """Send the united ALLELES to every location; return the cut, shards split to fit the memory of all."""
        united, threads = self.context.tables("united"), self._threads(cut)

        def deliver(shard: Shard) -> list[ShardPiece]:
            alleles = united.read(shard, made_by="hybrid")
            message = pack("united", alleles.select(UNITED_ALLELES.names))

            def take(client: LocationClient) -> tasks.Edges:
                scatter = client.scatter
                task = ShardTask(
                    context=self.contexts[client.name], shard=shard, threads=threads[client.name], messages=(message,)
                )
                return client.submit_one(
                    tasks.store_alleles, tasks.AllelesDelivery(task, task_limit(scatter), scatter.memory)
                )

            return list(self._pieces(shard, map_locations(take, self.clients), threads))

        pieces_of_shard = dict(zip(cut.all_shards, self.map_shards(deliver, cut.all_shards, "deliver"), strict=True))
        owned, upstream = (
            tuple(piece.shard for shard in shards for piece in pieces_of_shard[shard])
            for shards in (cut.owned, cut.upstream)
        )
        return replace(cut, owned=owned, upstream=upstream), [
            piece for pieces in pieces_of_shard.values() for piece in pieces
        ]

    def _pieces(self, shard: Shard, edges: Sequence[tasks.Edges], threads: Mapping[str, int]) -> Iterable[ShardPiece]:
        """The pieces of a shard, cut at every location's edges; each needs what the piece around it needs there."""
        starts = sorted({start for each in edges for start, _, _ in each} | {shard.region.end})
        layout = self.context.stored_cohort.layout
        for start, end in pairwise(starts):
            needs = {
                client.name: next(need for _, stop, need in each if start < stop)
                for client, each in zip(self.clients, edges, strict=True)
            }
            yield ShardPiece(piece_of(layout, shard, Region(shard.region.contig, start, end)), needs, threads)

    def estimate(self, pieces: Sequence[ShardPiece], cut: ShardPlan) -> SiteOutcomes:
        """Estimate and settle every piece at the coordinator; return the outcomes of the cut's own sites."""
        tables = self.context.estimates
        way = self._estimate_from_summaries
        if any(one.location.policy == STAYS for one in self.others):
            by_carriers = self.context.likelihood_model.rules.by_carriers
            way = self._estimate_from_maxima if by_carriers else self._estimate_in_rounds

        def estimate(piece: ShardPiece) -> int:
            if tables.counts(piece.shard) is None:
                way(piece)
            return (tables.counts(piece.shard) or {})["sites"]

        site_counts = self.map_shards(estimate, pieces, "estimate")
        owned = set(cut.owned)
        taken = sum(count for piece, count in zip(pieces, site_counts, strict=True) if piece.shard in owned)
        return SiteOutcomes.of(
            taken, settle_shards(tables, self._settled, self.context.likelihood_model, cut, self.progress)
        )

    def _estimate_from_summaries(self, piece: ShardPiece) -> None:
        """Send the other locations' summaries to the coordinator's workers, and estimate there."""

        def hand(client: LocationClient) -> Message | None:
            self._each_batch(client, tasks.summarise_batch, piece)
            return None if client.is_coordinator else self._submit(client, tasks.send_summary, piece)

        messages = map_locations(hand, self.holders)
        self._submit(self.own_client, tasks.estimate, piece, *(message for message in messages if message))

    def _estimate_in_rounds(self, piece: ShardPiece) -> None:
        """Estimate by EM rounds in which only sums cross, until all sites of the shard have converged."""

        def start(client: LocationClient) -> Message:
            self._each_batch(client, tasks.summarise_batch, piece)
            return self._submit(client, tasks.start, piece)

        everywhere = alleles_in(self.context.tables("united"), piece.shard)
        alleles = genotypes.with_alts(everywhere)
        started = [unpack(message, "starts") for message in map_locations(start, self.holders)]
        rounds = genotypes.FederatedEM(alleles, started, self.context.likelihood_model)
        while rounds.questions is not None:
            question = pack("questions", rounds.questions)
            rounds.add_answers(self._answers(piece, question))
        write_estimates(self.context.estimates, piece.shard, everywhere, rounds.estimates())

    def _estimate_from_maxima(self, piece: ShardPiece) -> None:
        """Estimate from each location's surest carriers: of these, qualities and copies cross."""

        def judge(client: LocationClient) -> Message:
            self._each_batch(client, tasks.summarise_batch, piece)
            return self._submit(client, tasks.maxima, piece)

        everywhere = alleles_in(self.context.tables("united"), piece.shard)
        maxima = [unpack(message, "maxima") for message in map_locations(judge, self.holders)]
        estimates = genotypes.estimates_by_maxima(
            genotypes.with_alts(everywhere), maxima, self.context.likelihood_model
        )
        write_estimates(self.context.estimates, piece.shard, everywhere, estimates)

    def _answers(self, piece: ShardPiece, question: Message) -> list[Answers]:
        def answers(client: LocationClient) -> Answers:
            return unpack(self._submit(client, tasks.answer, piece, question), "answers")

        return map_locations(answers, self.holders)

    @property
    def _settled(self) -> CachedTables:
        return self.context.tables("settled", asdict(self.context.model), self.context.scope)

    def call(self, pieces: Sequence[ShardPiece]) -> list[callset.ShardEntry]:
        """Call every piece's genotypes where the samples lie and write SITES everywhere; return the joint entries.

        A piece that is complete everywhere is not done again.
        """
        return self.map_shards(
            lambda item: item[1] or self._call(item[0]),
            list(zip(pieces, self.finished(pieces), strict=True)),
            "genotype",
        )

    def finished(self, pieces: Sequence[ShardPiece]) -> list[callset.ShardEntry | None]:
        """The joint entries of the pieces that are complete everywhere."""
        shards = [piece.shard for piece in pieces]
        entries_by_client = map_locations(
            lambda one: one.submit_one(tasks.finished, tasks.FinishedRequest(self.contexts[one.name], shards)),
            self.clients,
        )
        home = [client.is_coordinator for client in self.clients].index(True)
        return [entries[home] if all(entries) else None for entries in zip(*entries_by_client, strict=True)]

    def _call(self, piece: ShardPiece) -> callset.ShardEntry:
        settled = self._settled.read(piece.shard, made_by="hybrid")
        out = pack("emitted sites", genotypes.emitted_sites(settled))
        map_locations(lambda client: self._submit(client, tasks.store_emitted, piece, out), self.clients)

        def call(client: LocationClient) -> genotypes.RawAnnotations:
            self._each_batch(client, tasks.genotype_batch, piece)
            message = self._submit(client, tasks.genotype_shard, piece)
            return genotypes.summed_of(unpack(message, message.kind), self.samples[client.name])

        total = merged_in_order(map_locations(call, self.holders), genotypes.add)
        if total.alleles:
            total = genotypes.with_squares(total, self._squares(piece))
        table = annotated(
            settled,
            total,
            piece.shard,
            layout=self.context.stored_cohort.layout,
            model=self.context.likelihood_model,
            dbsnp_url=self.dbsnp_url,
        )
        return self.complete(piece, tasks.complete_shard, pack("sites", table))

    def complete(
        self, piece: ShardPiece, function: Callable[[ShardTask], callset.ShardEntry], message: Message
    ) -> callset.ShardEntry:
        """Have every location complete a piece with everybody's SITES; return the joint entry."""
        others = map_locations(lambda client: self._submit(client, function, piece, message), self.others)
        task = replace(self.shard_task(self.own_client, piece), messages=(message,), others=tuple(others))
        entry = self.own_client.submit_one(function, task, piece.needs[self.own_client.name])
        for client, other in zip(self.others, others, strict=True):
            if other.sites.sha256 != entry.sites.sha256:
                problem = f"its records at {client.name} are others than here"
                raise callset.BadShard(self.context.callset_url, entry.name, problem)
        return entry

    def _squares(self, piece: ShardPiece) -> Squares:
        """SQUARES of all samples, location by location: a float32 sum depends on the samples' order."""
        table = SQUARES.empty_table()
        for client in self.holders:
            table = unpack(self._submit(client, tasks.add_squares, piece, pack("squares", table)), "squares")
        return table

    def shard_task(self, client: LocationClient, piece: ShardPiece) -> ShardTask:
        """A task on a piece at a location."""
        return ShardTask(context=self.contexts[client.name], shard=piece.shard, threads=piece.threads[client.name])

    def _submit(
        self, client: LocationClient, function: Callable[[ShardTask], Result], piece: ShardPiece, *messages: Message
    ) -> Result:
        task = replace(self.shard_task(client, piece), messages=messages)
        return client.submit_one(function, task, piece.needs[client.name])

    def _each_batch(self, client: LocationClient, function: Callable[[ShardTask], None], piece: ShardPiece) -> None:
        """Run one task per batch beforehand, where a location's workers are spread; see batch_cache."""
        batches = self.batches[client.name]
        if client.scatter.spread and batches > 1:
            one = replace(self.shard_task(client, piece), threads=1)
            each = [replace(one, number=number) for number in range(batches)]
            client.submit(function, each, [piece.needs[client.name]] * batches)

    def map_shards(self, function: Callable[[Item], Result], items: Sequence[Item], step: str) -> list[Result]:
        """A function's results by shard, many at a time, largest need first; progress is shown for every client."""

        def one(item: Item) -> Result:
            result = function(item)
            for client in self.clients:
                client.stage.advance(tasks=1)
            return result

        order = largest_first([_need(item) for item in items])
        with show_stages(self.clients, self.progress, step, len(items), "shard"):
            results = in_threads(one, [items[place] for place in order], min(WIDTH, max(1, len(items))))
            by_place = dict(zip(order, results, strict=True))
        return [by_place[place] for place in range(len(items))]


def _need(item: object) -> int:
    return item.need if isinstance(item, ShardPiece) else 0


def _part(local: LocalAlleles, shard: Shard) -> tuple[Alleles, Stretches]:
    """A location's ALLELES and STRETCHES of a shard."""
    alleles, spans = unpack(local.alleles, "local"), unpack(local.spans, "spans")
    return _filled(alleles, ALLELES, shard), _filled(spans, STRETCHES, shard)


def _filled(table: pa.Table, declared: pa.Schema, shard: Shard) -> pa.Table:
    """Add the columns that have one value in a shard: its contig, and that nothing is forced yet."""
    same = dict(zip(("forced", "forced_alts"), sites.nothing_forced(len(table)), strict=True))
    same["contig"] = pa.array(np.full(len(table), shard.region.contig, np.int32))
    return pa.table(
        [table[name] if name in table.column_names else same[name] for name in declared.names], declared
    ).combine_chunks()


def _covered(local_tables: Sequence[LocalAlleles], region: Region) -> npt.NDArray[np.bool_]:
    """Which bases of a region have a row at any location: (bases,) bool."""
    bases = np.zeros(region.end - region.start, bool)
    for table in (unpack(each.covered, "covered") for each in local_tables if each.covered):
        for start, stop in zip(*(numbers(table[name]).tolist() for name in ("start", "stop")), strict=True):
            bases[start - region.start : stop - region.start] = True
    return bases

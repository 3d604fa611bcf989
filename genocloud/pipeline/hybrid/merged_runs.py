"""Coordinate a hybrid run after GLnexus's model: unify everybody's evidence, keep the ALTs that somebody has."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import NamedTuple

import numpy as np

from genocloud import callset, glnexus
from genocloud.federation import Message, pack, unpack
from genocloud.pipeline.genotyping.merged_callset import merged_sites
from genocloud.pipeline.genotyping.merged_shards import KeptSites, MergedShard, PlacedSite, whole_regions
from genocloud.pipeline.hybrid import merged_tasks
from genocloud.pipeline.hybrid.clients import LocationClient, map_locations
from genocloud.pipeline.hybrid.coordinator import Coordinator, ShardPiece
from genocloud.pipeline.sharding import ShardPlan
from genocloud.regions import Region
from genocloud.schema import AlleleEvidence, CalledCounts, numbers, ragged, with_columns


class MergedEntry(NamedTuple):
    """A shard's joint entry, and what became of ALTs on the way to its sites."""

    entry: callset.ShardEntry
    alleles: Mapping[str, int]


@dataclass(frozen=True)
class MergedRun:
    """The shards of a run, each joined at all locations."""

    coordinator: Coordinator

    def merge(self, cut: ShardPlan) -> list[MergedEntry]:
        """Join every shard of the plan; a shard that is complete everywhere is not done again."""
        coordinator = self.coordinator
        pieces = coordinator.whole_shards(cut, merged_tasks.merged_needs, coordinator.clients)
        items = list(zip(pieces, coordinator.finished(pieces), strict=True))
        return coordinator.map_shards(lambda item: self._merge_shard(*item), items, "genotype")

    @property
    def _people(self) -> int:
        return sum(self.coordinator.samples.values())

    def _merge_shard(self, piece: ShardPiece, finished: callset.ShardEntry | None) -> MergedEntry:
        context, evidence = self.coordinator.context, self._evidence(piece)
        rules = context.merge_model.rules
        shard = MergedShard.of(
            context.stored_cohort, evidence, samples=self._people, shard=piece.shard, rules=rules, threads=1
        )
        placed, alleles = shard.chosen()
        return MergedEntry(finished or self._call(piece, placed, pack("evidence", evidence)), alleles)

    def _evidence(self, piece: ShardPiece) -> AlleleEvidence:
        """Everybody's evidence of the active regions that reach into a shard, as the coordinator keeps it.

        Where a region reaches on at another location's records, all answer once more, further to both sides.
        """
        coordinator, context = self.coordinator, self.coordinator.context
        tables = context.tables("evidence", asdict(context.merge_model.rules), context.scope)

        def observe(region: Region) -> AlleleEvidence:
            def ask(client: LocationClient) -> AlleleEvidence:
                name = client.name
                request = merged_tasks.EvidenceRequest(coordinator.contexts[name], region, piece.threads[name])
                message = client.submit_one(merged_tasks.local_evidence, request, piece.needs[name])
                return unpack(message, "evidence")

            return glnexus.merge(map_locations(ask, coordinator.holders))

        if tables.counts(piece.shard) is None:
            layout = context.stored_cohort.layout
            tables.write(piece.shard, whole_regions(observe, layout, piece.shard.region), {})
        return tables.read(piece.shard, made_by="hybrid")

    def _call(self, piece: ShardPiece, placed: Sequence[PlacedSite], evidence: Message) -> callset.ShardEntry:
        coordinator = self.coordinator
        rules = coordinator.context.merge_model.rules

        def called(client: LocationClient) -> Message:
            task = replace(coordinator.shard_task(client, piece), messages=(evidence,), people=self._people)
            return client.submit_one(merged_tasks.called_alts, task, piece.needs[client.name])

        answers = [unpack(each, "called alts") for each in map_locations(called, coordinator.holders)]
        mask = np.logical_or.reduce([merged_tasks.called_mask(each) for each in answers])
        tables = glnexus.SiteTables.of([each.site for each in placed], rules)
        kept = KeptSites.of(placed, tables, mask)
        everybodys = pack("called alts", merged_tasks.called_table(mask))

        def call(client: LocationClient) -> callset.CalledAlleles:
            task = replace(coordinator.shard_task(client, piece), messages=(evidence, everybodys), people=self._people)
            message = client.submit_one(merged_tasks.call_kept, task, piece.needs[client.name])
            return _counted(unpack(message, "called counts"), kept)

        total = callset.CalledAlleles.none(kept.counts).plus(map_locations(call, coordinator.clients))
        sites = with_columns(merged_sites(kept), total.columns())
        return coordinator.complete(piece, merged_tasks.complete_merged, pack("merged sites", sites))


def _counted(counts: CalledCounts, kept: KeptSites) -> callset.CalledAlleles:
    """A location's CALLED_COUNTS at the sites that are written."""
    return callset.CalledAlleles(numbers(counts["called"]), ragged(counts["counts"])[1], kept.counts)

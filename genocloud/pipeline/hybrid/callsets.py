"""The callsets of a hybrid run: shards planned and genotyped, the locations' and the coordinator's committed."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from functools import partial
from importlib.metadata import version
from typing import Any

from genocloud import callset, cohort, storage
from genocloud.federation import MAY_LEAVE, unpack
from genocloud.pipeline.genotyping.discovery import OUTSIDE
from genocloud.pipeline.hybrid import setup as entry
from genocloud.pipeline.hybrid.clients import LocationClient, together
from genocloud.pipeline.hybrid.coordinator import Coordinator
from genocloud.pipeline.hybrid.locations import FilledLocations
from genocloud.pipeline.hybrid.tasks import At, chains
from genocloud.pipeline.options import intervals_of
from genocloud.pipeline.receipts import Receipt
from genocloud.pipeline.reference import Reference
from genocloud.pipeline.sharding import Base, GenomeRows, ShardPlan, cut_windows
from genocloud.scatter.progress import Progress


def plan_shards(
    filled: FilledLocations, stations: Sequence[LocationClient], reference: Reference, progress: Progress
) -> tuple[Coordinator, ShardPlan]:
    """The way through the genome, and how that is cut."""
    config, ats = filled.config, filled.ats
    holders = [station for station in stations if station.name in filled.cohorts]
    targets = intervals_of(config.settings).targets(reference.contigs)
    layout = cohort.Layout(reference.contigs, config.settings["part_bp"], config.settings["window_bp"])
    found = filled.cohorts.values()
    variants = {window for each in found for window in each.variants}
    blocks = {window for each in found for window in each.blocks}
    cut = cut_windows(GenomeRows(layout, variants, blocks, partial(_reaches, holders, ats)), targets=targets)
    batches = {name: filled.batches(name) for name in filled.cohorts}
    away = tuple(batch for name, of in batches.items() if name != config.coordinator for batch in of)
    content = filled.content
    ats = {
        name: replace(
            at,
            content=content,
            scope=cut.scope,
            key=filled.named(asdict(at.model), cut.scope, [[site.name, site.policy] for site in config.sites]),
            elsewhere=away if at.home else (),
        )
        for name, at in ats.items()
    }
    samples = {name: sum(map(len, of.values())) for name, of in batches.items()}
    sizes = {name: len(of) for name, of in batches.items()}
    dbsnp_url = config.settings["dbsnp"] or None
    return Coordinator(stations, holders, ats, samples, sizes, reference, dbsnp_url, progress), cut


def _reaches(holders: Sequence[LocationClient], ats: Mapping[str, At], bases: Sequence[Base]) -> list[int]:
    """As `shards.reaches`, through whoever's rows: asked again until no site knows any that begin further up."""
    found = together(lambda station: station.ask_one(chains, (ats[station.name], bases)), holders)
    least = [min(each) for each in zip(*found, strict=True)]
    further = [(contig, start) for (contig, _), start in zip(bases, least, strict=True)]
    return least if further == list(bases) else _reaches(holders, ats, further)


def genotype_shards(filled: FilledLocations, flow: Coordinator, cut: ShardPlan, receipt: Receipt) -> None:
    """Everything after ingest, shard by shard, up to everybody's callset; its balance."""
    together(lambda station: station.ask_one(entry.claim, flow.ats[station.name]), flow.stations)
    discovered = flow.discover(cut)
    outside = {OUTSIDE: discovered["outside"]} if discovered["outside"] else {}
    account = receipt.account("observations", discovered["observed"], discovered["merged"], outside)
    cut, pieces = flow.deliver(cut)
    estimated = flow.estimate(pieces, cut)
    owned = set(cut.owned)
    entries = flow.call([piece for piece in pieces if piece.shard in owned])
    description = _description(filled, flow, cut)
    _commit(flow, description, cut, entries)
    sites = sum(each.sites.rows for each in entries)
    receipt.figures = {
        "samples": len(description.samples),
        "genotypes": sites * len(description.samples),
        "shards": len(entries),
        "discover": account,
    }
    estimated.enter(receipt, sites, sum(each.alts for each in entries))


def _commit(
    flow: Coordinator, description: callset.Description, cut: ShardPlan, entries: Sequence[callset.ShardEntry]
) -> None:
    """Make each site's shards a callset of its own people, and last those at home one of everybody."""
    store = storage.open_store(flow.at.callset_url)

    def commit(station: LocationClient) -> None:
        at = flow.ats[station.name]
        station.ask_one(entry.commit, entry.Committing(at, cut.owned, flow.home.name, store.url))

    together(commit, flow.others)
    callset.commit(store, description, entries)


def location_totals(flow: Coordinator) -> dict[str, Any]:
    """Of each site whose genotypes stay there, the totals that the report tells of its samples."""
    staying = [station for station in flow.others if station.location.policy != MAY_LEAVE]
    counting = {one.name: entry.Counting(flow.ats[one.name], one.scatter.threads) for one in staying}
    parcels = together(lambda station: station.ask_one(entry.count, counting[station.name]), staying)
    return {one.name: unpack(each, "totals").to_pylist() for one, each in zip(staying, parcels, strict=True)}


def _description(filled: FilledLocations, flow: Coordinator, cut: ShardPlan) -> callset.Description:
    """What the callset of everybody says of itself: sites in the config's order, inside each its cohort's order."""
    config = filled.config
    ranked = [
        name for site in filled.cohorts for _, name in sorted((rank, name) for _, rank, name in filled.people(site))
    ]
    places = {
        site.name: callset.RemoteGenotypes(site.name, site.callset, site.policy)
        for site in config.sites
        if site.name != config.coordinator
    }
    batches = {site: filled.batches(site) for site in filled.cohorts}
    force_output = any(shard.targets.force_output for shard in cut.owned)
    return callset.Description(
        samples=tuple(ranked),
        batches={batch: names for of in batches.values() for batch, names in of.items()},
        contigs=flow.reference.contigs,
        model={"name": "gatk", **asdict(flow.at.model), "force_output_intervals": force_output},
        software=f"genocloud {version('genocloud')}",
        source={"cohort": filled.content, "reference": {"contigs": flow.reference.checksum}},
        site=config.coordinator,
        stores={batch: places[site] for site, of in batches.items() if site in places for batch in of},
    )

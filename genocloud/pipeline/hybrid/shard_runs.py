"""Plan and genotype the shards of a hybrid run, then commit each location's callset and the coordinator's."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from functools import partial
from importlib.metadata import version
from typing import Any, NamedTuple

from genocloud import callset, storage
from genocloud.cohort import Layout
from genocloud.federation import MAY_LEAVE, unpack
from genocloud.pipeline.genotyping.batch_copies import sex_figures
from genocloud.pipeline.genotyping.discovery import OUTSIDE
from genocloud.pipeline.genotyping.merged_shards import balance
from genocloud.pipeline.hybrid import location_tasks
from genocloud.pipeline.hybrid.clients import LocationClient, map_locations
from genocloud.pipeline.hybrid.coordinator import Coordinator
from genocloud.pipeline.hybrid.locations import IngestedLocations
from genocloud.pipeline.hybrid.merged_runs import MergedRun
from genocloud.pipeline.hybrid.tasks import LocationContext, ReachRequest, upstream_reach
from genocloud.pipeline.preconditions import callers_of, refuse_other_alleles
from genocloud.pipeline.receipts import Receipt
from genocloud.pipeline.reference import Reference
from genocloud.pipeline.sharding import Base, GenomeRows, ShardPlan, Targets, cut_windows
from genocloud.scatter.progress import Progress


def plan_shards(
    filled: IngestedLocations,
    clients: Sequence[LocationClient],
    reference: Reference,
    targets: Targets,
    progress: Progress,
) -> tuple[Coordinator, ShardPlan]:
    """The run's coordinator, and the genome cut into shards."""
    config, contexts = filled.config, filled.contexts
    holders = [client for client in clients if client.name in filled.fill_results]
    layout = Layout(reference.contigs, config.settings["part_bp"], config.settings["window_bp"])
    fill_results = filled.fill_results.values()
    variants = {window for each in fill_results for window in each.variants}
    blocks = {window for each in fill_results for window in each.blocks}
    cut = cut_windows(
        GenomeRows(layout=layout, variants=variants, blocks=blocks, reach=partial(_reaches, holders, contexts)),
        targets=targets,
    )
    batches = {name: filled.batches(name) for name in filled.fill_results}
    away = tuple(batch for name, of in batches.items() if name != config.coordinator for batch in of)
    content = filled.content
    contexts = {
        name: replace(
            context,
            content=content,
            scope=cut.scope,
            key=filled.samples_key(
                asdict(context.model), cut.scope, [[site.name, site.policy] for site in config.sites]
            ),
            remote_batches=away if context.is_coordinator else (),
        )
        for name, context in contexts.items()
    }
    samples = {name: sum(map(len, of.values())) for name, of in batches.items()}
    sizes = {name: len(of) for name, of in batches.items()}
    dbsnp_url = config.settings["dbsnp"] or None
    return Coordinator(
        clients=clients,
        holders=holders,
        contexts=contexts,
        samples=samples,
        batches=sizes,
        reference=reference,
        dbsnp_url=dbsnp_url,
        progress=progress,
    ), cut


def _reaches(
    holders: Sequence[LocationClient], contexts: Mapping[str, LocationContext], bases: Sequence[Base]
) -> list[int]:
    """As `sharding.reaches`, over all locations: repeated until no location has rows that begin further upstream."""
    starts = map_locations(
        lambda client: client.submit_one(upstream_reach, ReachRequest(contexts[client.name], bases)), holders
    )
    least = [min(each) for each in zip(*starts, strict=True)]
    further = [(contig, start) for (contig, _), start in zip(bases, least, strict=True)]
    return least if further == list(bases) else _reaches(holders, contexts, further)


def genotype_shards(filled: IngestedLocations, coordinator: Coordinator, cut: ShardPlan, receipt: Receipt) -> None:
    """Everything after ingest, shard by shard, up to the joint callset; enters the balance in the receipt."""
    refuse_other_alleles(coordinator.context.callset_url, cut)
    map_locations(
        lambda client: client.submit_one(location_tasks.claim, coordinator.contexts[client.name]), coordinator.clients
    )
    made = FLOWS[coordinator.context.model.name](filled, coordinator, cut, receipt)
    description = _description(filled, coordinator, made.cut)
    _commit(coordinator, description, made.cut, made.entries)
    receipt.figures = {
        "model": made.model,
        "samples": len(description.samples),
        "genotypes": sum(each.sites.rows for each in made.entries) * len(description.samples),
        "shards": len(made.entries),
        **receipt.figures,
    }


class _Made(NamedTuple):
    """The plan's shards as they were cut, their joint entries, and what a receipt says of the model."""

    cut: ShardPlan
    entries: Sequence[callset.ShardEntry]
    model: str


def _by_likelihoods(filled: IngestedLocations, coordinator: Coordinator, cut: ShardPlan, receipt: Receipt) -> _Made:
    """Discover, estimate, settle, call, annotate; the receipt is balanced in sites."""
    discovered = coordinator.discover(cut)
    outside = {OUTSIDE: discovered["outside"]} if discovered["outside"] else {}
    account = receipt.account("observations", discovered["observed"], discovered["merged"], outside)
    cut, pieces = coordinator.deliver(cut)
    outcomes = coordinator.estimate(pieces, cut)
    owned = set(cut.owned)
    entries = coordinator.call([piece for piece in pieces if piece.shard in owned])
    model = coordinator.context.likelihood_model
    sexes = sex_figures((row.sex for rows in filled.sheet_rows.values() for row in rows), model)
    receipt.figures = {"discover": account, **sexes}
    outcomes.enter(receipt, cut, sum(each.sites.rows for each in entries), sum(each.alts for each in entries))
    return _Made(cut, entries, model.name)


def _by_records(_: IngestedLocations, coordinator: Coordinator, cut: ShardPlan, receipt: Receipt) -> _Made:
    """Unify the samples' own alleles and translate their calls; the receipt is balanced in ALTs."""
    merged = MergedRun(coordinator).merge(cut)
    balance(receipt, (each.alleles for each in merged), sum(each.entry.alts for each in merged))
    return _Made(cut, [each.entry for each in merged], coordinator.context.merge_model.text)


FLOWS: dict[str, Any] = {"gatk": _by_likelihoods, "deepvariant": _by_likelihoods, "glnexus": _by_records}
"""How a callset is made at several locations, by the name of the model."""


def _commit(
    coordinator: Coordinator, description: callset.Description, cut: ShardPlan, entries: Sequence[callset.ShardEntry]
) -> None:
    """Commit each location's callset of its own samples, and last the coordinator's of all samples."""
    store = storage.open_store(coordinator.context.callset_url)

    def commit(client: LocationClient) -> None:
        context = coordinator.contexts[client.name]
        client.submit_one(
            location_tasks.commit,
            location_tasks.CommitRequest(
                context=context, shards=cut.owned, coordinator=coordinator.own_client.name, united=store.url
            ),
        )

    map_locations(commit, coordinator.others)
    callset.commit(store, description, entries)


def location_totals(coordinator: Coordinator) -> dict[str, Any]:
    """Counts for the report, from each location whose genotypes stay there."""
    staying = [client for client in coordinator.others if client.location.policy != MAY_LEAVE]
    counting = {
        one.name: location_tasks.CountRequest(coordinator.contexts[one.name], one.scatter.threads) for one in staying
    }
    messages = map_locations(lambda client: client.submit_one(location_tasks.count, counting[client.name]), staying)
    return {one.name: unpack(each, "totals").to_pylist() for one, each in zip(staying, messages, strict=True)}


def _description(filled: IngestedLocations, coordinator: Coordinator, cut: ShardPlan) -> callset.Description:
    """The joint callset's description: samples by location (config order), then by cohort order."""
    config = filled.config
    ranked = [
        name
        for site in filled.fill_results
        for _, name in sorted((rank, name) for _, rank, name in filled.people(site))
    ]
    places = {
        site.name: callset.RemoteGenotypes(site.name, site.callset, site.policy)
        for site in config.sites
        if site.name != config.coordinator
    }
    batches = {site: filled.batches(site) for site in filled.fill_results}
    return callset.Description(
        samples=tuple(ranked),
        batches={batch: names for of in batches.values() for batch, names in of.items()},
        contigs=coordinator.reference.contigs,
        model={**coordinator.context.model.settings, **cut.settings},
        software=f"genocloud {version('genocloud')}",
        source={"cohort": filled.content, "reference": {"contigs": coordinator.reference.checksum}},
        site=config.coordinator,
        stores={batch: places[site] for site, of in batches.items() if site in places for batch in of},
        callers=callers_of(coordinator.context.stored_cohort),
        fields=coordinator.context.model.fields,
    )

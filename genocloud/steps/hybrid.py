"""hybrid: samples that lie at several sites become one callset; work is done where they lie, small tables cross."""

import hashlib
import json
import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, replace
from functools import partial
from importlib.metadata import version
from typing import Any

from genocloud import callset, cohort, objects
from genocloud.errors import GenocloudError, SettingError, did_you_mean
from genocloud.genotypes import Model
from genocloud.locations import MAY_LEAVE, BadConfig, Config, Ledger, Location, pack, unpack
from genocloud.regions import region_text
from genocloud.samples import BadRow, Sample, read_sheet
from genocloud.scatter.executors import open_scatter
from genocloud.scatter.progress import Progress, Silent
from genocloud.schema import VERSION
from genocloud.steps import hybrid_entry as entry
from genocloud.steps.discover import OUTSIDE
from genocloud.steps.hybrid_flow import Flow
from genocloud.steps.hybrid_stations import Station, Watch, showing, together, unwatched
from genocloud.steps.hybrid_tasks import At, chains
from genocloud.steps.ingest import StrangersInCohort
from genocloud.steps.intervals import Intervals
from genocloud.steps.lining import keeping
from genocloud.steps.naming import check_contigs, known_variants
from genocloud.steps.receipts import Receipt, receipt_of
from genocloud.steps.reference import Reference, read_reference
from genocloud.steps.shards import Base, Cut, Known, cut_known

log = logging.getLogger(__name__)


def hybrid(
    config: Config, progress: Progress, watch: Watch = unwatched, say: Callable[[str], None] = log.info
) -> Receipt:
    """Genotype everybody jointly, wherever their gVCFs lie; the balance is in sites.

    At each site the cohort and its people's own callset are made; the coordinator's callset is of everybody. What is
    there already stays. `watch` hears of each task that was done, `say` which policy file decides at each site.
    Everything that can be wrong with the config or a site is said before any gVCF is read: see `checked_rows` and
    `hybrid_entry.look`.
    """
    with receipt_of("hybrid") as receipt, ExitStack() as stack:
        reference, model = read_reference(config.reference), model_of(config.settings)
        check_contigs(config.settings["dbsnp"] or None, reference.contigs)
        rows, ledger = checked_rows(config), Ledger()
        stations = [stack.enter_context(_station(config, site, ledger, watch)) for site in config.sites]
        decides = _look(config, stations, reference, rows)
        for sentence in decides.values():
            say(sentence)
        working = [station for station in stations if station.home or rows[station.name]]
        for station in working:
            stack.enter_context(keeping(station.scatter.memory))
        filled = _fill(config, working, reference, model, rows, progress)
        flow, cut = _flow(filled, working, reference, progress)
        _genotype(filled, flow, cut, receipt)
        receipt.inputs = {"reference": reference.checksum, "samples": f"content:{filled.named()}"}
        receipt.figures |= {"coordinator": config.coordinator, "totals": _totals(flow)}
        receipt.figures |= {"sites": _told(filled, working, decides), "crossings": ledger.told()}
    return receipt


def model_of(settings: Mapping[str, Any]) -> Model:
    """The model that a config describes."""
    names = ("heterozygosity", "indel_heterozygosity", "heterozygosity_stdev", "stand_call_conf")
    more = "annotate_with_num_discovered_alleles", "allow_old_rms_mapping_quality_annotation_data"
    told = {name: settings[name] for name in (*names, "max_alternate_alleles", *more)}
    dbsnp = known_variants(settings["dbsnp"]) if settings["dbsnp"] else ""
    return Model(**told, annotation_groups=tuple(settings["annotation_group"]), dbsnp=dbsnp)


def intervals_of(settings: Mapping[str, Any]) -> Intervals:
    """The intervals that a config describes."""
    return Intervals(
        tuple(settings["intervals"]),
        settings["interval_padding"],
        tuple(settings["force_output_intervals"]),
        settings["include_non_variant_sites"],
        tuple(settings["exclude_intervals"]),
        settings["interval_exclusion_padding"],
    )


def checked_rows(config: Config) -> dict[str, list[Sample]]:
    """The sheet's rows by site, in its order. Raises BadRow for a site that the config does not have, or for reads."""
    rows: dict[str, list[Sample]] = {site.name: [] for site in config.sites}
    for sample in read_sheet(config.samples):
        site = sample.site or config.coordinator
        if site not in rows:
            problem = f"sample {sample.sample} lies at the site {site!r}, which the config does not have"
            remedy = f"its sites are {', '.join(rows)}{did_you_mean(site, rows)}"
            raise BadRow(config.samples, sample.line, sample.sample, problem, remedy)
        if not sample.gvcf:
            problem = f"sample {sample.sample} has reads, not a gVCF"
            raise BadRow(config.samples, sample.line, sample.sample, problem, "call it first (genocloud call)")
        rows[site].append(sample)
    return rows


@contextmanager
def _station(config: Config, site: Location, ledger: Ledger, watch: Watch) -> Iterator[Station]:
    """A site with its workers. Raises SettingError, which names the site, where there are none."""
    with ExitStack() as stack:
        try:
            scatter = stack.enter_context(open_scatter(site.workers))
        except SettingError as error:
            raise BadConfig(config.url, f"sites.{site.name}.workers", *_parted(str(error))) from error
        stage = stack.enter_context(Silent().stage(site.name, 1))
        yield Station(site, scatter, ledger, config.coordinator, watch, stage)


def _parted(message: str) -> tuple[str, str]:
    problem, _, remedy = message.rpartition("; ")
    return problem, remedy


def _look(
    config: Config, stations: Sequence[Station], reference: Reference, rows: Mapping[str, Sequence[Sample]]
) -> dict[str, str]:
    """Look at every site; in words, which policy file decides at each.

    Raises what `hybrid_entry.look` does, or StrangersInCohort.
    """
    layout = config.settings["part_bp"], config.settings["window_bp"]

    def seen(station: Station) -> entry.Seen:
        site = station.location
        asked = entry.Look(
            site.name, site.store, station.home, site.policy, site.reference, reference.checksum, *layout
        )
        try:
            return station.ask_one(entry.look, asked)
        except (entry.OtherAtSite, entry.Unfit):
            raise
        except GenocloudError as error:
            raise entry.Unfit(site.name, error) from error

    seen_by = dict(zip([station.name for station in stations], together(seen, stations), strict=True))
    for station in stations:
        found, here = seen_by[station.name], version("genocloud")
        if found.software != here:
            remedy = "install one version everywhere"
            raise entry.OtherAtSite(station.name, "genocloud", here, found.software, remedy)
        if found.samples and not rows[station.name]:
            raise StrangersInCohort(station.location.cohort, config.samples, [f"{found.samples} samples"])
    return {name: found.decides for name, found in seen_by.items()}


@dataclass(frozen=True)
class _Filled:
    """The sites after ingest: of each what its tasks need to know, and its cohort; those without anybody have none."""

    config: Config
    rows: Mapping[str, Sequence[Sample]]
    ats: dict[str, At]
    cohorts: dict[str, entry.Filled]

    def named(self, *settings: Any) -> str:
        """A name for everybody's samples and rows in their order, with some settings."""
        return _name([[name, each.named] for name, each in self.cohorts.items()], *settings)

    @property
    def content(self) -> str:
        """A name for everybody's rows in their order."""
        return _name([[name, each.content] for name, each in self.cohorts.items()])

    def people(self, site: str) -> list[tuple[str, int, str]]:
        """Who is in force at a site: batch, rank and name; batch by batch, in the batch's order."""
        table = unpack(self.cohorts[site].people, "people").to_pydict()
        names = [self.rows[site][row].sample for row in table["row"]]
        return list(zip(table["batch"], table["rank"], names, strict=True))

    def batches(self, site: str) -> dict[str, tuple[str, ...]]:
        """A site's batches, with names in their order."""
        found: dict[str, list[str]] = {}
        for batch, _, name in self.people(site):
            found.setdefault(batch, []).append(name)
        return {batch: tuple(names) for batch, names in found.items()}


def _name(*content: Any) -> str:
    told = json.dumps([VERSION, version("genocloud"), *content])
    return hashlib.sha256(told.encode()).hexdigest()[:20]


def _fill(
    config: Config,
    stations: Sequence[Station],
    reference: Reference,
    model: Model,
    rows: Mapping[str, Sequence[Sample]],
    progress: Progress,
) -> _Filled:
    """Ingest everybody, at all sites side by side."""
    settings = config.settings
    inside = intervals_of(settings).inside(reference.contigs)
    wanted = None if inside is None else tuple(region_text(region, reference.contigs) for region in inside)
    drop = settings["on_bad_record"] == "drop"

    def fill(station: Station) -> tuple[At, entry.Filled | None]:
        site = station.location
        layout = settings["part_bp"], settings["window_bp"]
        at = At(site.name, site.store, station.home, 0, site.reference, *layout, model)
        if not rows[site.name]:
            return at, None
        sheet = pack("sheet", entry.sheet_rows(rows[site.name]))
        filling = entry.Filling(at, settings["batch_size"], station.scatter.threads, sheet, wanted, drop)
        (filled,) = station.ask(entry.fill, [filling], heard=lambda told: station.stage.advance(bytes=told))
        station.stage.advance(tasks=1)
        return replace(at, version=filled.version), filled

    with showing(stations, progress, "ingest", 1, "cohort"):
        found = dict(zip([each.name for each in stations], together(fill, stations), strict=True))
    cohorts = {name: each for name, (_, each) in found.items() if each}
    return _Filled(config, rows, {name: at for name, (at, _) in found.items()}, cohorts)


def _flow(filled: _Filled, stations: Sequence[Station], reference: Reference, progress: Progress) -> tuple[Flow, Cut]:
    """The way through the genome, and how that is cut."""
    config, ats = filled.config, filled.ats
    holders = [station for station in stations if station.name in filled.cohorts]
    asked = intervals_of(config.settings).asked(reference.contigs)
    layout = cohort.Layout(reference.contigs, config.settings["part_bp"], config.settings["window_bp"])
    found = filled.cohorts.values()
    variants = {window for each in found for window in each.variants}
    blocks = {window for each in found for window in each.blocks}
    cut = cut_known(Known(layout, variants, blocks, partial(_reaches, holders, ats)), asked=asked)
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
    return Flow(stations, holders, ats, samples, sizes, reference, dbsnp_url, progress), cut


def _reaches(holders: Sequence[Station], ats: Mapping[str, At], bases: Sequence[Base]) -> list[int]:
    """As `shards.reaches`, through whoever's rows: asked again until no site knows any that begin further up."""
    found = together(lambda station: station.ask_one(chains, (ats[station.name], bases)), holders)
    least = [min(each) for each in zip(*found, strict=True)]
    further = [(contig, start) for (contig, _), start in zip(bases, least, strict=True)]
    return least if further == list(bases) else _reaches(holders, ats, further)


def _genotype(filled: _Filled, flow: Flow, cut: Cut, receipt: Receipt) -> None:
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


def _commit(flow: Flow, description: callset.Description, cut: Cut, entries: Sequence[callset.ShardEntry]) -> None:
    """Make each site's shards a callset of its own people, and last those at home one of everybody."""
    store = objects.open_store(flow.at.callset_url)

    def commit(station: Station) -> None:
        at = flow.ats[station.name]
        station.ask_one(entry.commit, entry.Committing(at, cut.owned, flow.home.name, store.url))

    together(commit, flow.others)
    callset.commit(store, description, entries)


def _totals(flow: Flow) -> dict[str, Any]:
    """Of each site whose genotypes stay there, the totals that the report tells of its samples."""
    staying = [station for station in flow.others if station.location.policy != MAY_LEAVE]
    counting = {one.name: entry.Counting(flow.ats[one.name], one.scatter.threads) for one in staying}
    parcels = together(lambda station: station.ask_one(entry.count, counting[station.name]), staying)
    return {one.name: unpack(each, "totals").to_pylist() for one, each in zip(staying, parcels, strict=True)}


def _description(filled: _Filled, flow: Flow, cut: Cut) -> callset.Description:
    """What the callset of everybody says of itself: sites in the config's order, inside each its cohort's order."""
    config = filled.config
    ranked = [
        name for site in filled.cohorts for _, name in sorted((rank, name) for _, rank, name in filled.people(site))
    ]
    places = {
        site.name: callset.Elsewhere(site.name, site.callset, site.policy)
        for site in config.sites
        if site.name != config.coordinator
    }
    batches = {site: filled.batches(site) for site in filled.cohorts}
    forced = any(shard.asked.forced for shard in cut.owned)
    return callset.Description(
        samples=tuple(ranked),
        batches={batch: names for of in batches.values() for batch, names in of.items()},
        contigs=flow.reference.contigs,
        model={"name": "gatk", **asdict(flow.at.model), "force_output_intervals": forced},
        software=f"genocloud {version('genocloud')}",
        source={"cohort": filled.content, "reference": {"contigs": flow.reference.checksum}},
        site=config.coordinator,
        stores={batch: places[site] for site, of in batches.items() if site in places for batch in of},
    )


def _told(filled: _Filled, stations: Sequence[Station], decides: Mapping[str, str]) -> dict[str, Any]:
    """What the receipt says of the sites."""
    return {
        station.name: {
            "policy": station.location.policy,
            "decides": decides[station.name],
            "samples": len(filled.rows[station.name]),
            "seconds": round(station.seconds, 3),
            **({"ingest": filled.cohorts[station.name].balance} if station.name in filled.cohorts else {}),
        }
        for station in stations
    }

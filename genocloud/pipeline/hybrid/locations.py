"""Connect to the locations of a hybrid run, check them, and ingest their samples, before any genotyping."""

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from importlib.metadata import version
from typing import Any

from genocloud.errors import GenocloudError, SettingError
from genocloud.federation import BadConfig, Config, Location, TransferLog, pack, unpack
from genocloud.genotypes import RULES, Model
from genocloud.pipeline.chosen_model import check_par, check_targets, made_model
from genocloud.pipeline.fitting_model import fitting_model
from genocloud.pipeline.genotyping.row_cache import RowCache
from genocloud.pipeline.hybrid import location_tasks
from genocloud.pipeline.hybrid.clients import LocationClient, OnTask, map_locations, show_stages
from genocloud.pipeline.hybrid.sample_site import site_of
from genocloud.pipeline.hybrid.tasks import LocationContext
from genocloud.pipeline.ingestion.arrivals import StrangersInCohort
from genocloud.pipeline.intervals import intervals_of
from genocloud.pipeline.merge_model import MergeModel
from genocloud.pipeline.reference import Reference
from genocloud.pipeline.sharding import Targets
from genocloud.regions import region_text
from genocloud.samples import BadRow, Sample, read_sheet
from genocloud.scatter.executors import open_scatter
from genocloud.scatter.progress import Progress, Silent
from genocloud.schema import VERSION


def rows_by_location(config: Config) -> dict[str, list[Sample]]:
    """The sheet's rows by location, in its order. Raises BadRow for an unknown location, or for a sample with reads."""
    rows: dict[str, list[Sample]] = {site.name: [] for site in config.sites}
    for sample in read_sheet(config.samples):
        site = site_of(sample, config)
        if not sample.gvcf:
            problem = f"sample {sample.sample} has reads, not a gVCF"
            raise BadRow(config.samples, sample.line, sample.sample, problem, "call it first (genocloud call)")
        rows[site].append(sample)
    return rows


@contextmanager
def open_client(config: Config, site: Location, transfer_log: TransferLog, on_task: OnTask) -> Iterator[LocationClient]:
    """Connect to a location's workers. Raises BadConfig, which names the location, where there are none."""
    with ExitStack() as stack:
        try:
            scatter = stack.enter_context(open_scatter(site.workers))
        except SettingError as error:
            raise BadConfig(config.url, f"sites.{site.name}.workers", *_parted(str(error))) from error
        stage = stack.enter_context(Silent().stage(site.name, 1))
        yield LocationClient(site, scatter, transfer_log, config.coordinator, on_task, stage)


def _parted(message: str) -> tuple[str, str]:
    problem, _, remedy = message.rpartition("; ")
    return problem, remedy


def check_locations(
    config: Config,
    clients: Sequence[LocationClient],
    reference: Reference,
    sheet_rows: Mapping[str, Sequence[Sample]],
    kinds: tuple[str, ...] = (),
) -> dict[str, str]:
    """Probe every location; return a sentence for each that says which policy file decides there.

    kinds  of messages that those with samples must let out, in addition to those of every run

    Raises what `location_tasks.probe` does, or StrangersInCohort.
    """

    def probe(client: LocationClient) -> location_tasks.ProbeResult:
        site = client.location
        request = location_tasks.ProbeRequest(
            site=site.name,
            store=site.store,
            kinds=kinds if sheet_rows[site.name] else (),
            is_coordinator=client.is_coordinator,
            policy=site.policy,
            reference=site.reference,
            checksum=reference.checksum,
            part_bp=config.settings["part_bp"],
            window_bp=config.settings["window_bp"],
        )
        try:
            return client.submit_one(location_tasks.probe, request)
        except (location_tasks.LocationMismatch, location_tasks.UnusableLocation):
            raise
        except GenocloudError as error:
            raise location_tasks.UnusableLocation(site.name, error) from error

    results = dict(zip([client.name for client in clients], map_locations(probe, clients), strict=True))
    for client in clients:
        result, here = results[client.name], version("genocloud")
        if result.software != here:
            remedy = "install one version everywhere"
            raise location_tasks.LocationMismatch(client.name, "genocloud", here, result.software, remedy)
        if result.samples and not sheet_rows[client.name]:
            raise StrangersInCohort(client.location.cohort, config.samples, [f"{result.samples} samples"])
    return {name: result.policy_sentence for name, result in results.items()}


@dataclass(frozen=True, kw_only=True)
class IngestedLocations:
    """The locations after ingest: contexts for their tasks, and `fill_results` of those that have samples."""

    config: Config
    sheet_rows: Mapping[str, Sequence[Sample]]
    contexts: dict[str, LocationContext]
    fill_results: dict[str, location_tasks.FillResult]

    def samples_key(self, *settings: Any) -> str:
        """A hash of all samples and their rows in their order, with some settings."""
        return _name([[name, each.samples_key] for name, each in self.fill_results.items()], *settings)

    @property
    def content(self) -> str:
        """A hash of all samples' rows in their order."""
        return _name([[name, each.content] for name, each in self.fill_results.items()])

    def people(self, site: str) -> list[tuple[str, int, str]]:
        """The active samples of a location as (batch, rank, name), in the batches' order."""
        table = unpack(self.fill_results[site].people, "people").to_pydict()
        names = [self.sheet_rows[site][row].sample for row in table["row"]]
        return list(zip(table["batch"], table["rank"], names, strict=True))

    def batches(self, site: str) -> dict[str, tuple[str, ...]]:
        """A location's batches, each with its sample names in order."""
        names_by_batch: dict[str, list[str]] = {}
        for batch, _, name in self.people(site):
            names_by_batch.setdefault(batch, []).append(name)
        return {batch: tuple(names) for batch, names in names_by_batch.items()}


def _name(*content: Any) -> str:
    text = json.dumps([VERSION, version("genocloud"), *content])
    return hashlib.sha256(text.encode()).hexdigest()[:20]


def fill_locations(
    config: Config,
    clients: Sequence[LocationClient],
    *,
    reference: Reference,
    model: Model,
    sheet_rows: Mapping[str, Sequence[Sample]],
    ingest: Callable[[location_tasks.FillRequest], location_tasks.FillResult],
    progress: Progress,
) -> IngestedLocations:
    """Ingest all samples, at all locations at the same time. Raises as model_everywhere does."""
    settings = config.settings
    inside = intervals_of(settings).inside(reference.contigs)
    wanted = None if inside is None else tuple(region_text(region, reference.contigs) for region in inside)
    drop = settings["on_bad_record"] == "drop"

    def fill(client: LocationClient) -> tuple[LocationContext, location_tasks.FillResult | None]:
        site = client.location
        context = LocationContext(
            site=site.name,
            store=site.store,
            is_coordinator=client.is_coordinator,
            version=0,
            reference=site.reference,
            part_bp=settings["part_bp"],
            window_bp=settings["window_bp"],
            model=model,
            row_cache=RowCache(client.scatter.memory),
        )
        if not sheet_rows[site.name]:
            return context, None
        sheet = pack("sheet", location_tasks.sheet_table(sheet_rows[site.name]))
        filling = location_tasks.FillRequest(
            context=context,
            batch_size=settings["batch_size"],
            threads=client.scatter.threads,
            sheet=sheet,
            intervals=wanted,
            drop_bad_records=drop,
            likelihoods=settings["model"] in ("", *RULES),
        )
        (filled,) = client.submit(ingest, [filling], on_bytes=lambda size: client.stage.advance(bytes=size))
        client.stage.advance(tasks=1)
        return replace(context, version=filled.version), filled

    with show_stages(clients, progress, "ingest", 1, "cohort"):
        filled_by_name = dict(zip([each.name for each in clients], map_locations(fill, clients), strict=True))
    fill_results = {name: each for name, (_, each) in filled_by_name.items() if each}
    chosen = model_everywhere(model, settings["model"], fill_results, settings["preset"])
    return IngestedLocations(
        config=config,
        sheet_rows=sheet_rows,
        contexts={name: replace(context, model=chosen) for name, (context, _) in filled_by_name.items()},
        fill_results=fill_results,
    )


def check_model(config: Config, model: Model, targets: Targets, reference: Reference) -> None:
    """Refuse settings of no model, and what the named model does not have. Raises as check_par; NotOfTheModel."""
    check_par(model, reference.contigs)
    if named := config.settings["model"]:
        made_model(named, model, config.settings["preset"])
        check_targets(named, [targets], config.settings["dbsnp"] or None)


def model_everywhere(
    model: Model, named: str, filled: Mapping[str, location_tasks.FillResult], preset: str = ""
) -> Model | MergeModel:
    """The settings as those of the model that is named, else of the one that fits the gVCFs of all locations.

    Raises MixedDialects, NotOfTheModel.
    """
    callers = ((f"those of site {site}", caller) for site, result in filled.items() for caller in result.callers)
    fitting = fitting_model("the sites", callers)
    return made_model(named or fitting, model, preset)

"""The locations of a hybrid run connected, checked, and their samples ingested, before any genotyping."""

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from importlib.metadata import version
from typing import Any

from genocloud.errors import GenocloudError, SettingError
from genocloud.federation import BadConfig, Config, Location, TransferLog, pack, unpack
from genocloud.genotypes import Model
from genocloud.pipeline.hybrid import setup as entry
from genocloud.pipeline.hybrid.clients import LocationClient, Watch, showing, together
from genocloud.pipeline.hybrid.sample_site import site_of
from genocloud.pipeline.hybrid.tasks import At
from genocloud.pipeline.ingestion.arrivals import StrangersInCohort
from genocloud.pipeline.options import intervals_of
from genocloud.pipeline.reference import Reference
from genocloud.regions import region_text
from genocloud.samples import BadRow, Sample, read_sheet
from genocloud.scatter.executors import open_scatter
from genocloud.scatter.progress import Progress, Silent
from genocloud.schema import VERSION


def checked_rows(config: Config) -> dict[str, list[Sample]]:
    """The sheet's rows by site, in its order. Raises BadRow for a site that the config does not have, or for reads."""
    rows: dict[str, list[Sample]] = {site.name: [] for site in config.sites}
    for sample in read_sheet(config.samples):
        site = site_of(sample, config)
        if not sample.gvcf:
            problem = f"sample {sample.sample} has reads, not a gVCF"
            raise BadRow(config.samples, sample.line, sample.sample, problem, "call it first (genocloud call)")
        rows[site].append(sample)
    return rows


@contextmanager
def connected(config: Config, site: Location, ledger: TransferLog, watch: Watch) -> Iterator[LocationClient]:
    """A site with its workers. Raises SettingError, which names the site, where there are none."""
    with ExitStack() as stack:
        try:
            scatter = stack.enter_context(open_scatter(site.workers))
        except SettingError as error:
            raise BadConfig(config.url, f"sites.{site.name}.workers", *_parted(str(error))) from error
        stage = stack.enter_context(Silent().stage(site.name, 1))
        yield LocationClient(site, scatter, ledger, config.coordinator, watch, stage)


def _parted(message: str) -> tuple[str, str]:
    problem, _, remedy = message.rpartition("; ")
    return problem, remedy


def check_locations(
    config: Config, stations: Sequence[LocationClient], reference: Reference, rows: Mapping[str, Sequence[Sample]]
) -> dict[str, str]:
    """Look at every site; in words, which policy file decides at each.

    Raises what `hybrid_entry.look` does, or StrangersInCohort.
    """
    layout = config.settings["part_bp"], config.settings["window_bp"]

    def seen(station: LocationClient) -> entry.Seen:
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
class FilledLocations:
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


def fill_locations(
    config: Config,
    stations: Sequence[LocationClient],
    reference: Reference,
    model: Model,
    rows: Mapping[str, Sequence[Sample]],
    ingest: Callable[[entry.Filling], entry.Filled],
    progress: Progress,
) -> FilledLocations:
    """Ingest everybody, at all sites side by side."""
    settings = config.settings
    inside = intervals_of(settings).inside(reference.contigs)
    wanted = None if inside is None else tuple(region_text(region, reference.contigs) for region in inside)
    drop = settings["on_bad_record"] == "drop"

    def fill(station: LocationClient) -> tuple[At, entry.Filled | None]:
        site = station.location
        layout = settings["part_bp"], settings["window_bp"]
        at = At(site.name, site.store, station.home, 0, site.reference, *layout, model)
        if not rows[site.name]:
            return at, None
        sheet = pack("sheet", entry.sheet_rows(rows[site.name]))
        filling = entry.Filling(at, settings["batch_size"], station.scatter.threads, sheet, wanted, drop)
        (filled,) = station.ask(ingest, [filling], heard=lambda told: station.stage.advance(bytes=told))
        station.stage.advance(tasks=1)
        return replace(at, version=filled.version), filled

    with showing(stations, progress, "ingest", 1, "cohort"):
        found = dict(zip([each.name for each in stations], together(fill, stations), strict=True))
    cohorts = {name: each for name, (_, each) in found.items() if each}
    return FilledLocations(config, rows, {name: at for name, (at, _) in found.items()}, cohorts)

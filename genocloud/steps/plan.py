"""plan: predict a run's tasks, core-hours, wall time, memory, bytes and money, by location and step."""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property, partial
from typing import Any

from genocloud import regions
from genocloud.cohort import Layout, Stored
from genocloud.costs.model import (
    BY_STEPS,
    JOINT,
    ONE_COMMAND,
    Needs,
    Place,
    Placement,
    Planner,
    Portion,
    Shape,
    Starts,
    balanced_widths,
    reason_of,
)
from genocloud.costs.prices import CORE_BYTES, TABLES, BadPrices, Prices, find_prices, read_prices
from genocloud.costs.rates import Rates
from genocloud.federation.config import HERE, Config, Location, read_config
from genocloud.federation.site_policy import STAYS
from genocloud.pipeline.memory_model import GROUP_COPIES, OBSERVATION_BYTES, SHARD_BYTES, SiteCounts, need_of
from genocloud.pipeline.planning.workload import Sampled, portion_of, sample_gvcfs
from genocloud.pipeline.reference import Reference, read_reference
from genocloud.samples import Sample, are_small, read_sheet
from genocloud.scatter.budget import cores_of

GENOME_BP = 3.1e9
GROUP_ROWS = {"variants": 65_536, "blocks": 262_144}
"""Rows of a row group, at most (cohort.writing)."""


@dataclass(frozen=True)
class Plan:
    """A run's predicted cost: in the configured placement, and in all that its policies allow, cheapest first."""

    rates: Rates
    prices: Mapping[str, Prices]
    people: int
    sites: float
    configured: Placement
    others: Sequence[Placement]
    widths: Mapping[str, int]

    @property
    def currency(self) -> str:
        """The currency of all prices."""
        return next(iter(self.prices.values())).currency

    @property
    def reason(self) -> str:
        """Which placement is the cheapest, and why."""
        return reason_of(self.others, self.currency)

    def to_json(self) -> str:
        """The plan as JSON, for `genocloud report --plan`."""
        basis = {"rates": asdict(self.rates), "prices": {site: asdict(each) for site, each in self.prices.items()}}
        counts: dict[str, Any] = {"people": self.people, "sites": round(self.sites), "currency": self.currency}
        ways = {"asked": self.configured.as_json(), "placements": [each.as_json() for each in self.others]}
        suggested = {"suggested": self.reason, "widths": dict(self.widths)}
        return json.dumps(counts | ways | suggested | basis, indent=1) + "\n"


def check_prices(config: Config) -> dict[str, Prices]:
    """The price table of each location, by default the config's. Raises BadPrices."""
    urls = {
        each.name: find_prices(each.prices or config.settings["prices"] or "onprem.yaml", config.url)
        for each in config.sites
    }
    tables = {site: read_prices(url) for site, url in urls.items()}
    first, *others = tables
    for site in others:
        if tables[site].currency != tables[first].currency:
            problem = f"{tables[site].currency}, but that of site {first} has {tables[first].currency}"
            raise BadPrices(urls[site], "currency", problem, "convert the prices of one of them")
    return tables


def hourly(config: Config, width: int) -> tuple[dict[str, float], str]:
    """The hourly price of each location's cores, and the currency: for scatter.budget. Raises BadPrices."""
    prices, sites = check_prices(config), config.sites
    cores = {each.name: _cores(each.workers, width, each.name != HERE) for each in sites}
    rates = {site: prices[site].per_hour(count, count * CORE_BYTES) for site, count in cores.items()}
    return rates, next(iter(prices.values())).currency


def plan(config_url: str, rates: Rates, width: int, joint: bool = False) -> Plan:
    """Plan a config's run, with `width` cores at locations that do not state theirs.

    With `joint`, plan `genocloud joint`. Raises BadConfig, BadPrices, or InputError.
    """
    config = read_config(config_url)
    return plan_of(config, rates, width, joint)


def plan_of(config: Config, rates: Rates, width: int, joint: bool = False) -> Plan:
    """As `plan`, of a config that has been read."""
    prices = check_prices(config)
    facts = _Facts(config, read_sheet(config.samples), read_reference(config.reference))
    places = [
        Place(
            each.name,
            facts.portion(each),
            prices[each.name],
            _cores(each.workers, width, each.name != HERE),
            each.policy,
        )
        for each in config.sites
    ]
    held = [each for each in places if each.portion.people]
    starts = ONE_COMMAND if joint else facts.starts(max(place.width for place in places))
    shape = Shape(facts.sampled.sites_of, facts.sampled.windows, int(config.settings["batch_size"]), starts)
    planner = Planner(rates, shape, partial(needs, rates, shape), JOINT if joint else BY_STEPS)
    coordinator = config.coordinator if config.coordinator in [each.name for each in held] else held[0].name
    configured = planner.place(held, coordinator)
    cores = sum(each.width for each in held)
    people = sum(each.portion.people for each in held)
    widths = balanced_widths(configured, cores)
    return Plan(rates, prices, people, shape.sites_of(people), configured, planner.placements(held), widths)


def needs(rates: Rates, shape: Shape, portion: Portion, sites: float, width: int) -> Needs:
    """Bytes that a task of each step needs, and the pieces that a window is split into, by memory_model's estimates.

    Where windows are few, a task takes all cores of a process.
    """
    threads = width if shape.windows < 4 * width and width <= MOST_THREADS else 1
    batch = min(shape.batch_size, portion.people)
    share = batch / max(1, portion.people) / shape.windows
    rows = {"variants": portion.observations * share}
    rows["blocks"] = max(0.0, portion.records * share - rows["variants"])
    sizes = rates.costs["bytes row"]
    group = int(max(min(rows[kind], GROUP_ROWS[kind]) * sizes[kind] for kind in rows))
    variants = int(rows["variants"])
    stored = Stored(batch, variants, int(rows["blocks"]), int(variants * sizes["variants"]), group)
    observed = int(portion.observations / shape.windows)
    counts = SiteCounts(int(sites / shape.windows), observed, observed)
    calling = split_need([stored] * math.ceil(portion.people / max(1, batch)), counts, threads)
    pieces = 2 ** max(0, math.ceil(math.log2(max(sum(calling.values()), 1) / SHARD_BYTES)))
    piece = {part: need / pieces for part, need in calling.items()}
    discovering = threads * group * GROUP_COPIES + variants * OBSERVATION_BYTES
    return {
        "ingest": ({"batch": sum(rows.values()) * INGEST_ROW_BYTES, "merged": 0.0}, 1),
        "discover": ({"batch": float(discovering), "merged": 0.0}, 1),
        "estimate": (piece, pieces),
        "genotype": (piece, pieces),
    }


def split_need(stored: Sequence[Stored], counts: SiteCounts, threads: int) -> dict[str, float]:
    """Bytes that calling a shard takes: for the concurrent batches, and for the merged counts."""
    merged = need_of(stored, counts, counts, 0)
    return {"batch": need_of(stored, counts, counts, min(threads, len(stored))) - merged, "merged": merged}


INGEST_ROW_BYTES = 250
"""A row of a batch's window while it is ingested: with its text, its columns, and these packed (benchmarks A and B)."""

JOB_CORES = 4
"""Of a job of ingest, discover or genotype (`threads` in workflow/rules)."""

MOST_THREADS = 64
"""A pool of more cores is several processes."""


@dataclass(frozen=True)
class _Facts:
    """The facts of a config's files that a plan depends on."""

    config: Config
    sheet: Sequence[Sample]
    reference: Reference

    def portion(self, location: Location) -> Portion:
        """The workload of the people whose gVCFs a location holds."""
        return portion_of(_cohort(self.config, location), self._people(location), lambda: self.sampled, self._genome_bp)

    @cached_property
    def sampled(self) -> Sampled:
        """Statistics of a sample of the gVCFs."""
        people = [person for person in self.sheet if person.gvcf] or list(self.sheet)
        part_bp, window_bp = (int(self.config.settings[name]) for name in ("part_bp", "window_bp"))
        return sample_gvcfs(self.config.samples, people, Layout(self.reference.contigs, part_bp, window_bp))

    def starts(self, width: int) -> Starts:
        """The processes and jobs that the workflow starts, on so many cores.

        One job per sample with reads, then inputs, ingest, discover and genotype of each part, the commit of the
        callset, export and report; jobs of different parts run side by side, each with a Dask cluster, as ingest has. A
        small cohort has one job each for discover and genotype (which commits), and no cluster; a hybrid run has one
        job from ingest to the commit.
        """
        calls = sum(bool(person.reads) for person in self.sheet)
        if not self._alone:
            called = math.ceil(calls / width)
            return Starts(1, calls + 3, calls + 3, len(self.config.sites), called + 3)
        if are_small(self.sheet, int(self.config.settings["small_cohort_bytes"])):
            return Starts(1, calls + 6, calls + 6, 0, math.ceil(calls / width) + 6)
        parts = len(regions.parts(self.reference.contigs, int(self.config.settings["part_bp"])))
        at_once = max(1, width // JOB_CORES)
        jobs, rounds = calls + 5 + 2 * parts, math.ceil(calls / width) + 5 + 2 * math.ceil(parts / at_once)
        return Starts(1, jobs, jobs, 1 + 2 * parts, rounds)

    def _people(self, location: Location) -> list[Sample]:
        return [each for each in self.sheet if (each.site or self.config.coordinator) == location.name or self._alone]

    @property
    def _alone(self) -> bool:
        return len(self.config.sites) == 1

    @property
    def _genome_bp(self) -> int:
        return sum(contig.length for contig in self.reference.contigs)


def _cohort(config: Config, location: Location) -> str:
    return str(config.settings["cohort"]) if len(config.sites) == 1 else location.cohort


def _cores(workers: str, width: int, named: bool) -> int:
    """The cores of a location's workers; `width` where they do not state them, or the config names no location."""
    return (named and cores_of(workers)) or width


GENOMES = (1_000, 10_000, 100_000)
CLUSTER_CORES = 1_000

WHOLE_GENOME = Portion(1, 0, 340e6, 20e6, 4.8e6, GENOME_BP)
"""A 30x genome: a gVCF of 17 bytes a record with GQ bands 20, 30, 40 (benchmark A: 16.8), and 4.1 to 5.0 million sites
that differ from the reference. Source of these: 1000 Genomes Project, Nature 526, 68 (2015)."""


def genome_sites(people: int) -> float:
    """The number of variant sites of so many whole genomes.

    A power through what was published: 125 million variants of 3,202 people (1000 Genomes at 30x: Byrska-Bishop et al.,
    Cell 185, 3426 (2022)) and 644 million of 150,119 (UK Biobank: Halldorsson et al., Nature 607, 732 (2022)).
    """
    power = math.log(644e6 / 125e6) / math.log(150_119 / 3_202)
    return float(125e6 * (people / 3_202) ** power)


def table(rates: Rates) -> str:
    """A table of costs of 1,000, 10,000 and 100,000 whole genomes on a cluster, in a cloud, and split between both."""
    cluster, cloud = read_prices(str(TABLES / "onprem.yaml")), read_prices(str(TABLES / "google.yaml"))
    shape = Shape(genome_sites, math.ceil(GENOME_BP / 1_000_000), 200)
    planner = Planner(rates, shape, partial(needs, rates, shape))
    rows = [
        "| genomes | where | core-hours | wall time | memory of a task | stored | across | money |",
        "| --- " * 8 + "|",
    ]
    for people in GENOMES:
        half = _genomes(people // 2)
        ways = {
            f"a cluster of {CLUSTER_CORES:,} cores": [Place("cluster", _genomes(people), cluster, CLUSTER_CORES)],
            f"one cloud, {CLUSTER_CORES:,} cores": [Place("cloud", _genomes(people), cloud, CLUSTER_CORES)],
            f"half in each, {CLUSTER_CORES // 2:,} cores each": [
                Place("cluster", half, cluster, CLUSTER_CORES // 2, STAYS),
                Place("cloud", half, cloud, CLUSTER_CORES // 2, STAYS),
            ],
        }
        rows += [
            _row(people, where, planner.place(places, places[0].name), cluster.currency)
            for where, places in ways.items()
        ]
    note = (
        f"Rates of {rates.measured} ({rates.machine}), starts of jobs not counted; prices of {cluster.dated} "
        f"(onprem.yaml) and {cloud.dated} (google.yaml), "
        "a month of storage with them; cohort, callset, kept summaries and VCF are stored, gVCFs are not counted."
    )
    return "\n".join([*rows, "", note, ""])


def _genomes(people: int) -> Portion:
    one = asdict(WHOLE_GENOME)
    return Portion(**{name: value if name == "bases" else value * people for name, value in one.items()})


def _row(people: int, where: str, way: Placement, currency: str) -> str:
    cells = [
        f"{people:,}",
        where,
        f"{way.core_seconds / 3600:,.0f}",
        f"{way.wall_seconds / 3600:,.1f} h",
        f"{max(line.memory_bytes for line in way.lines) / 1e9:,.1f} GB",
        f"{way.stored_bytes / 1e12:,.2f} TB",
        f"{way.crossing_bytes / 1e9:,.1f} GB",
        f"{way.money:,.0f} {currency}",
    ]
    return f"| {' | '.join(cells)} |"

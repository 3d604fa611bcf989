"""Estimate a run's tasks, core-seconds, wall time, memory, bytes and money, by location and step."""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import reduce
from typing import Any

from genocloud.costs.prices import Prices
from genocloud.costs.rates import Amounts, Rates
from genocloud.federation.site_policy import MAY_LEAVE, STAYS

STEPS = ("call", "ingest", "screen", "discover", "estimate", "genotype", "filter", "qc", "export")
"""In flow order; discover observes and unifies, estimate summarises, estimates and settles, genotype calls."""

START = "start"
"""The line of a plan for what a run's jobs, commands and Dask clusters take to start, whatever there is to do."""


@dataclass(frozen=True)
class Way:
    """How steps are done: their names among the rates, what each leaves in a store, whether one command does all."""

    measured: Mapping[str, str]
    stored: Mapping[str, str]
    fused: bool = False

    def with_checks(self, checks: Mapping[str, str]) -> "Way":
        """With screen, filter or qc besides, by the names of their rates."""
        return replace(self, measured={**self.measured, **checks})


BY_STEPS = Way(
    {"ingest": "ingest", "discover": "discover", "estimate": "estimate kept", "genotype": "call", "export": "export"},
    {"ingest": "cohort", "estimate": "derived", "genotype": "callset", "export": "VCF"},
)
"""Each step a command, with a Parquet callset that may grow."""

JOINT = Way(
    {"ingest": "ingest", "discover": "discover", "estimate": "estimate", "genotype": "render"},
    {"ingest": "cohort", "genotype": "VCF"},
    fused=True,
)
"""`genocloud joint`: one command, no callset."""

EFFICIENCY = 0.8
"""Of rented cores that are at work while there is enough to do (benchmark B, two cores: 0.75 to 0.87)."""

CALLED_BASES = 163_000
"""Bases of a 30x genome that the embedded caller does in a core-second (ARCHITECTURE.md, "What it costs")."""

ALLELES_BYTES, SHARES_BYTES, CARRIER_BYTES = 2.7, 42.0, 1.6
"""What a site of the cohort puts on the way to the coordinator whatever the policy: its alleles, its annotations'
shares, and of these what each observation adds. Measured, as the others, on benchmark A (120 people and 80) and B (600
and 400), policy `stays`; the run's receipt tells what it really was."""

ROUNDS_BYTES, SUMMARY_BYTES = 20.0, 80.0
"""The same for the rounds of the EM (policy `stays`), and for likelihoods with their multiplicities (the others)."""

HANDED_OUT = {"discover": 2.2, "estimate": 12.0, "genotype": 55.0}
"""What goes back to each site for a site of the cohort: united alleles, questions of the rounds, the finished site."""

CALL_BYTES = 0.25e9
"""Memory of a task that calls reads (ARCHITECTURE.md, "What it costs")."""

WRITE_BYTES, READ_BYTES = 8e6, 0.5e6
"""Bytes of a request, on average: parts are uploaded in large pieces, and read in blocks."""


@dataclass(frozen=True, kw_only=True)
class Portion:
    """What the people at one site bring: how many, of whom so many come as reads; files, records, observations.

    `observations` are (sample, allele) at variant sites; `bases` of the genome, for each who is called from reads.
    """

    people: int
    reads: int
    gvcf_bytes: float
    records: float
    observations: float
    bases: float

    def __add__(self, other: "Portion") -> "Portion":
        """Both together."""
        pairs = zip(asdict(self).items(), asdict(other).values(), strict=True)
        sums: dict[str, Any] = {name: mine + theirs for (name, mine), theirs in pairs}
        return replace(self, **sums | {"bases": max(self.bases, other.bases)})


@dataclass(frozen=True, kw_only=True)
class Starts:
    """Processes started beyond the work itself: Snakemake's runs and jobs, genocloud's commands, Dask clusters.

    `rounds`: how many of the jobs start one after another, as the others start beside them.
    """

    runs: int
    jobs: int
    commands: int
    clusters: int
    rounds: int

    @property
    def amounts(self) -> Amounts:
        """As rates count them."""
        return {"run": self.runs, "job": self.jobs, "command": self.commands, "cluster": self.clusters}

    @property
    def in_turn(self) -> float:
        """The share of the jobs, and of what these start, that nothing else runs beside."""
        return self.rounds / self.jobs if self.jobs else 1.0


ONE_COMMAND = Starts(runs=0, jobs=0, commands=1, clusters=0, rounds=1)
"""`genocloud joint`."""


@dataclass(frozen=True, kw_only=True)
class Shape:
    """What the cohort looks like as a whole, and how it is cut.

    `sites_of(people)` tells how many sites so many people have; `shards` of the genome; people in a batch; what a run
    starts.
    """

    sites_of: Callable[[int], float]
    shards: int
    batch_size: int
    starts: Starts = ONE_COMMAND


Needs = Mapping[str, tuple[Amounts, int]]
"""Bytes that a task of each step needs, `batch` and `merged`, and into how many pieces a window is cut."""

Needing = Callable[[Portion, float, int], Needs]
"""The needs of so many people's steps, by the sites of the whole cohort, on so many cores."""


@dataclass(frozen=True, kw_only=True)
class Place:
    """A site of a plan: what it holds, what it costs, cores that are rented there, what may leave it."""

    name: str
    portion: Portion
    prices: Prices
    width: int
    policy: str = STAYS


@dataclass(frozen=True, kw_only=True)
class Line:
    """What a step takes at a site. `memory_bytes` is of its largest process; `crossing_bytes` leave the site."""

    site: str
    step: str
    tasks: int
    core_seconds: float
    wall_seconds: float
    memory_bytes: float
    stored_bytes: float
    crossing_bytes: float
    money: float


@dataclass(frozen=True, kw_only=True)
class Placement:
    """One way to run it: who coordinates, whose data are moved there first, and what that takes."""

    coordinator: str
    moved: tuple[str, ...]
    widths: Mapping[str, int]
    lines: tuple[Line, ...]

    @property
    def money(self) -> float:
        """All of it: work, traffic, and a month of what is stored."""
        return sum(line.money for line in self.lines)

    @property
    def wall_seconds(self) -> float:
        """From start to end: of each step the slowest site."""
        steps = dict.fromkeys(line.step for line in self.lines)
        return sum(max(line.wall_seconds for line in self.lines if line.step == step) for step in steps)

    @property
    def core_seconds(self) -> float:
        """Of all sites."""
        return sum(line.core_seconds for line in self.lines)

    @property
    def stored_bytes(self) -> float:
        """Of all sites."""
        return sum(line.stored_bytes for line in self.lines)

    @property
    def crossing_bytes(self) -> float:
        """From site to site."""
        return sum(line.crossing_bytes for line in self.lines)

    def as_json(self) -> dict[str, Any]:
        """Plain values."""
        totals = {name: getattr(self, name) for name in _TOTALS}
        named = {"coordinator": self.coordinator, "moved": list(self.moved), "widths": dict(self.widths)}
        return named | totals | {"lines": [asdict(line) for line in self.lines]}


_COORDINATED = ("filter", "qc")
"""Steps of the coordinator's callset: of everybody's genotypes, or, where these stay at their sites, of its own."""

_UNITED = ("export", *_COORDINATED)

_TOTALS = ("core_seconds", "wall_seconds", "stored_bytes", "crossing_bytes", "money")


@dataclass(frozen=True, kw_only=True)
class Planner:
    """How amounts become lines: the rates, the cohort's shape, and what tasks need in memory."""

    rates: Rates
    shape: Shape
    needing: Needing
    way: Way = BY_STEPS

    def place(self, places: Sequence[Place], coordinator: str, moved: Sequence[str] = ()) -> Placement:
        """What a run takes that is coordinated by one site, to which the data of some others are moved first."""
        held = [_after_move(each, places, coordinator, moved) for each in places if each.name not in moved]
        everybody = reduce(Portion.__add__, (each.portion for each in held))
        merged = all(each.policy == MAY_LEAVE for each in held if each.name != coordinator)
        flow = _Flow(
            coordinator=coordinator,
            others=len(held) - 1,
            merged=merged,
            everybody=everybody,
            sites=self.shape.sites_of(everybody.people),
        )
        lines = [*_moving(places, moved), *(line for each in held for line in self._at(each, flow))]
        lines.append(self._starting(next(each for each in held if each.name == coordinator)))
        return Placement(
            coordinator=coordinator,
            moved=tuple(moved),
            widths={each.name: each.width for each in held},
            lines=tuple(lines),
        )

    def placements(self, places: Sequence[Place]) -> list[Placement]:
        """All ways that the policies allow, cheapest first: data move only from sites that they may leave."""
        all_placements = []
        for coordinator in (each.name for each in places):
            free = [each.name for each in places if each.name != coordinator and each.policy == MAY_LEAVE]
            all_placements += [self.place(places, coordinator, moved) for moved in ([], *_some(free))]
        return sorted(all_placements, key=lambda each: (each.money, each.wall_seconds))

    def _at(self, place: Place, flow: "_Flow") -> Iterator[Line]:
        """The lines of one site."""
        needs = self.needing(place.portion, flow.sites, place.width)
        amounts, all_amounts = (
            amounts_of(portion, flow.sites, self._batches(portion), self._tasks("genotype", portion, needs))
            for portion in (place.portion, flow.everybody)
        )
        stored = {step: self.rates.of(f"bytes {what}", amounts) for step, what in self.way.stored.items()}
        if flow.merged and flow.others:
            exports = place.name == flow.coordinator
            stored["export"] = self.rates.of("bytes VCF", all_amounts) if exports else 0.0
            all_amounts = all_amounts if exports else dict.fromkeys(all_amounts, 0.0)
        for step in STEPS:
            step_amounts = all_amounts if step in _UNITED and flow.others and flow.merged else amounts
            if step in _COORDINATED and place.name != flow.coordinator:
                continue
            seconds, memory = self._work(step, place.portion, step_amounts, needs)
            crossing = self._crossing(step, place, flow, stored.get("genotype", 0.0))
            if seconds or crossing:
                tasks, kept = self._tasks(step, place.portion, needs), stored.get(step, 0.0)
                money = _money(
                    place.prices,
                    seconds,
                    memory=memory,
                    kept=kept,
                    read=_read(step, stored, amounts),
                    crossing=crossing,
                )
                wall = _wall_seconds(seconds, min(place.width, tasks * (place.width if self.way.fused else 1)))
                yield Line(
                    site=place.name,
                    step=step,
                    tasks=tasks,
                    core_seconds=seconds,
                    wall_seconds=wall,
                    memory_bytes=memory,
                    stored_bytes=kept,
                    crossing_bytes=crossing,
                    money=money,
                )

    def _work(self, step: str, portion: Portion, amounts: Amounts, needs: Needs) -> tuple[float, float]:
        """Core-seconds of a step, and the memory of its largest process."""
        if step == "call":
            return portion.reads * portion.bases / CALLED_BASES, CALL_BYTES
        name = self.way.measured.get(step)
        seconds = self.rates.of(f"seconds {name}", amounts) if name else 0.0
        if not seconds:
            return 0.0, 0.0
        memory = self.rates.of(f"memory {name}", {"one": 1.0, **(needs[step][0] if step in needs else {})})
        return seconds, memory

    def _starting(self, place: Place) -> Line:
        """What the starts of a run take, at the site that coordinates it."""
        starts = self.shape.starts
        seconds = self.rates.of("seconds start", starts.amounts)
        run = self.rates.of("seconds start", Starts(runs=starts.runs, jobs=0, commands=0, clusters=0, rounds=0).amounts)
        wall = run + (seconds - run) * starts.in_turn
        money = _money(place.prices, seconds)
        return Line(
            site=place.name,
            step=START,
            tasks=max(1, starts.jobs),
            core_seconds=seconds,
            wall_seconds=wall,
            memory_bytes=0.0,
            stored_bytes=0.0,
            crossing_bytes=0.0,
            money=money,
        )

    def _tasks(self, step: str, portion: Portion, needs: Needs) -> int:
        batches = self._batches(portion)
        pieces = needs[step][1] if step in needs else 1
        cut = {"call": portion.reads, "ingest": batches, **dict.fromkeys(_UNITED, self.shape.shards)}
        return cut.get(step, self.shape.shards * batches * pieces)

    def _batches(self, portion: Portion) -> int:
        return math.ceil(portion.people / self.shape.batch_size)

    def _crossing(self, step: str, place: Place, flow: "_Flow", columns: float) -> float:
        """Bytes that leave the site for another one in a step."""
        if not flow.others:
            return 0.0
        own = self.shape.sites_of(place.portion.people)
        if place.name == flow.coordinator:
            return flow.others * flow.sites * HANDED_OUT.get(step, 0.0)
        likelihoods = flow.sites * ROUNDS_BYTES if place.policy == STAYS else own * SUMMARY_BYTES
        handed_in = {
            "discover": own * ALLELES_BYTES,
            "estimate": likelihoods,
            "genotype": flow.sites * SHARES_BYTES + place.portion.observations * CARRIER_BYTES,
            "export": columns if flow.merged else 0.0,
        }
        return handed_in.get(step, 0.0)


@dataclass(frozen=True, kw_only=True)
class _Flow:
    """How a run goes: the number of sites other than the coordinator's, and whether that one writes all columns."""

    coordinator: str
    others: int
    merged: bool
    everybody: Portion
    sites: float


def _moving(places: Sequence[Place], moved: Sequence[str]) -> Iterator[Line]:
    """The gVCFs of those who move leave their sites."""
    for each in places:
        if each.name in moved:
            size = each.portion.gvcf_bytes
            money = size / 1e9 * each.prices.egress_gb
            yield Line(
                site=each.name,
                step="move",
                tasks=each.portion.people,
                core_seconds=0.0,
                wall_seconds=0.0,
                memory_bytes=0.0,
                stored_bytes=0.0,
                crossing_bytes=size,
                money=money,
            )


def _wall_seconds(seconds: float, at_once: int) -> float:
    return seconds / (at_once * EFFICIENCY) if at_once > 1 else seconds


def _money(
    prices: Prices, seconds: float, *, memory: float = 0.0, kept: float = 0.0, read: float = 0.0, crossing: float = 0.0
) -> float:
    """Rented cores with a task's memory each, a month of what is kept, requests, and what leaves the site."""
    worked = prices.per_hour(1, memory) * seconds / EFFICIENCY / 3600
    requests = prices.requests(kept / WRITE_BYTES, read / READ_BYTES) if seconds else 0.0
    return worked + kept / 1e9 * prices.storage_gb_month + requests + crossing / 1e9 * prices.egress_gb


def blocks_at_sites(blocks: float, cells: float) -> float:
    """How many reference blocks reach a site of the cohort, where every sample has a cell at every site.

    Exact for lengths and distances that are exponential; 1.7 to 1.8 times those of invented people (200, 1,000 and
    10,000 of tests/benchmarks/scale_cohort.py), as many blocks of real gVCFs have one base.
    """
    return blocks * cells / (blocks + cells) if cells else 0.0


def amounts_of(portion: Portion, sites: float, batches: int, segments: int) -> dict[str, float]:
    """What costs, at a site: as rates count it."""
    cells = sites * portion.people
    return {
        "one": 1.0,
        "file": portion.people,
        "record": portion.records,
        "observation": portion.observations,
        "block": blocks_at_sites(max(0.0, portion.records - portion.observations), cells),
        "cell": cells,
        "segment": segments,
        "segment_site": sites * batches,
        "site": sites,
        "pair": portion.people * (portion.people - 1) / 2,
        "gvcf_byte": portion.gvcf_bytes,
    }


def _read(step: str, stored: Mapping[str, float], amounts: Mapping[str, float]) -> float:
    """Bytes that a step reads."""
    cohort = stored["ingest"]
    return {"ingest": amounts["gvcf_byte"], **dict.fromkeys(_UNITED, stored["genotype"])}.get(step, cohort)


def _after_move(place: Place, places: Sequence[Place], coordinator: str, moved: Sequence[str]) -> Place:
    """A site with what it has once others' data have been moved to the coordinator."""
    if place.name != coordinator:
        return place
    portion = place.portion
    for other in places:
        if other.name in moved:
            portion = portion + other.portion
    return replace(place, portion=portion)


def _some(names: Sequence[str]) -> Iterator[list[str]]:
    """Each name alone, and all of them."""
    yield from ([name] for name in names)
    if len(names) > 1:
        yield list(names)


def balanced_widths(placement: Placement, cores: int) -> dict[str, int]:
    """So many cores shared out between the sites by their work, so that none waits for another."""
    work: dict[str, float] = {}
    for line in placement.lines:
        work[line.site] = work.get(line.site, 0.0) + line.core_seconds
    total = sum(work.values()) or 1.0
    return {site: max(1, round(cores * each / total)) for site, each in work.items() if each}


def reason_of(placements: Sequence[Placement], currency: str) -> str:
    """Why the first of some placements, the cheapest, is suggested."""
    best, *others = [f"{_placement_text(each)}: {_cost(each, currency)}" for each in placements]
    return f"{best}; next: {others[0]}" if others else f"{best}; there is no other way"


def _placement_text(placement: Placement) -> str:
    moved = f", the data of {', '.join(placement.moved)} move there" if placement.moved else ""
    written = [line.site for line in placement.lines if line.step == "export" and line.core_seconds]
    where = ", each site exports its own VCF" if len(written) > 1 else ""
    return f"{placement.coordinator} coordinates{moved}{where}"


def _cost(placement: Placement, currency: str) -> str:
    return f"{placement.money:,.4g} {currency} with {placement.crossing_bytes / 1e9:,.3f} GB across"

"""A table of the costs of 1,000, 10,000 and 100,000 whole genomes."""

import math
from collections.abc import Collection
from dataclasses import asdict, replace
from functools import partial

from genocloud.costs.model import BY_STEPS, Place, Placement, Planner, Portion, Shape
from genocloud.costs.prices import read_prices
from genocloud.costs.rates import Rates
from genocloud.federation.site_policy import STAYS
from genocloud.pipeline.planning.task_memory import needs
from genocloud.shipped_files import PRICES

GENOME_BP = 3.1e9

BATCH_SIZES = {1_000: 200, 10_000: 400, 100_000: 1_000}
"""Genomes, and how many are ingested together (--batch-size): more share what a batch costs at a site, fewer are
ingested side by side."""

CLUSTER_CORES = 1_000

APART = {"its checks: screen, filter (gvs), qc": ("screen", "filter", "qc"), "its dense VCF": ("export",)}
"""Steps that a run may leave out, in rows of their own."""

WHOLE_GENOME = Portion(people=1, reads=0, gvcf_bytes=340e6, records=20e6, observations=4.8e6, bases=GENOME_BP)
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
    cluster, cloud = read_prices(str(PRICES / "onprem.yaml")), read_prices(str(PRICES / "google.yaml"))
    rows = [
        "| genomes | where | core-hours | wall time | memory of a task | stored | across | money |",
        "| --- " * 8 + "|",
    ]
    for people, batch_size in BATCH_SIZES.items():
        planner = _planner(rates, batch_size)
        half = _genomes(people // 2)
        ways = {
            f"a cluster of {CLUSTER_CORES:,} cores": [
                Place(name="cluster", portion=_genomes(people), prices=cluster, width=CLUSTER_CORES)
            ],
            f"one cloud, {CLUSTER_CORES:,} cores": [
                Place(name="cloud", portion=_genomes(people), prices=cloud, width=CLUSTER_CORES)
            ],
            f"half in each, {CLUSTER_CORES // 2:,} cores each": [
                Place(name="cluster", portion=half, prices=cluster, width=CLUSTER_CORES // 2, policy=STAYS),
                Place(name="cloud", portion=half, prices=cloud, width=CLUSTER_CORES // 2, policy=STAYS),
            ],
        }
        placements = {where: planner.place(places, places[0].name) for where, places in ways.items()}
        apart = [step for steps in APART.values() for step in steps]
        rows += [_row(people, where, _without(each, apart), cluster.currency) for where, each in placements.items()]
        where, first = next(iter(placements.items()))
        for what, steps in APART.items():
            rest = [line.step for line in first.lines if line.step not in steps]
            rows.append(_row(people, f"{what}, on {where}", _without(first, rest), cluster.currency))
    note = (
        f"Rates of {rates.measured} ({rates.machine}), starts of jobs not counted; prices of {cluster.dated} "
        f"(onprem.yaml) and {cloud.dated} (google.yaml), a month of storage with them; batches of 200 people, of 400 "
        "among 10,000, of 1,000 among 100,000; cohort, callset and kept summaries are stored, gVCFs are not counted. "
        "What screen, filter and qc take in addition is in rows of its own, as is one VCF with all fields of every "
        "genotype."
    )
    return "\n".join([*rows, "", note, ""])


def _planner(rates: Rates, batch_size: int) -> Planner:
    shape = Shape(sites_of=genome_sites, shards=math.ceil(GENOME_BP / 1_000_000), batch_size=batch_size)
    way = BY_STEPS.with_checks({"screen": "screen", "filter": "filter genotypes", "qc": "qc"})
    return Planner(rates=rates, shape=shape, needing=partial(needs, rates, shape), way=way)


def _genomes(people: int) -> Portion:
    one = asdict(WHOLE_GENOME)
    return Portion(**{name: value if name == "bases" else value * people for name, value in one.items()})


def _without(placement: Placement, steps: Collection[str]) -> Placement:
    """The lines of all steps but some."""
    return replace(placement, lines=tuple(line for line in placement.lines if line.step not in steps))


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

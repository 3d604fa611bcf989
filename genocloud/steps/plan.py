"""plan: predict a run's tasks, core-hours, wall time, memory, bytes and money, by location and step."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any

from genocloud.costs.model import (
    BY_STEPS,
    JOINT,
    ONE_COMMAND,
    Place,
    Placement,
    Planner,
    Shape,
    balanced_widths,
    reason_of,
)
from genocloud.costs.prices import Prices
from genocloud.costs.rates import Rates
from genocloud.federation.config import HERE, Config, read_config
from genocloud.pipeline.planning.config_facts import ConfigFacts
from genocloud.pipeline.planning.location_prices import check_prices, cores_at
from genocloud.pipeline.planning.task_memory import needs
from genocloud.pipeline.reference import read_reference
from genocloud.samples import read_sheet


@dataclass(frozen=True, kw_only=True)
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
        ways = {"configured": self.configured.as_json(), "placements": [each.as_json() for each in self.others]}
        suggested = {"suggested": self.reason, "widths": dict(self.widths)}
        return json.dumps(counts | ways | suggested | basis, indent=1) + "\n"


def plan(config_url: str, *, rates: Rates, width: int, joint: bool = False) -> Plan:
    """Plan a config's run, with `width` cores at locations that do not state theirs.

    With `joint`, plan `genocloud joint`. Raises BadConfig, BadPrices, or InputError.
    """
    config = read_config(config_url)
    return plan_of(config, rates=rates, width=width, joint=joint)


def plan_of(config: Config, *, rates: Rates, width: int, joint: bool = False) -> Plan:
    """As `plan`, of a config that has been read."""
    prices = check_prices(config)
    facts = ConfigFacts(config, read_sheet(config.samples), read_reference(config.reference))
    places = [
        Place(
            name=each.name,
            portion=facts.portion(each),
            prices=prices[each.name],
            width=cores_at(each.workers, width, each.name != HERE),
            policy=each.policy,
        )
        for each in config.sites
    ]
    held = [each for each in places if each.portion.people]
    starts = ONE_COMMAND if joint else facts.starts(max(place.width for place in places))
    shape = Shape(
        sites_of=facts.sampled.sites_of,
        shards=facts.sampled.shards,
        batch_size=int(config.settings["batch_size"]),
        starts=starts,
    )
    way = JOINT if joint else BY_STEPS.with_checks(facts.checks)
    planner = Planner(rates=rates, shape=shape, needing=partial(needs, rates, shape), way=way)
    coordinator = config.coordinator if config.coordinator in [each.name for each in held] else held[0].name
    configured = planner.place(held, coordinator)
    cores = sum(each.width for each in held)
    people = sum(each.portion.people for each in held)
    widths = balanced_widths(configured, cores)
    return Plan(
        rates=rates,
        prices=prices,
        people=people,
        sites=shape.sites_of(people),
        configured=configured,
        others=planner.placements(held),
        widths=widths,
    )

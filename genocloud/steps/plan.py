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


def plan(config_url: str, rates: Rates, width: int, joint: bool = False) -> Plan:
    """Plan a config's run, with `width` cores at locations that do not state theirs.

    With `joint`, plan `genocloud joint`. Raises BadConfig, BadPrices, or InputError.
    """
    config = read_config(config_url)
    return plan_of(config, rates, width, joint)


def plan_of(config: Config, rates: Rates, width: int, joint: bool = False) -> Plan:
    """As `plan`, of a config that has been read."""
    prices = check_prices(config)
    facts = ConfigFacts(config, read_sheet(config.samples), read_reference(config.reference))
    places = [
        Place(
            each.name,
            facts.portion(each),
            prices[each.name],
            cores_at(each.workers, width, each.name != HERE),
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

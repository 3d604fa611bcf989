"""Rates: what a step takes for each file, record, observation and genotype, as measured on a machine."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import combinations

import numpy as np

Amounts = Mapping[str, float]
"""How much there is of each thing that costs: `one` (a run), `file`, `record`, `observation` (an allele that somebody
has at a site), `cell` (a site of a sample), `site`, `gvcf_byte`; `batch` and `merged`
(bytes that steps.needs tells, of batches at once and of what they add up to)."""


@dataclass(frozen=True)
class Rates:
    """What a unit of each thing adds to each quantity: costs[quantity][thing].

    Quantities are `seconds STEP` (core-seconds), `memory STEP` (bytes of its largest process) and `bytes WHAT`.
    `measured` is the day, `machine` what was measured, `cores` how many it has, `version` genocloud's.
    """

    measured: str
    machine: str
    cores: int
    version: str
    costs: dict[str, dict[str, float]]

    def of(self, quantity: str, amounts: Amounts) -> float:
        """How much of a quantity some amounts take."""
        return sum(cost * amounts[thing] for thing, cost in self.costs[quantity].items())

    def to_json(self) -> str:
        """The rates as text."""
        return json.dumps(asdict(self), indent=1) + "\n"

    @classmethod
    def from_json(cls, text: str | bytes) -> "Rates":
        """The reverse. Raises ValueError, KeyError or TypeError for what is none."""
        return cls(**json.loads(text))


def fit(amounts: Sequence[Amounts], found: Sequence[float], things: Sequence[str]) -> dict[str, float]:
    """What a unit of each thing costs, none less than nothing, so that what was found is met best, relatively.

    Things are few: all subsets of them are tried, each by least squares.
    """
    rows = np.array([[each[thing] for thing in things] for each in amounts], float)
    target = np.maximum(np.array(found, float), 1e-9)
    scaled = rows / target[:, None]
    best, least = dict.fromkeys(things, 0.0), float("inf")
    for size in range(1, len(things) + 1):
        for chosen in combinations(range(len(things)), size):
            part = scaled[:, chosen]
            costs = np.linalg.lstsq(part, np.ones(len(target)), rcond=None)[0]
            error = float(((part @ costs - 1) ** 2).sum())
            if (costs >= 0).all() and error < least - 1e-9:
                found_costs = dict(zip((things[place] for place in chosen), costs.tolist(), strict=True))
                best, least = dict.fromkeys(things, 0.0) | found_costs, error
    return best

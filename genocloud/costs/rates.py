"""Rates: core-seconds and bytes of a step per file, record, observation and genotype, measured on a machine."""

import json
import logging
import os
import platform
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from functools import cache
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path

from genocloud.yaml_text import load_yaml

log = logging.getLogger(__name__)

Amounts = Mapping[str, float]
"""How much there is of each thing that costs: `one` (a run), `file`, `record`, `observation` (an allele that somebody
has at a site), `block` (a reference block that reaches a site), `cell` (a site of a sample), `segment` (a batch's part
of a shard), `segment_site` (a site in one), `site`, `pair` (of samples), `gvcf_byte`;
`batch` and `merged` (bytes by pipeline.memory_model, of concurrent batches and of their sum); `run`, `job`, `command`
and `cluster` (starts of Snakemake, of one of its jobs, of genocloud in it, and of a Dask cluster on one machine)."""

DEFAULT = "shipped with genocloud"
HERE = "measured on this machine"


@dataclass(frozen=True, kw_only=True)
class Rates:
    """What a unit of each thing adds to each quantity: costs[quantity][thing].

    Quantities are `seconds STEP` (core-seconds), `memory STEP` (bytes of its largest process) and `bytes WHAT`.
    `measured` is the day, `machine` what was measured, `cores` how many it has, `version` genocloud's, `origin` whose
    they are: DEFAULT or HERE.
    """

    measured: str
    machine: str
    cores: int
    version: str
    costs: dict[str, dict[str, float]]
    origin: str = HERE

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

    def scaled(self, factors: Mapping[str, float]) -> "Rates":
        """The same with the core-seconds of some steps changed by factors."""
        seconds = {
            f"seconds {step}": {thing: cost * factor for thing, cost in self.costs[f"seconds {step}"].items()}
            for step, factor in factors.items()
        }
        return replace(self, costs=self.costs | seconds)


@cache
def default_rates() -> Rates:
    """The rates that come with genocloud; default_rates.yaml says how and when they were measured."""
    text = files("genocloud.costs").joinpath("default_rates.yaml").read_text("utf-8")
    return Rates(**load_yaml(text.encode()), origin=DEFAULT)


def rates_file(folder: Path) -> Path:
    """The file in which a folder keeps the rates of this machine, for as many cores as this process may use."""
    return folder / f"rates-{platform.node()}-{len(os.sched_getaffinity(0))}.json"


def keep_rates(rates: Rates, folder: Path) -> None:
    """Write the rates of this machine to a folder, which is made where it is missing."""
    file = rates_file(folder)
    file.parent.mkdir(parents=True, exist_ok=True)
    draft = file.with_suffix(f".{os.getpid()}")
    draft.write_text(rates.to_json())
    draft.replace(file)


def kept_rates(folder: Path) -> Rates:
    """The rates that a folder keeps for this machine and this genocloud; where it has none, those shipped with it."""
    file = rates_file(folder)
    try:
        kept = Rates.from_json(file.read_text())
    except FileNotFoundError:
        return default_rates()
    except (OSError, ValueError, KeyError, TypeError) as error:
        log.warning("%s holds no rates (%s); genocloud plan --calibrate measures them again", file, error)
        return default_rates()
    if kept.version != version("genocloud") or kept.costs.keys() != default_rates().costs.keys():
        log.warning("%s is of genocloud %s; genocloud plan --calibrate measures again", file, kept.version)
        return default_rates()
    return kept

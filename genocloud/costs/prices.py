"""Price tables of cores, memory, storage and traffic at a location; dated YAML files."""

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from genocloud import storage
from genocloud.errors import SettingError, UnreadableFile, did_you_mean
from genocloud.shipped_files import PRICES
from genocloud.yaml_schema import first_mistake, read_schema
from genocloud.yaml_text import load_yaml

CORE_BYTES = 4e9
"""Memory that comes with a rented core where nothing else is known: what clouds' usual machines have."""


class BadPrices(SettingError):
    """A price table that cannot be used; `place` is the key, `problem` what is wrong there."""

    def __init__(self, url: str, place: str, problem: str, remedy: str) -> None:
        self.url, self.place, self.problem, self.remedy = url, place, problem, remedy
        super().__init__(": ".join(filter(None, [f"price table {url}", place, f"{problem}; {remedy}"])))


@dataclass(frozen=True, kw_only=True)
class Prices:
    """What things cost at a site, in `currency`, as of `dated` (YYYY-MM-DD); a GB is 1e9 bytes."""

    currency: str
    dated: str
    source: str
    core_hour: float
    memory_gb_hour: float
    storage_gb_month: float
    egress_gb: float
    ingress_gb: float = 0.0
    write_requests_1000: float = 0.0
    read_requests_10000: float = 0.0

    def per_hour(self, cores: float, memory_bytes: float) -> float:
        """What so many cores with so much memory cost in an hour."""
        return cores * self.core_hour + memory_bytes / 1e9 * self.memory_gb_hour

    def requests(self, writes: float, reads: float) -> float:
        """What so many requests cost."""
        return writes / 1000 * self.write_requests_1000 + reads / 10_000 * self.read_requests_10000


def find_prices(name: str, config_url: str) -> str:
    """Where a table lies that a config names: a path is taken from the config's folder; bare names also from PRICES."""
    if "://" in name or name.startswith("/"):
        return name
    beside = storage.join(storage.split(config_url)[0], name)
    shipped = PRICES / name
    return beside if "://" in beside or Path(beside).exists() or not shipped.exists() else str(shipped)


def read_prices(url: str) -> Prices:
    """Read a price table. Raises BadPrices, which names file and key."""
    try:
        with storage.open_file(url) as file:
            values = load_yaml(file.read())
    except UnreadableFile as error:
        near = did_you_mean(storage.split(url)[1], [file.name for file in PRICES.glob("*.yaml")])
        raise BadPrices(url, "", error.problem, error.remedy + near) from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        problem = " ".join(str(error).split())
        raise BadPrices(url, "", f"not YAML ({problem})", "write it as `key: value` lines") from error
    if mistake := first_mistake(values, _schema()):
        raise BadPrices(url, mistake.place, mistake.problem, mistake.remedy)
    return Prices(**values)


@cache
def _schema() -> dict[str, Any]:
    return read_schema(Path(__file__).with_name("prices.schema.yaml"))

"""The config of a hybrid run: store, workers, policy and prices of each location, and which one coordinates."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import yaml

from genocloud import storage
from genocloud.errors import SettingError, did_you_mean
from genocloud.federation.site_policy import STAYS
from genocloud.shipped_files import SCHEMAS
from genocloud.yaml_schema import first_mistake, read_schema, with_defaults
from genocloud.yaml_text import load_yaml

HERE = "here"
"""Name of the only location of a config without sites."""


class BadConfig(SettingError):
    """An invalid config; `place` is the key, `problem` what is wrong there."""

    def __init__(self, url: str, place: str, problem: str, remedy: str) -> None:
        self.url, self.place, self.problem, self.remedy = url, place, problem, remedy
        super().__init__(": ".join(filter(None, [url, place, f"{problem}; {remedy}"])))


def cohort_in(store_url: str) -> str:
    """URL of the cohort in a location's store."""
    return storage.join(store_url, "cohort")


def callset_in(store_url: str) -> str:
    """URL of the callset in a location's store; the coordinator's has all samples."""
    return storage.join(store_url, "callset")


@dataclass(frozen=True, kw_only=True)
class Location:
    """A location: `store` and `reference` as its workers see them; `workers` as for --scatter."""

    name: str
    store: str
    workers: str
    policy: str
    prices: str | None
    reference: str

    @property
    def cohort(self) -> str:
        """URL of its cohort."""
        return cohort_in(self.store)

    @property
    def callset(self) -> str:
        """URL of the callset in a location's store; the coordinator's has all samples."""
        return callset_in(self.store)


@dataclass(frozen=True, kw_only=True)
class Config:
    """A config with all defaults: `sites` in its order, `settings` all other keys."""

    url: str
    samples: str
    reference: str
    coordinator: str
    sites: tuple[Location, ...]
    settings: Mapping[str, Any]


def read_config(url: str) -> Config:
    """Read a config (YAML). Raises BadConfig, which names the key, or UnreadableFile.

    A config without sites has one, HERE, in which everything is where the config says.
    """
    return config_of(_values(url), url)


def config_of(entries: Mapping[str, Any], url: str = "config") -> Config:
    """As `read_config`, from the values that stand in the file."""
    values = checked_values(url, entries)
    named = values["sites"]
    sites = tuple(_location(url, name, each, values) for name, each in named.items()) or (_here(values),)
    coordinator = values["coordinator"] or ("" if named else HERE)
    _check(url, sites, coordinator)
    settings = {key: value for key, value in values.items() if key not in ("sites", "coordinator")}
    return Config(
        url=url,
        samples=values["samples"],
        reference=values["reference"],
        coordinator=coordinator,
        sites=sites,
        settings=settings,
    )


def _values(url: str) -> Mapping[str, Any]:
    with storage.open_file(url) as file:
        data = file.read()
    try:
        values = load_yaml(data)
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        problem = " ".join(str(error).split())
        raise BadConfig(url, "", f"not YAML ({problem})", "write it as `key: value` lines") from error
    if not isinstance(values, dict):
        raise BadConfig(url, "", "holds no keys", "write it as `key: value` lines")
    return values


def checked_values(url: str, values: Mapping[str, Any]) -> dict[str, Any]:
    """The values with the schema's defaults. Raises BadConfig for what the schema does not allow."""
    schema = read_schema(SCHEMAS / "config.schema.yaml")
    if mistake := first_mistake(values, schema):
        raise BadConfig(url, mistake.place, mistake.problem, mistake.remedy)
    return with_defaults(values, schema)


def _location(url: str, name: str, values: Mapping[str, Any], config: Mapping[str, Any]) -> Location:
    store = values["store"].rstrip("/")
    if "://" not in store and not store.startswith("/"):
        problem = f"store {store!r} is no full path"
        raise BadConfig(url, f"sites.{name}", problem, "give one from / on, or a URL: its workers have other folders")
    reference = values.get("reference") or config["reference"]
    return Location(
        name=name,
        store=store,
        workers=values["workers"],
        policy=values["policy"],
        prices=values.get("prices"),
        reference=reference,
    )


def _here(values: Mapping[str, Any]) -> Location:
    return Location(
        name=HERE,
        store=storage.split(values["cohort"])[0],
        workers="threads:1",
        policy=STAYS,
        prices=None,
        reference=values["reference"],
    )


def _check(url: str, sites: tuple[Location, ...], coordinator: str) -> None:
    names = [site.name for site in sites]
    if coordinator not in names:
        problem = f"{coordinator!r} is no site" if coordinator else "no site is said to coordinate"
        near = did_you_mean(coordinator, names)
        raise BadConfig(url, "coordinator", problem, f"name one of {', '.join(names)}{near}")
    stores: dict[str, str] = {}
    for site in sites:
        if stores.setdefault(site.store, site.name) != site.name:
            problem = f"has the store of {stores[site.store]}, {site.store}"
            raise BadConfig(url, f"sites.{site.name}", problem, "give each site a store of its own")

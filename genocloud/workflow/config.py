"""The workflow's config: held to its schema, to what paths in rules may hold, and to readable price tables."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from genocloud import costs, storage
from genocloud.callset import CONTIG, FAMILY
from genocloud.errors import did_you_mean
from genocloud.federation import BadConfig, checked_values
from genocloud.formatting import alternatives
from genocloud.workflow.callers import BY_NAME, NONE

BAD_IN_PATHS = re.compile(r"[{}\x00-\x1f\x7f]")
"""Snakemake takes braces for wildcards; a sheet's row ends at a line end."""

OF_EXPORTS = re.compile(r"exports\[\d+\]\.path")
"""Paths that may stand for several files; no rule has them as they are."""

PATH_PROBLEM = "which neither Snakemake nor a sample sheet takes in a path"
PATH_REMEDY = "rename it, or put a link with another name in its place"


def checked_settings(config: Mapping[str, Any]) -> dict[str, Any]:
    """The config with the schema's defaults. Raises BadConfig or BadPrices."""
    settings = checked_values("config", config)
    for place, text in _texts(settings):
        own = text.replace(CONTIG, "").replace(FAMILY, "") if OF_EXPORTS.fullmatch(place) else text
        if bad := BAD_IN_PATHS.search(own):
            raise BadConfig("config", place, f"{text!r} holds {bad[0]!r}, {PATH_PROBLEM}", PATH_REMEDY)
    if (caller := settings["caller"]) not in (known := (*BY_NAME, NONE)):
        remedy = f"choose {alternatives(known)}{did_you_mean(caller, known)}"
        raise BadConfig("config", "caller", f"there is no caller {caller!r}", remedy)
    if settings["sites"] and settings["screen"]:
        remedy = "screen each site's cohort there (genocloud screen)"
        raise BadConfig("config", "screen", "samples at several sites are not screened together", remedy)
    if settings["sites"] and settings["qc"]:
        remedy = "check each site's samples there (genocloud qc), on its own callset"
        raise BadConfig("config", "qc", "samples at several sites are not compared with one another", remedy)
    for table in filter(None, [settings["prices"], *(site.get("prices") for site in settings["sites"].values())]):
        costs.read_prices(costs.find_prices(table, "config.yaml"))
    return settings


def check_urls(settings: Mapping[str, Any]) -> None:
    """Check, before any work, that each URL is of a kind that can be opened. Raises UnknownScheme or StoreError.

    Sites' workers have the addresses of a scheduler.
    """
    for place, text in _texts(settings):
        if "://" in text and not place.endswith(".workers"):
            storage.open_store(text)


def _texts(value: Any, place: str = "") -> Iterator[tuple[str, str]]:
    """(place, text) of every text among the values."""
    if isinstance(value, str):
        yield place, value
    elif isinstance(value, dict):
        for key, each in value.items():
            yield from _texts(each, f"{place}.{key}".lstrip("."))
    elif isinstance(value, list):
        for number, each in enumerate(value):
            yield from _texts(each, f"{place}[{number}]")

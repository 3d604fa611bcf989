"""The config's `filter`: options of genocloud filter, its files, and a check of its expressions before any job."""

from collections.abc import Iterator, Mapping
from shlex import quote
from typing import Any


def filter_options(settings: Mapping[str, Any], reference: str) -> str:
    """Options of `genocloud filter`, with the config's reference; empty where the config has no filters."""
    words = list(_words(settings))
    return " ".join(map(quote, [*words, "--reference", reference] if words else []))


def filter_files(settings: Mapping[str, Any]) -> list[str]:
    """The files that filters are made of: intervals and resources."""
    return [*settings["regions"].values(), *(each["vcf"] for each in settings["resources"])]


def check_filters(settings: Mapping[str, Any], reference: str) -> None:
    """Raise BadFilter, BadExpression or BadAnnotation for filters that cannot be used."""
    if not any(_words(settings)):
        return
    from genocloud.pipeline import FilterOptions

    _ = FilterOptions.of_config(settings, reference).needs_genotypes


def _words(settings: Mapping[str, Any]) -> Iterator[str]:
    for name in settings["presets"]:
        yield from ("--preset", name)
    for name, text in settings["expressions"].items():
        yield from ("--filter", f"{name}={text}")
    for name, file in settings["regions"].items():
        yield from ("--regions", f"{name}={file}")
    for each in settings["resources"]:
        labels = ",".join([each["name"], *(f"{label}=true" for label in each["labels"])])
        yield from ("--resource", labels, each["vcf"])
    if settings["trained_on"]:
        yield from ("--trained-on", settings["trained_on"])
    for name in settings["annotations"]:
        yield from ("--annotation", name)

"""YAML values held to a JSON schema: the first mistake with its place and remedy, and the schema's defaults."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jsonschema
import yaml

from genocloud.errors import mistyped


@dataclass(frozen=True)
class Mistake:
    """A value that a schema does not allow: `place` is its key (`sites.alpha.store`), empty for the whole."""

    place: str
    problem: str
    remedy: str


def read_schema(file: Path) -> dict[str, Any]:
    """The schema in a YAML file."""
    schema: dict[str, Any] = yaml.safe_load(file.read_text("utf-8"))
    return schema


def first_mistake(values: Any, schema: Mapping[str, Any], default_remedy: str = "") -> Mistake | None:
    """What is wrong with the values, None if nothing is.

    The remedy is the list of keys where a key is wrong, else the schema's description of the value.
    """
    error = jsonschema.exceptions.best_match(jsonschema.Draft202012Validator(schema).iter_errors(values))
    if error is None:
        return None
    place = re.sub(r"\['([^']+)'\]", r".\1", error.json_path).removeprefix("$").removeprefix(".")
    keys = error.schema.get("properties")
    description = error.schema.get("description", "").rstrip(".") or default_remedy
    remedy = f"the keys are {', '.join(keys)}" if keys else description
    return Mistake(place, error.message, remedy + mistyped(error.message, keys or ()))


def with_defaults(values: Mapping[str, Any], schema: Mapping[str, Any]) -> dict[str, Any]:
    """The values, and the schema's defaults for the keys that they lack, in objects inside them, too."""
    defaults = {key: each["default"] for key, each in schema["properties"].items() if "default" in each}
    whole = dict(values) | {key: default for key, default in defaults.items() if key not in values}
    objects = {key: each for key, each in schema["properties"].items() if "properties" in each and key in whole}
    return whole | {key: with_defaults(whole[key], each) for key, each in objects.items()}

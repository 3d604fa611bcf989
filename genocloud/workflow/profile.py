"""Check Snakemake's profiles before any job: Snakemake itself ignores rules and resources that it does not know."""

import os
import sys
from itertools import pairwise
from pathlib import Path
from typing import Any

import yaml

from genocloud.errors import did_you_mean
from genocloud.federation import BadConfig
from genocloud.scatter.executor_kinds import choice_pattern
from genocloud.shipped_files import SCHEMAS
from genocloud.yaml_schema import first_mistake, read_schema

PROFILE_SCHEMA = SCHEMAS / "profile.schema.yaml"

WORKFLOW_PROFILE = "--workflow-profile"
PROFILE_OPTIONS = ("--profile", WORKFLOW_PROFILE)


def check_profiles(snakefile: Path) -> None:
    """Hold this run's profiles to their schema. Raises BadConfig."""
    schema = profile_schema()
    for option, name in _profile_names():
        for file in _profile_files(option, name, snakefile.parent / "profiles"):
            values = yaml.safe_load(file.read_text()) or {}
            if mistake := first_mistake(values, schema, f"see {PROFILE_SCHEMA}"):
                raise BadConfig("profile", mistake.place, mistake.problem, mistake.remedy)


def profile_schema() -> dict[str, Any]:
    """The schema of profiles, with the executors that there are."""
    schema: dict[str, Any] = read_schema(PROFILE_SCHEMA)
    schema["$defs"]["resources"]["properties"]["scatter"]["pattern"] = f"^'{choice_pattern()}'$"
    return schema


def _profile_names() -> list[tuple[str, str]]:
    """(option, name) of each profile on the command line and in the environment; `none` means that there is none."""
    words = [part for word in sys.argv for part in word.split("=", 1)]
    pairs = pairwise(words)
    names = [(option, name) for option, name in pairs if option in PROFILE_OPTIONS and name != "none"]
    return [*names, *(("--profile", name) for name in filter(None, [os.environ.get("SNAKEMAKE_PROFILE")]))]


def _profile_files(option: str, name: str, shipped: Path) -> list[Path]:
    """A profile's files. Raises BadConfig for a workflow profile that does not exist: Snakemake would run without it.

    Snakemake itself refuses a --profile that does not exist, before it reads the Snakefile.
    """
    places = [Path(name)] if option == "--profile" else [Path(name), "profiles" / Path(name), shipped / name]
    place = next((each for each in places if each.exists()), None)
    if place is None and option == WORKFLOW_PROFILE:
        known = [file.parent.name for folder in (Path(name).parent, shipped) for file in folder.glob("*/config*.yaml")]
        remedy = f"name a folder with a config.yaml{did_you_mean(Path(name).name, known)}"
        raise BadConfig("profile", option, f"there is no profile {name}", remedy)
    return [] if place is None else [place] if place.is_file() else sorted(place.glob("config*.yaml"))

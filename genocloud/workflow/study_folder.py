"""A new study folder for the workflow: a config with every key explained, a sample sheet, a profile; and its run."""

import json
import os
import sys
import textwrap
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from itertools import pairwise
from pathlib import Path
from shlex import join
from typing import Any

from genocloud import storage
from genocloud.errors import SettingError
from genocloud.shipped_files import FILES, SCHEMAS, demo_files
from genocloud.workflow.profile import PROFILE_OPTIONS, WORKFLOW_PROFILE
from genocloud.yaml_schema import read_schema

PROFILE = "profile"
"""The folder of a study's profile, which `genocloud workflow run` takes unless --workflow-profile names another."""

PLACEHOLDERS = {"samples": "samples.tsv", "reference": "/path/to/reference.fa"}
"""Values of the keys that every config needs."""

SHEET = """\
# Tab-separated, a row a sample: its name; a gVCF, or reads (BAM or CRAM with an index) to be called, by path or URL.
# Relative paths start at this file's folder. Sex (male, female, unknown) decides the ploidy of X and Y in calling.
sample\tgvcf\treads\tsex
"""

WIDTH = 100


class StudyExists(SettingError):
    """A folder that has a study's files already."""

    def __init__(self, file: Path) -> None:
        self.file = file
        super().__init__(f"{file}: exists already, and is not overwritten; name another folder, or move it away")


class NoStudy(SettingError):
    """A folder that cannot be run, as it does not exist."""

    def __init__(self, folder: str) -> None:
        self.folder = folder
        super().__init__(
            f"{folder}: there is no such folder; {join(['genocloud', 'workflow', 'init', folder])} makes it"
        )


class NoFolder(SettingError):
    """A study's name that is not a folder of this machine."""

    def __init__(self, name: str, problem: str) -> None:
        self.name, self.problem = name, problem
        super().__init__(f"{name!r} {problem}; name a folder of this machine, as a path")


def folder_of(name: str) -> Path:
    """The folder that a word of the command line names; it need not exist. Raises NoFolder."""
    if not name or "://" in name:
        raise NoFolder(name, "is a URL" if name else "is no name")
    folder = Path(name)
    _refuse_file(folder)
    return folder


def _refuse_file(folder: Path) -> None:
    if file := next((each for each in (folder, *folder.parents) if each.exists() and not each.is_dir()), None):
        raise NoFolder(str(file), "is a file")


def write_study(folder: Path, profile: str, demo: bool = False) -> list[Path]:
    """Write config, sheet and profile, all or none; returns their paths. Those of the demo come with all inputs.

    Raises StudyExists or NoFolder, before it writes, or StoreFailed.
    """
    if demo:
        contents = {name: (FILES / name).read_bytes() for name in demo_files()}
    else:
        contents = {"config.yaml": config_text(read_schema(SCHEMAS / "config.schema.yaml")).encode()}
        contents["samples.tsv"] = SHEET.encode()
    contents |= {f"{PROFILE}/{file.name}": file.read_bytes() for file in sorted(FILES.glob(f"profiles/{profile}/*"))}
    _refuse_file(folder / PROFILE)
    if existing := [folder / name for name in contents if os.path.lexists(folder / name)]:
        raise StudyExists(existing[0])
    store = storage.open_store(str(folder))
    with ExitStack() as written:
        for name, content in contents.items():
            store.create(name, content)
            written.callback(store.delete, name)
        written.pop_all()
    return [folder / name for name in contents]


def config_text(schema: Mapping[str, Any]) -> str:
    """A config that has each key of the schema under its description; those with a default are commented out."""
    head = "# What the workflow does. A key behind a # has the default that stands there."
    return "\n\n".join([head, *(_entry(key, each) for key, each in schema["properties"].items())]) + "\n"


def _entry(key: str, declared: Mapping[str, Any]) -> str:
    choices = f" One of {', '.join(declared['enum'])}." if "enum" in declared else ""
    comment = textwrap.fill(
        declared["description"].strip() + choices, WIDTH, initial_indent="# ", subsequent_indent="# "
    )
    value = f"#{key}: {json.dumps(declared['default'])}" if "default" in declared else f"{key}: {PLACEHOLDERS[key]}"
    return f"{comment}\n{value}"


def snakemake_command(folder: str, options: Sequence[str]) -> list[str]:
    """Snakemake on the workflow that comes with genocloud, in a study folder, with the study's profile if it has one.

    A --profile comes before the study's, as Snakemake orders them, and not in its place. Raises NoFolder, or NoStudy:
    Snakemake would make the folder.
    """
    if not folder_of(folder).is_dir():
        raise NoStudy(folder)
    own = Path(folder, PROFILE).absolute()
    words = [word for option in options for word in _profile_words(option)]
    profile = ["--workflow-profile", str(own)] if own.is_dir() and WORKFLOW_PROFILE not in words else []
    command = [sys.executable, "-m", "snakemake", "--snakefile", str(FILES / "Snakefile"), "--directory", folder]
    return [*command, *profile, *(_from_anywhere(word, before) for before, word in pairwise(["", *words]))]


def _profile_words(option: str) -> list[str]:
    """An option with the name of a profile behind a `=` as two words."""
    return option.split("=", 1) if option.startswith(tuple(f"{each}=" for each in PROFILE_OPTIONS)) else [option]


def _from_anywhere(word: str, before: str) -> str:
    """A profile's folder as a full path, as it is checked after the change of folder; other words as they are."""
    return str(Path(word).absolute()) if before in PROFILE_OPTIONS and Path(word).exists() else word

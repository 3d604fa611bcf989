"""The parser of one command is what the parser of all has for it, and is made without the other commands' modules."""

import argparse
import subprocess
import sys

import pytest

from genocloud.cli.command_list import HEADINGS, parser

NAMES = [name for under in HEADINGS.values() for name in under]


def commands_of(whole: argparse.ArgumentParser) -> dict[str, argparse.ArgumentParser]:
    (action,) = (each for each in whole._actions if isinstance(each, argparse._SubParsersAction))
    return dict(action.choices)


@pytest.mark.parametrize("name", NAMES)
def test_a_command_alone_has_the_help_that_it_has_among_all(name: str) -> None:
    alone, among = commands_of(parser([name, "--help"])), commands_of(parser())
    assert list(among) == NAMES
    assert list(alone) == (NAMES if name == "help" else [name])
    assert alone[name].format_help() == among[name].format_help()


@pytest.mark.parametrize("words", [[], ["--help"], ["no-such-command"]])
def test_what_names_no_command_is_parsed_with_all(words: list[str]) -> None:
    assert list(commands_of(parser(words))) == NAMES


def test_numpy_is_loaded_after_its_threads_are_limited() -> None:
    """Else OpenBLAS starts threads that wait busily: an eighth of a core-second of every command."""
    code = "import sys, genocloud.cli; assert 'numpy' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_carriers_loads_no_other_command_and_nothing_that_starts_processes() -> None:
    code = (
        "import sys; from genocloud.cli.command_list import parser; parser(['carriers'])\n"
        "for name in ('genocloud.cli.run', 'genocloud.cli.store', 'psutil', 'multiprocessing', 'importlib.metadata', "
        "'genocloud.scatter.dask.client', 'pyarrow'):\n"
        "    assert name not in sys.modules, name"
    )
    subprocess.run([sys.executable, "-c", code], check=True)

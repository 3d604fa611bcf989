"""The command line's parser, and the module of each command: only that of the command that is run is loaded."""

import argparse
import textwrap
from collections.abc import Sequence
from importlib import import_module

from genocloud.cli.options import Commands, Parser

HEADINGS = {
    "Run": {
        "joint": "run",
        "call": "run",
        "inputs": "run",
        "ingest": "run",
        "screen": "screen",
        "discover": "run",
        "genotype": "run",
        "filter": "filters",
        "export": "run",
        "carriers": "frequencies",
        "frequencies": "frequencies",
        "gnomad-table": "frequencies",
        "gq-curve": "gq_curve",
        "qc": "qc",
        "report": "run",
        "hybrid": "hybrid",
        "workflow": "workflow",
    },
    "Cohort": dict.fromkeys(("history", "remove", "rename", "compact", "collect", "erase"), "store"),
    "Any store": dict.fromkeys(("inspect", "verify", "doctor"), "store"),
    "Cluster": dict.fromkeys(("certificates", "scheduler", "workers", "register"), "cluster"),
    "Plan and help": {"plan": "plan", "help": "topics"},
}
"""The commands in the order of the help text, under its headings, with the module of each: its `ALL` adds them."""

_KNOWING_ALL = "help"
"""The command that knows all others."""


def parser(words: Sequence[str] = ()) -> argparse.ArgumentParser:
    """The parser of the command line; `arguments.run(arguments)` does the command.

    words  what it will parse: where the first names a command, the parser has that one alone, as no other is loaded
    """
    whole = Parser(
        prog="genocloud",
        description="Joint genotyping: gVCFs become one callset.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = whole.add_subparsers(required=True, metavar="COMMAND", help="one of those below")
    modules = {name: module for under in HEADINGS.values() for name, module in under.items()}
    if words and words[0] in modules and words[0] != _KNOWING_ALL:
        _add(commands, words[0], modules[words[0]])
        return whole
    from genocloud.version import __version__

    whole.add_argument("--version", action="version", version=f"genocloud {__version__}")
    for name, module in modules.items():
        _add(commands, name, module)
    whole.epilog = "\n\n".join(
        "\n".join([f"{heading}:", *(_listed(name, commands.choices[name]) for name in under)])
        for heading, under in HEADINGS.items()
    )
    return whole


def _add(commands: Commands, name: str, module: str) -> None:
    import_module(f"genocloud.cli.{module}").ALL[name](commands)


def _listed(name: str, command: argparse.ArgumentParser) -> str:
    """A command's line in the list of commands."""
    return textwrap.fill(command.description or "", 78, initial_indent=f"  {name:14}", subsequent_indent=" " * 16)

"""The documentation site (`make docs`): docs/*.md, what stands elsewhere included, and pages made from the code."""

import argparse
import importlib
import pkgutil
import re
from collections.abc import Iterator

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

import genocloud
from genocloud.cli.command_list import parser
from genocloud.errors import GenocloudError, InputError, SettingError, StoreError

project = "genocloud"
author = copyright = "The genocloud developers"  # noqa: A001 (Sphinx's name)
version = release = genocloud.__version__
extensions = ["myst_parser", "sphinx.ext.autodoc"]
exclude_patterns = ["_build", "modules.md"]  # modules.md is a table for those who change the code
html_theme = "furo"
html_title = f"genocloud {release}"
html_show_sourcelink = False
myst_heading_anchors = 4
autodoc_typehints = "description"
autodoc_member_order = "bysource"
autodoc_class_signature = "separated"
suppress_warnings = ["myst.header"]  # an included part of a page may begin below its first level


class Commands(SphinxDirective):
    """The help of every command, as the parser prints it."""

    def run(self) -> list[nodes.Node]:
        """A section for each command that the command line lists, with those below it."""
        return self.parse_text_to_nodes("\n\n".join(_helps(parser(), "genocloud")), allow_section_headings=True)


def _helps(command: argparse.ArgumentParser, name: str) -> Iterator[str]:
    if name != "genocloud":
        yield f"## {name.removeprefix('genocloud ')}\n\n```text\n{command.format_help()}```"
    for action in command._actions:
        if isinstance(action, argparse._SubParsersAction):
            for word, below in action.choices.items():
                yield from _helps(below, f"{name} {word}")


class Errors(SphinxDirective):
    """The errors that a user can mend, under the exit codes that they end a command with."""

    def run(self) -> list[nodes.Node]:
        """A table for each exit code, with every error's docstring."""
        for module in pkgutil.walk_packages(genocloud.__path__, "genocloud."):
            if not module.name.startswith(("genocloud.shipped", "genocloud.testing", "genocloud.__main__")):
                importlib.import_module(module.name)
        text = "\n\n".join(_table(kind) for kind in (InputError, StoreError, SettingError))
        return self.parse_text_to_nodes(text, allow_section_headings=True)


def _table(kind: type[GenocloudError]) -> str:
    below = sorted({each.__name__: each for each in _all_below(kind)}.items())
    rows = "\n".join(f"| `{name}` | {(each.__doc__ or '').splitlines()[0]} |" for name, each in below)
    head = f"## {kind.exit_code}: {(kind.__doc__ or '').splitlines()[0]}"
    return f"{head}\n\n| error | what is wrong |\n| --- | --- |\n{rows}"


def _all_below(kind: type[GenocloudError]) -> Iterator[type[GenocloudError]]:
    for each in kind.__subclasses__():
        if each.__module__.startswith("genocloud."):
            yield each
        yield from _all_below(each)


def _house_docstring(_app: Sphinx, _what: str, _name: str, _object: object, _options: object, lines: list[str]) -> None:
    """A docstring's table of arguments as Sphinx's fields, its indented examples as code."""
    out: list[str] = []
    in_argument = False
    for line in lines:
        if argument := re.match(r"(\w+) {2,}(\S.*)", line):
            out.append(f":param {argument[1]}: {argument[2]}")
        elif in_argument and line.startswith("  "):
            out.append(f"    {line.strip()}")
        elif line.startswith("    ") and out and not out[-1]:
            out += ["::", "", line]
        else:
            out += ["", line] if in_argument and line else [line]
        in_argument = bool(argument or (in_argument and line.startswith("  ")))
    lines[:] = out


def setup(app: Sphinx) -> None:
    """Sphinx's hook."""
    app.connect("autodoc-process-docstring", _house_docstring)
    app.add_directive("genocloud-commands", Commands)
    app.add_directive("genocloud-errors", Errors)

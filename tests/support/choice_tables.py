"""docs/choices.md: stores, executors, export formats and callers, as their registries have them."""

from collections.abc import Iterable, Sequence
from pathlib import Path

from genocloud.callset.formats import EXPORT_FORMATS
from genocloud.callset.other_formats import OTHER_FORMATS
from genocloud.formatting import alternatives
from genocloud.scatter.executor_kinds import EXECUTOR_KINDS
from genocloud.storage.store_kinds import PUBLIC
from genocloud.workflow.callers import CALLER_PROGRAMS, NONE

PAGE = Path(__file__).resolve().parents[2] / "docs" / "choices.md"
HEAD = """# What can be chosen

Made by `python -m tests.support.module_table` from the entries in the code; `tests/unit/test_readme.py` fails where it
is out of date. `genocloud help stores`, `scatter`, `formats` and `callers` say the same.
"""


def table(title: str, heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [heads, ["---"] * len(heads), *rows]
    return f"\n## {title}\n\n" + "".join(f"| {' | '.join(line)} |\n" for line in lines)


def code(text: str) -> str:
    return f"`{text}`" if text else ""


def text() -> str:
    """The page."""
    stores = [(code(kind.example), kind.summary, code(kind.install_hint)) for kind in PUBLIC]
    executors = [(code(kind.grammar), kind.summary, code(kind.install_hint)) for kind in EXECUTOR_KINDS]
    formats = [(code(form.suffix), form.summary, code(form.install_hint)) for form in EXPORT_FORMATS]
    others = [(code(alternatives(each.suffixes)), each.summary, code(each.install_hint)) for each in OTHER_FORMATS]
    callers = [(code(caller.name), caller.title, caller.install_hint) for caller in CALLER_PROGRAMS]
    callers.append((code(NONE), "every sample comes as a gVCF", ""))
    return "".join(
        (
            HEAD,
            table("Where files, cohorts and callsets may lie", ("URL", "what it is", "needs"), stores),
            table("Where tasks run: `--scatter`", ("choice", "tasks run", "needs"), executors),
            table("What `joint` and `export` write", ("the name ends in", "format", "needs"), formats),
            table("What `export` writes beside", ("the name ends in", "format", "needs"), others),
            table("Who calls samples that come as reads: `caller`", ("name", "program", "needs"), callers),
        )
    )

"""docs/modules.md: every module with its docstring's first line. usage: python -m tests.support.module_table

It writes docs/choices.md (choice_tables) as well.
"""

import ast
from pathlib import Path

from tests.support import choice_tables

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "modules.md"
HEAD = """# Modules

Each module with the first line of its docstring, room by room. Made by `python -m tests.support.module_table`;
`tests/unit/test_architecture.py` fails where it is out of date. ARCHITECTURE.md says which room may import which.

| module | what it is for |
| --- | --- |
"""


def first_line(path: Path) -> str:
    return (ast.get_docstring(ast.parse(path.read_text())) or "").split("\n")[0]


def text() -> str:
    paths = sorted((ROOT / "genocloud").rglob("*.py"))
    return HEAD + "".join(f"| `{path.relative_to(ROOT)}` | {first_line(path)} |\n" for path in paths)


if __name__ == "__main__":
    PAGE.write_text(text())
    choice_tables.PAGE.write_text(choice_tables.text())

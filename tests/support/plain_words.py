"""Words that say how a value was come by, not what it holds: they stay out of identifiers (part of make lint).

usage: python -m tests.support.plain_words [FILE...]    by default all of genocloud/ and tests/

Prints each place; the exit code is 1 where there is one.
"""

import ast
import re
import sys
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
WORDS = {"told", "found", "given", "opened", "asked", "speaks", "speaking", "nobody", "besides", "putout"}


def words_of(identifier: str) -> set[str]:
    """The words of a snake_case or CamelCase identifier, in small letters."""
    parts = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", identifier).lower().split("_")
    return {*parts, *map("".join, pairwise(parts))}


def names_in(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Each identifier that the code binds, with its line."""
    for node in ast.walk(tree):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            yield node.lineno, node.name
        elif isinstance(node, ast.arg):
            yield node.lineno, node.arg
        elif isinstance(node, (ast.Name, ast.Attribute)) and isinstance(node.ctx, ast.Store):
            yield node.lineno, node.id if isinstance(node, ast.Name) else node.attr
        elif isinstance(node, ast.ExceptHandler) and node.name:
            yield node.lineno, node.name
        elif isinstance(node, ast.alias) and node.asname:
            yield node.lineno, node.asname


def places(paths: list[Path]) -> list[str]:
    return sorted(
        f"{path.relative_to(ROOT)}:{line}: {name}"
        for path in paths
        for line, name in set(names_in(ast.parse(path.read_text())))
        if words_of(name) & WORDS
    )


if __name__ == "__main__":
    wanted = [Path(name).resolve() for name in sys.argv[1:]] or [
        path for folder in ("genocloud", "tests") for path in (ROOT / folder).rglob("*.py")
    ]
    bad = places(wanted)
    print("\n".join(bad))
    sys.exit(f"{len(bad)} identifiers say how a value was come by; name them for what they hold" if bad else 0)

"""Whether the tree is ready to be released under a tag. usage: python -m tests.support.release_check v0.1.0"""

import re
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

PLACES = {
    "CITATION.cff": r"^version: (.+)$",
    "CHANGELOG.md": r"\A# Changelog\n\n## (\S+) ",
    "genocloud/costs/default_rates.yaml": r"^version: (.+)$",
    "packaging/conda/meta.yaml": r'set version = "(.+)"',
    "profiles/*/*": r"/genocloud:([0-9][^\s\"',]*)",
    "packaging/**/*": r"\bgenocloud ?[:=]([0-9][^\s\"',]*)",
}
"""Files that say the version, and how each does."""


def version() -> str:
    """The version that pyproject.toml says."""
    return str(tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"])


def other_versions() -> dict[str, set[str]]:
    """Files that say another version, with what they say; a file that should say one and does not has the empty set."""
    said = {
        path.relative_to(ROOT).as_posix(): (set(re.findall(pattern, path.read_text(), re.M)), "*" in glob)
        for glob, pattern in PLACES.items()
        for path in ROOT.glob(glob)
        if path.is_file()
    }
    right = version()
    return {name: each for name, (each, silent) in said.items() if each - {right} or not (each or silent)}


def problems(tag: str) -> list[str]:
    """What is in the way of a release under the tag."""
    lines = [f"{name}: says {', '.join(sorted(said)) or 'no version'}" for name, said in other_versions().items()]
    if tag != f"v{version()}":
        lines.append(f"pyproject.toml: says {version()}, the tag {tag}")
    if not re.search(rf"^## {re.escape(version())} \(\d{{4}}-\d\d-\d\d\)$", (ROOT / "CHANGELOG.md").read_text(), re.M):
        lines.append(f"CHANGELOG.md: has no heading '## {version()} (YYYY-MM-DD)'")
    return lines


if __name__ == "__main__":
    sys.exit("\n".join(problems(sys.argv[1])) or None)

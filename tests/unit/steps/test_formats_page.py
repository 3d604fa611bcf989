"""The snippets of docs/formats.md run in the programs that are installed; `make formats` installs more of them."""

import re
import shlex
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from genocloud.cli import main

ROOT = Path(__file__).resolve().parents[3]
PAGE = (ROOT / "docs/formats.md").read_text().partition("## In other programs")[2].partition("\n## ")[0]
SNIPPETS = {re.findall(r"import (\w+)", text)[0]: text for text in re.findall(r"```python\n(.*?)```", PAGE, re.S)}
COMMANDS = re.findall(r"^    ((?:vcztools|plink2) .*)", PAGE, re.M)
OTHER_PYTHONS = [ROOT / name / "bin/python" for name in (".venv-formats", ".venv-hail")]


@pytest.fixture(scope="module")
def folder(made: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("formats")
    (folder / "results").mkdir()
    (folder / "results/callset").symlink_to(made.callset)
    for suffix in ("pgen", "vcz", "vcf.gz", "svcr.vcf.gz"):
        assert main(["export", str(made.callset), str(folder / f"cohort.{suffix}"), "-q", "--scatter", "inline"]) == 0
    return folder


def python_with(package: str) -> str:
    """An interpreter that has a package."""
    if find_spec(package):
        return sys.executable
    for python in OTHER_PYTHONS:
        if python.exists() and not subprocess.run([python, "-c", f"import {package}"], check=False).returncode:
            return str(python)
    pytest.skip(f"{package} is not installed")


@pytest.mark.parametrize("package", SNIPPETS)
def test_snippets_run(folder: Path, package: str) -> None:
    command = [python_with(package), "-W", "ignore", "-c", SNIPPETS[package]]
    ended = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr


@pytest.mark.parametrize("command", COMMANDS)
def test_commands_run(folder: Path, command: str) -> None:
    words = shlex.split(command)
    if not shutil.which(words[0]):
        pytest.skip(f"{words[0]} is not installed")
    ended = subprocess.run(words, cwd=folder, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout


def test_the_page_has_every_program() -> None:
    assert list(SNIPPETS) == ["duckdb", "polars", "pgenlib", "sgkit", "hail"]
    assert len(COMMANDS) == 3

"""Commands run in this process: what they return and say."""

from pathlib import Path

import pytest

from genocloud.cli import main
from tests.conftest import DATA

REFERENCE = str(DATA / "reference.fa")


GVCF = DATA / "gvcf" / "p07.g.vcf.gz"


def sheet(folder: Path, text: str) -> str:
    path = folder / "samples.tsv"
    path.write_text(text.replace(" ", "\t"))
    return str(path)


def run(*arguments: str | Path) -> int:
    return main([str(argument) for argument in arguments])


def error_text(capsys: pytest.CaptureFixture[str], *arguments: str | Path) -> str:
    """What a command that succeeds writes, on standard output and beside it."""
    capsys.readouterr()
    assert run(*arguments) == 0
    captured = capsys.readouterr()
    return captured.out + captured.err

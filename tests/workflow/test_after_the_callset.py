"""The commands of docs/after_the_callset.md, as they stand there, on the demo's data."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pysam
import pytest

import genocloud
from tests.conftest import DATA
from tests.workflow.small_cohort import ROOT

pytestmark = [pytest.mark.workflow, pytest.mark.slow]
PAGE = (ROOT / "docs" / "after_the_callset.md").read_text()


@pytest.fixture
def study(tmp_path: Path, made) -> Path:
    """A folder with results/callset, of those of the demo who come as gVCFs, and test_data."""
    (tmp_path / "results").mkdir()
    shutil.copytree(made.callset, tmp_path / "results" / "callset")
    (tmp_path / "test_data").symlink_to(DATA)
    return tmp_path


def blocks() -> list[str]:
    """The page's indented blocks."""
    return [
        re.sub("^    ", "", block, flags=re.M) for block in re.findall(r"(?:^    .*\n(?:\n(?=    ))?)+", PAGE, re.M)
    ]


def test_every_command_of_the_page_works(study):
    programs = {program: shutil.which(program) for program in ("duckdb", "bcftools")}
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    ran = []
    for block in blocks():
        lines = [line for line in block.splitlines(keepends=True) if programs.get(line.split(" ")[0], "here")]
        script = "set -euo pipefail\n" + "".join(lines)
        done = subprocess.run(
            ["bash", "-c", script], cwd=study, capture_output=True, text=True, env=os.environ | {"PATH": path}
        )
        assert done.returncode == 0, (script, done.stdout, done.stderr)
        ran.append(done.stdout)
    assert len(ran) >= 6
    flags = (study / "results/qc/flags.tsv").read_text().splitlines()
    assert flags == ["sample\tcheck\tvalue\tlimit\tadvice"]
    filters = genocloud.open_callset(study / "results/callset").filters()
    assert filters["SCORE"].null_count < filters.num_rows
    with pysam.VariantFile(str(study / "results/cohort.vcf.gz")) as file:
        assert {"SCORE", "AS_FilterStatus"} <= set(file.header.info)
        assert "FT" in file.header.formats
        assert {"GQ20", "high_CALIBRATION_SENSITIVITY_SNP"} <= set(file.header.filters)

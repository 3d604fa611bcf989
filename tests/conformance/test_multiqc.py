"""MultiQC itself, run on the folders of qc and screen: a section for each file that is meant for it."""

import json
import os
import re
import subprocess
from pathlib import Path

import pytest

import genocloud
from tests.support import simulated_people
from tests.support.drawn_cohort import DrawnCohort, family, pedigree_text
from tests.support.simulated_people import Person, Population

MULTIQC = Path(__file__).parents[2] / ".venv-multiqc" / "bin" / "multiqc"
pytestmark = [
    pytest.mark.conformance,
    pytest.mark.skipif(
        not MULTIQC.exists() and os.environ.get("CI") != "true", reason="needs MultiQC; make conformance"
    ),
]

MODULES = {"bcftools", "picard", "somalier", "peddy"}
"""Those that MultiQC has for the files of qc in other tools' shapes."""


def sections(folder: Path, out: Path) -> set[str]:
    """The sections of the page that MultiQC makes of a folder."""
    done = subprocess.run([MULTIQC, "--quiet", "--strict", "-o", out, folder], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    page = (out / "multiqc_report.html").read_text()
    return set(re.findall(r'id="mqc-module-section-(\w+)"', page))


def custom(folder: Path) -> set[str]:
    return {json.loads(path.read_text())["id"] for path in folder.glob("*_mqc.json")}


def test_each_file_of_qc_has_its_section(tmp_path):
    people = [each for number in range(8) for each in family(f"F{number:02}", 4 * number, f"b{number % 4}")]
    DrawnCohort.drawn(5, people).write(str(tmp_path / "callset"))
    (tmp_path / "family.ped").write_text(pedigree_text(people))
    genocloud.check_samples(tmp_path / "callset", tmp_path / "qc", pedigree=tmp_path / "family.ped")
    assert len(custom(tmp_path / "qc")) >= 5
    assert sections(tmp_path / "qc", tmp_path / "out") == MODULES | custom(tmp_path / "qc")


def test_each_file_of_screen_has_its_section(tmp_path):
    people = [Person(name=f"p{n}", genome=n, copies_of_x=2 - n % 2, copies_of_y=n % 2) for n in range(4)]
    population = Population.drawn(2, 4)
    made = simulated_people.store(tmp_path, population, [people])
    genocloud.screen_samples(made.url, tmp_path / "screen", frequencies=population.write_sites(tmp_path))
    assert len(custom(tmp_path / "screen")) >= 2
    assert sections(tmp_path / "screen", tmp_path / "out") >= custom(tmp_path / "screen")

"""Folders with the small cohort: one of one's own, and one whose run is over."""

import shutil
from pathlib import Path

import pytest

from tests.workflow.small_cohort import fresh_snakemake, write_cohort


@pytest.fixture(scope="session")
def not_yet_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The small cohort; tests copy it."""
    folder = tmp_path_factory.mktemp("workflow") / "run"
    write_cohort(folder)
    return folder


@pytest.fixture
def cohort(tmp_path: Path, not_yet_run: Path) -> Path:
    """A folder of one's own with the small cohort, not yet run."""
    return Path(shutil.copytree(not_yet_run, tmp_path / "run"))


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory, not_yet_run: Path) -> Path:
    """The folder of a run that nobody disturbed; tests only look at it."""
    folder = Path(shutil.copytree(not_yet_run, tmp_path_factory.mktemp("finished") / "run"))
    run = fresh_snakemake(folder)
    assert run.code == 0, run.said
    return folder


@pytest.fixture
def study(finished: Path, tmp_path: Path) -> Path:
    """A copy of the finished run to go on with."""
    return Path(shutil.copytree(finished, tmp_path / "run"))

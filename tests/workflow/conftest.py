"""Folders with the small cohort: one of one's own, and one whose run is over."""

from pathlib import Path

import pytest

from tests.workflow.small_cohort import snakemake, write_cohort


@pytest.fixture
def cohort(tmp_path: Path) -> Path:
    """A folder of one's own with the small cohort, not yet run."""
    write_cohort(tmp_path / "run")
    return tmp_path / "run"


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a run that nobody disturbed; tests only look at it."""
    folder = tmp_path_factory.mktemp("workflow") / "run"
    write_cohort(folder)
    run = snakemake(folder)
    assert run.code == 0, run.said
    return folder

"""The running Slurm, the demo as it comes out on this machine without it, and a folder to run it in."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.slurm.cluster import Slurm, two_nodes
from tests.slurm.running import finish, write_demo


@pytest.fixture(scope="session")
def slurm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Slurm]:
    """Two nodes, for all tests."""
    if not shutil.which("slurmctld"):
        pytest.fail("Slurm is not installed; make slurm does it")
    with two_nodes(tmp_path_factory.mktemp("slurm")) as running:
        yield running


@pytest.fixture
def folder(tmp_path: Path, slurm: Slurm) -> Path:
    """A folder with the demo, not yet run."""
    return write_demo(tmp_path / "run")


@pytest.fixture(scope="session")
def at_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the same demo, run on this machine alone."""
    folder = write_demo(tmp_path_factory.mktemp("at_home") / "run")
    said = finish(folder, "--cores", "2", "--default-resources", "scatter='threads:2'")
    assert said.code == 0, said.said
    return folder

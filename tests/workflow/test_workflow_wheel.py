"""A wheel installed alone, without the repository on its path, writes a study folder, plans it and runs it."""

import os
import re
import shutil
import subprocess
import sys
import tarfile
import venv
import zipfile
from pathlib import Path

import pytest
import yaml

from tests.workflow.small_cohort import ROOT, write_cohort

pytestmark = [pytest.mark.slow, pytest.mark.workflow, pytest.mark.timeout(600)]

BUILD = "import sys, setuptools.build_meta as backend; getattr(backend, sys.argv[1])(sys.argv[2])"


def output(*command: str | Path, **keywords: object) -> str:
    environment = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "VIRTUAL_ENV")}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment, **keywords)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def tracked(*places: str) -> list[str]:
    """The files below some places that git has, or will have."""
    names = output("git", "ls-files", "-co", "--exclude-standard", *places, cwd=ROOT).splitlines()
    return [name for name in names if os.path.lexists(ROOT / name)]


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    """The repository's files as a clone has them."""
    folder = tmp_path_factory.mktemp("wheel") / "source"
    for name in tracked("."):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / name, folder / name, follow_symlinks=False)
    return folder


@pytest.fixture(scope="module")
def wheel(source):
    """The wheel that is built from a clone."""
    output(sys.executable, "-c", BUILD, "build_wheel", source.parent, cwd=source)
    return next(source.parent.glob("*.whl"))


@pytest.fixture(scope="module")
def python(wheel):
    """Python of an environment that has the wheel, and its dependencies from the environment of these tests."""
    folder = wheel.parent / "environment"
    venv.create(folder)
    site = next(folder.glob("lib/python*/site-packages"))
    (site / "dependencies.pth").write_text("\n".join(path for path in sys.path if path.endswith("site-packages")))
    python = folder / "bin/python"
    output(sys.executable, "-m", "pip", "--python", python, "install", "--quiet", "--no-deps", "--no-index", wheel)
    kernels = site / "genocloud/kernels/__pycache__"  # those of the tests hold here too: they go by the kernels' source
    kernels.mkdir(exist_ok=True)
    for compiled in (ROOT / "genocloud/kernels/__pycache__").glob("*.nb?"):
        shutil.copy(compiled, kernels)
    return python


def genocloud(python, folder, *words):
    return output(python.with_name("genocloud"), *words, cwd=folder)


@pytest.fixture(scope="module")
def study(python):
    """A folder from `genocloud workflow init`, with the small cohort's samples."""
    folder = python.parents[2] / "study"
    write_cohort(folder.parent / "cohort")
    genocloud(python, folder.parent, "workflow", "init", "study")
    config = (folder / "config.yaml").read_text().replace("/path/to/reference.fa", f"{ROOT}/test_data/reference.fa")
    (folder / "config.yaml").write_text(config.replace("#par: []", "par: ['chrX:1-12000']"))
    sheet = (folder.parent / "cohort/samples.tsv").read_text()
    for file in (folder.parent / "cohort").glob("p*"):
        file.rename(folder / file.name)
    (folder / "samples.tsv").write_text(sheet)
    return folder


def test_an_sdist_makes_the_same_wheel(source, wheel, tmp_path):
    output(sys.executable, "-c", BUILD, "build_sdist", tmp_path, cwd=source)
    with tarfile.open(next(tmp_path.glob("*.tar.gz"))) as archive:
        archive.extractall(tmp_path, filter="data")
    unpacked = next(tmp_path.glob("genocloud-*/"))
    output(sys.executable, "-c", BUILD, "build_wheel", tmp_path, cwd=unpacked)
    names = [set(zipfile.ZipFile(file).namelist()) for file in (wheel, next(tmp_path.glob("*.whl")))]
    assert names[0] == names[1]


def test_the_wheel_has_the_workflow_and_the_demo(wheel):
    names = zipfile.ZipFile(wheel).namelist()
    places = tracked("workflow", "profiles", "Snakefile", "config.yaml", "test_data")
    left_out = re.compile("profiles/default$|test_data/(make.py|simulate)")
    shipped = {f"genocloud/shipped/{name}" for name in places if not left_out.match(name)}
    assert len(shipped) > 60
    assert not [name for name in names if "simulate" in name or name.endswith("make.py")]
    assert shipped | {"genocloud/shipped/profiles/default/config.yaml"} <= set(names)
    assert [name for name in names if not name.startswith(("genocloud/", "genocloud-"))] == []


def test_it_is_the_wheel_that_runs(python, tmp_path):
    code = "import sys, genocloud.shipped_files as shipped; print(shipped.FILES, *sys.path, sep='\\n')"
    files, *path = output(python, "-c", code, cwd=tmp_path).splitlines()
    assert Path(files).is_relative_to(python.parents[1])
    assert str(ROOT) not in path


def test_a_plan_has_its_prices(python, study):
    prices = yaml.safe_load((ROOT / "profiles/prices/onprem.yaml").read_text())
    assert str(prices["source"]).strip() in genocloud(python, study, "plan", "config.yaml")


def test_a_study_is_run(python, study):
    dry = genocloud(python, study.parent, "workflow", "run", "study", "--dry-run")
    assert "This was a dry-run" in dry
    assert not (study / "results").exists()
    genocloud(python, study.parent, "workflow", "run", "study", "--cores", "2")
    assert (study / "results/callset.vcf.gz.tbi").exists()
    assert (study / "results/report.html").exists()
    assert "Nothing to be done" in genocloud(python, study.parent, "workflow", "run", "study")

"""One version everywhere; the release's workflow pins what it runs; pages of the site include what there is."""

import re
import subprocess
import tomllib
from pathlib import Path

import jinja2
import yaml

from tests.support import release_check

ROOT = Path(__file__).resolve().parents[2]


def test_one_version_everywhere():
    assert release_check.other_versions() == {}


def test_a_release_has_its_own_tag_and_a_dated_heading():
    assert any("the tag v99.0" in line for line in release_check.problems("v99.0"))
    tag = f"v{release_check.version()}"
    dated = re.search(r"^## (\S+) \(\d{4}-\d\d-\d\d\)$", (ROOT / "CHANGELOG.md").read_text(), re.M)
    if not (dated and f"v{dated[1]}" == tag):
        assert release_check.problems(tag) == [f"CHANGELOG.md: has no heading '## {tag[1:]} (YYYY-MM-DD)'"]


def test_parts_that_pages_include_are_there():
    for page in (ROOT / "docs").rglob("*.md"):
        for path, options in re.findall(r"^```\{include\} (.+)\n((?::.*\n)*)", page.read_text(), re.M):
            text = (page.parent / path).read_text()
            for border in re.findall(r': "(.+)"$', options, re.M):
                assert border in text, (page.name, border)


def test_the_conda_recipe_has_the_dependencies_of_the_package():
    other_names = {"dask": "dask-core", "isal": "python-isal", "snakemake": "snakemake-minimal"}
    text = (ROOT / "packaging/conda/meta.yaml").read_text()
    recipe = yaml.safe_load(jinja2.Template(text).render(pin_subpackage=lambda name, max_pin: name, PYTHON="python"))
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    wanted = [re.match(r"([\w-]+)(.*)", each).groups() for each in project["dependencies"]]
    run = [f"{other_names.get(name, name)} {version}".strip() for name, version in wanted]
    assert recipe["requirements"]["run"] == [f"python {project['requires-python']}", *run]
    assert recipe["package"] == {"name": "genocloud", "version": project["version"]}


def test_the_apptainer_definition_is_of_the_image_that_is_built():
    text = re.sub(r"^#.*\n", "", (ROOT / "packaging/apptainer.def").read_text(), flags=re.M)
    head, *parts = re.split(r"^%(\w+)\n", text, flags=re.M)
    archive = dict(line.split(": ") for line in head.split("\n") if line)["From"]
    assert head.split() == ["Bootstrap:", "oci-archive", "From:", archive]
    assert f"oci-archive -o {archive}" in (ROOT / "packaging/build_image").read_text()
    scripts = dict(zip(parts[::2], parts[1::2], strict=True))
    assert set(scripts) == {"runscript", "test"}
    for script in scripts.values():
        subprocess.run(["sh", "-n"], input=script, text=True, check=True)


def test_actions_are_pinned_and_rights_are_named():
    for file in (ROOT / ".github/workflows").glob("*.yml"):
        workflow = yaml.safe_load(file.read_text())
        assert workflow["permissions"] == {"contents": "read"}, file.name
        for job in workflow["jobs"].values():
            for step in job["steps"]:
                assert re.fullmatch(r"[\w/-]+@[0-9a-f]{40}", step.get("uses", f"a@{'0' * 40}")), step


def test_the_guide_names_targets_that_there_are():
    makefile = (ROOT / "Makefile").read_text()
    for page in (ROOT / "docs/releasing.md", ROOT / "docs/installing.md"):
        if page.exists():
            for target in re.findall(r"\bmake ([a-z][a-z-]+)", page.read_text()):
                assert re.search(rf"^(?:[a-z-]+ )*{target}(?: [a-z-]+)*:", makefile, re.M), (page.name, target)

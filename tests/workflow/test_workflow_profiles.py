"""The profiles' schema: every profile of ours keeps to it, and a mistake in one is said before any job."""

import re

import pytest
import yaml
from jsonschema import Draft202012Validator

from genocloud.scatter.executor_kinds import BY_NAME, EXECUTOR_KINDS
from genocloud.workflow.profile import profile_schema
from tests.workflow.small_cohort import ROOT, snakemake

SCHEMA = profile_schema()
PROFILES = sorted((ROOT / "profiles").glob("*/config.yaml"))


@pytest.mark.parametrize("file", PROFILES, ids=lambda file: file.parent.name)
def test_every_profile_keeps_to_the_schema(file):
    Draft202012Validator(SCHEMA).validate(yaml.safe_load(file.read_text()))


def test_the_schema_knows_every_rule():
    rules = "\n".join(file.read_text() for file in (ROOT / "workflow/rules").glob("*.smk"))
    assert set(re.findall(r"^ *rule (\w+):", rules, re.M)) <= set(SCHEMA["$defs"]["rule"]["enum"])


def test_the_schema_knows_every_executor_of_scatter():
    """One without settings, one with each kind's; no other kind."""
    pattern = SCHEMA["$defs"]["resources"]["properties"]["scatter"]["pattern"]
    assert all(re.search(pattern, f"'{kind.grammar}'") for kind in EXECUTOR_KINDS)
    assert set(re.findall(r"[a-z]+", pattern)) == set(BY_NAME)
    assert not any(re.search(pattern, f"'{choice}'") for choice in ("threads", "inline:2", "ssh://host"))


@pytest.mark.workflow
@pytest.mark.parametrize(
    ("profile", "message"),
    [
        ("set-resources: {ingst: {mem_mb: 1}}", "; did you mean ingest?"),
        ("set-resources: {ingest: {scater: \"'inline'\"}}", "; did you mean scatter?"),
        ("default-resources: {scatter: 'threads:4'}", "profile: default-resources.scatter: 'threads:4' does not match"),
    ],
)
def test_a_mistake_in_the_profile_is_reported_before_any_job(cohort, profile, message):
    (cohort / "profile").mkdir()
    (cohort / "profile/config.yaml").write_text(profile + "\n")
    run = snakemake(cohort, "--workflow-profile", "profile")
    assert run.code == 5, run.said
    assert len(run.ours) == 1, run.said
    assert message in run.ours[0]
    assert not (cohort / "results").exists()


@pytest.mark.workflow
def test_a_workflow_profile_that_is_nowhere_does_not_leave_the_run_without_one(cohort):
    """Snakemake passes over it; a --profile that is nowhere it refuses itself."""
    run = snakemake(cohort, "--workflow-profile", "profiles/slrum")
    assert run.code == 5, run.said
    remedy = "there is no profile profiles/slrum; name a folder with a config.yaml; did you mean slurm?"
    assert run.ours == [f"genocloud: profile: --workflow-profile: {remedy}"]
    assert not (cohort / "results").exists()

"""Samples at several sites: one rule in the place of four, and what is wrong with the sites is said before any job."""

from pathlib import Path

import pytest

from tests.workflow.small_cohort import snakemake

pytestmark = pytest.mark.workflow


@pytest.fixture
def hybrid(cohort: Path) -> Path:
    """The small cohort with two of its people at another site."""
    rows = (cohort / "samples.tsv").read_text().splitlines()
    places = ["site", "", "far", "far", ""]
    lines = [f"{row}\t{place}\n" for row, place in zip(rows, places, strict=True)]
    (cohort / "samples.tsv").write_text("".join(lines))
    sites = "".join(
        f"  {name}: {{store: {cohort}/{name}, workers: 'threads:1', policy: stays}}\n" for name in ("home", "far")
    )
    config = (cohort / "config.yaml").read_text()
    (cohort / "config.yaml").write_text(f"{config}sites:\n{sites}coordinator: home\n")
    return cohort


def test_one_rule_takes_the_place_of_four(hybrid):
    run = snakemake(hybrid, "--dry-run", "--quiet", "host", "--printshellcmds")
    assert run.code == 0, run.said
    assert all(f"rule {rule}:" in run.said for rule in ("call", "hybrid_config", "hybrid", "export", "report"))
    assert not any(f"rule {rule}:" in run.said for rule in ("inputs", "ingest", "discover", "genotype"))
    assert f"genocloud export {hybrid}/home/callset results/callset.vcf.gz --site home" in run.said
    assert not (hybrid / "results").exists()


def test_an_unknown_site_is_said_with_its_line(hybrid):
    sheet = hybrid / "samples.tsv"
    sheet.write_text(sheet.read_text().replace("\tfar", "\tfare", 1))
    run = snakemake(hybrid, "--dry-run")
    assert run.code == 3
    assert "line 3: sample p07 lies at the site 'fare', which the config does not have; its sites are" in run.said


def test_a_coordinator_that_is_no_site_is_said(hybrid):
    run = snakemake(hybrid, "--dry-run", "--config", "coordinator=nowhere")
    assert run.code == 5
    assert "coordinator: 'nowhere' is no site; name one of home, far" in run.said


def test_genotypes_that_may_not_all_be_read_here_are_not_refined(hybrid):
    run = snakemake(hybrid, "--dry-run", "--config", "refined=True")
    assert run.code == 5
    assert "refined: genotypes are refined by those of all samples" in run.said

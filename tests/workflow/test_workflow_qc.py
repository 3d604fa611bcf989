"""The config's qc: a step after filtering, whose tables say who fails what."""

import json

import pytest

from tests.workflow.small_cohort import snakemake

pytestmark = [pytest.mark.workflow, pytest.mark.slow]


def test_samples_are_checked_and_checked_again_when_the_pedigree_changes(study):
    (study / "family.ped").write_text("f p04 0 0 2 0\n")
    with (study / "config.yaml").open("a") as config:
        config.write("qc: true\npedigree: family.ped\nfilter: {presets: [gvs]}\n")
    run = snakemake(study)
    assert run.code == 0, run.said
    receipt = study / "results/qc/qc.json"
    assert json.loads(receipt.read_text())["balance"]["taken"] == 4
    assert (study / "results/qc/tables/flags.tsv").exists()
    assert "Sex, kinship, pedigree" not in (study / "results/report.html").read_text(), "the page was made without qc"
    assert (study / "results/filter/filter.json").stat().st_mtime <= receipt.stat().st_mtime
    assert "Nothing to be done" in snakemake(study).said
    before = receipt.stat().st_mtime_ns
    (study / "family.ped").write_text("f p04 0 0 2 0\nf p07 0 p04 0 0\n")
    run = snakemake(study)
    assert run.code == 0, run.said
    assert receipt.stat().st_mtime_ns > before


@pytest.mark.parametrize(("text", "problem"), [("pedigree: none.ped", "none.ped: there is no such file")])
def test_what_cannot_be_is_said_before_any_job(study, text, problem):
    with (study / "config.yaml").open("a") as config:
        config.write(f"qc: true\n{text}\n")
    run = snakemake(study)
    assert run.code == 3, run.said
    assert problem in "\n".join(run.ours)

"""The config's filters: a step of its own after genotyping, whose verdicts the VCF shows."""

import json
from collections import Counter

import pysam
import pytest

import genocloud
from tests.workflow.small_cohort import snakemake

pytestmark = [pytest.mark.workflow, pytest.mark.slow]


def configure(folder, text):
    plain = (folder / "config.yaml").read_text().partition("genotype_filters:")[0]
    (folder / "config.yaml").write_text(plain + f"genotype_filters: true\n{text}")


def filters_in(folder):
    with pysam.VariantFile(str(folder / "results/callset.vcf.gz")) as file:
        return Counter(name for record in file for name in record.filter)


def test_filters_are_made_and_made_again_when_they_change(study):
    genotyped = (study / "results/genotype/genotype.json").stat().st_mtime_ns
    (study / "some.bed").write_text("chr2\t0\t6000\n")
    configure(
        study,
        "filter:\n  presets: [hard]\n  expressions: {first: 'HALF && QUAL < 1e9'}\n  regions: {HALF: some.bed}\n",
    )
    run = snakemake(study)
    assert run.code == 0, run.said
    assert "first" in filters_in(study)
    receipt = json.loads((study / "results/filter/filter.json").read_text())
    assert receipt["balance"]["taken"] == genocloud.open_callset(study / "results/callset").counts["sites"]
    assert (study / "results/genotype/genotype.json").stat().st_mtime_ns == genotyped
    with pysam.VariantFile(str(study / "results/callset.vcf.gz")) as file:
        assert "FT" in file.header.formats
    assert "Nothing to be done" in snakemake(study).said

    configure(study, "filter: {expressions: {second: '!HALF'}, regions: {HALF: some.bed}}\n")
    run = snakemake(study)
    assert run.code == 0, run.said
    before = filters_in(study)
    assert set(before) == {"PASS", "second"}
    assert (study / "results/genotype/genotype.json").stat().st_mtime_ns == genotyped

    (study / "some.bed").write_text("chr2\t0\t12000\n")
    run = snakemake(study)
    assert run.code == 0, run.said
    assert filters_in(study)["second"] < before["second"]


@pytest.mark.parametrize(
    ("text", "code", "problem"),
    [
        ("filter: {expressions: {bad: 'QD <'}}", 5, "it cannot be read"),
        ("filter: {presets: [hrad]}", 5, "did you mean hard?"),
        ("filter: {trained_on: 'AC > 1', annotations: [QQ]}", 5, "QQ"),
        ("filter: {regions: {HALF: none.bed}, expressions: {x: HALF}}", 3, "none.bed"),
        ("filter: {presets: [vets], resources: [{name: a, labels: [training]}]}", 5, "vcf"),
    ],
)
def test_what_cannot_be_is_said_before_any_job(study, text, code, problem):
    configure(study, text)
    run = snakemake(study)
    assert run.code == code, run.said
    assert problem in "\n".join(run.ours)

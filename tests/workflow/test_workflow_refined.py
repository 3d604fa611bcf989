"""Refined genotypes by the config: the VCF is made anew with them, from other callsets and a pedigree."""

import shutil

import pysam
import pytest

import genocloud
from tests.workflow.small_cohort import snakemake

pytestmark = [pytest.mark.workflow, pytest.mark.slow]


def configure(folder, text):
    plain = (folder / "config.yaml").read_text().partition("refined:")[0]
    (folder / "config.yaml").write_text(plain + text)


def fields_of(folder):
    with pysam.VariantFile(str(folder / "results/callset.vcf.gz")) as file:
        return set(file.header.formats)


def test_the_vcf_alone_is_made_again(study):
    genotyped = (study / "results/genotype/genotype.json").stat().st_mtime_ns
    child, father, mother = genocloud.open_callset(study / "results/callset").samples[:3]
    (study / "people.ped").write_text(f"f {child} {father} {mother} 0 0\n")
    for name in ("callset.vcf.gz", "callset.vcf.gz.tbi"):
        shutil.copy(study / "results" / name, study / name.replace("callset", "panel"))
    configure(study, "refined: true\nsupporting: [panel.vcf.gz]\npedigree: people.ped\n")
    run = snakemake(study)
    assert run.code == 0, run.said
    assert {"PP", "JL", "JP"} <= fields_of(study)
    assert (study / "results/genotype/genotype.json").stat().st_mtime_ns == genotyped
    assert "Nothing to be done" in snakemake(study).said

    configure(study, "refined: true\n")
    run = snakemake(study)
    assert run.code == 0, run.said
    assert fields_of(study) & {"PP", "JL"} == {"PP"}


@pytest.mark.parametrize(
    ("text", "code", "problem"),
    [
        ("refined: true\nlocal_alleles: true\n", 5, "leave out --refined"),
        ("refined: true\nsupporting: [none.vcf.gz]\n", 3, "none.vcf.gz"),
        ("refined: yes please\n", 5, "refined"),
    ],
)
def test_what_cannot_be_is_said_before_any_job(study, text, code, problem):
    configure(study, text)
    run = snakemake(study)
    assert run.code == code, run.said
    assert problem in "\n".join(run.ours)

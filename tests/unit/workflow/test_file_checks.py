"""A study's files are checked before its first job, and not again while none of them changes."""

import os
from dataclasses import replace
from pathlib import Path

import pytest

from genocloud.errors import UnreadableFile
from genocloud.federation import BadConfig, config_of
from genocloud.samples import Sample
from genocloud.workflow import file_checks
from genocloud.workflow.config import checked_settings
from genocloud.workflow.remote import receipt_of
from genocloud.workflow.study import SnakemakeRun, Study

RUN = SnakemakeRun(snakefile=Path("Snakefile"), is_main=True, is_dry=False, is_remote_job=False, brings_programs=False)
ANN = Sample(sample="ann", gvcf="ann.g.vcf.gz")
BOB = Sample(sample="bob", reads="bob.cram")
FILES = ("samples.tsv", "ref.fa", "ref.fa.fai", "ann.g.vcf.gz", "bob.cram")
SITES = {name: {"store": f"/data/{name}", "workers": "threads:1", "policy": "stays"} for name in ("home", "far")}
NOW = 1_000_000_000


def study_of(*people: Sample, **settings: object) -> Study:
    config = {"samples": "samples.tsv", "reference": "ref.fa", "caller": "none"} | settings
    return Study(
        settings=checked_settings(config),
        samples={person.sample: person for person in people},
        samples_here=people,
        federation=None,
        run=RUN,
    )


@pytest.fixture
def checks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[Study]:
    """The studies whose inputs were checked; the folder has their files and the receipt of a check after those."""
    monkeypatch.chdir(tmp_path)
    for file in FILES:
        Path(file).write_text("")
        os.utime(file, (NOW, NOW))
    receipt = Path(receipt_of("inputs"))
    receipt.parent.mkdir(parents=True)
    receipt.write_text("{}")
    os.utime(receipt, (NOW + 1, NOW + 1))
    checked: list[Study] = []
    monkeypatch.setattr(file_checks, "_check_inputs", checked.append)
    return checked


def test_inputs_are_not_checked_again_where_no_file_is_newer(checks: list[Study]) -> None:
    file_checks.check_files(study_of(ANN, BOB, caller="bcftools"))
    assert not checks


@pytest.mark.parametrize("file", FILES)
@pytest.mark.parametrize("later", [1, 2], ids=["at the same time", "later"])
def test_inputs_are_checked_where_one_is_not_older_than_the_check(checks: list[Study], file: str, later: int) -> None:
    os.utime(file, (NOW + later, NOW + later))
    study = study_of(ANN, BOB, caller="bcftools")
    file_checks.check_files(study)
    assert checks == [study]


@pytest.mark.parametrize("file", [receipt_of("inputs"), "ann.g.vcf.gz"], ids=["the receipt", "a gVCF"])
def test_inputs_are_checked_where_the_receipt_or_a_file_is_missing(checks: list[Study], file: str) -> None:
    Path(file).unlink()
    study = study_of(ANN)
    file_checks.check_files(study)
    assert checks == [study]


def test_jobs_and_runs_between_locations_leave_the_check_to_others(checks: list[Study]) -> None:
    """A job's Snakemake has a main process that checked; a location's files are read there."""
    Path(receipt_of("inputs")).unlink()
    study = study_of(ANN)
    federation = config_of({"samples": "samples.tsv", "reference": "ref.fa", "sites": SITES, "coordinator": "home"})
    for other in (
        replace(study, run=replace(RUN, is_main=False)),
        replace(study, federation=federation),
        replace(study, run=replace(RUN, is_main=False), federation=federation),
    ):
        file_checks.check_files(other)
    assert not checks


def test_a_program_is_looked_for_where_neither_conda_nor_a_container_brings_it(
    checks: list[Study], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "")
    Path("ref.dict").write_text("")
    study = study_of(BOB, caller="gatk")
    with pytest.raises(BadConfig, match="caller: there is no program gatk on the PATH"):
        file_checks.check_files(study)
    file_checks.check_files(replace(study, run=replace(RUN, brings_programs=True)))
    file_checks.check_files(study_of(ANN, caller="gatk"))  # which calls nobody
    Path("gatk").write_text("")
    Path("gatk").chmod(0o755)
    monkeypatch.setenv("PATH", str(Path.cwd()))
    file_checks.check_files(study)
    assert not checks


def test_a_callers_dictionary_is_looked_for(checks: list[Study]) -> None:
    with pytest.raises(UnreadableFile, match=r"ref\.dict.*make it: gatk CreateSequenceDictionary -R ref\.fa"):
        file_checks.check_files(study_of(BOB, caller="gatk"))
    assert not checks


@pytest.mark.parametrize(
    ("person", "reference"),
    [(replace(BOB, reads="s3://b/bob.cram"), "ref.fa"), (BOB, "s3://b/ref.fa")],
    ids=["reads", "reference"],
)
def test_only_the_embedded_caller_reads_urls(checks: list[Study], person: Sample, reference: str) -> None:
    with pytest.raises(BadConfig, match=r"s3://b/\S+ is none; copy reads and reference here, or use bcftools"):
        file_checks.check_files(study_of(person, caller="gatk", reference=reference))
    assert not checks

"""What is wrong with a cohort is found, with whom, and nothing else: 200 people with faults planted, and without."""

import re
from dataclasses import replace

import pytest

import genocloud
from genocloud import storage
from tests.support.drawn_cohort import DrawnCohort, Member, family, pedigree_text

PLANTED = {
    ("F05s", "swap"),
    ("F06d", "swap"),
    ("U02", "duplicate"),
    ("U03", "duplicate"),
    ("U03", "sex"),
    ("U08", "duplicate"),
    ("U10", "duplicate"),
    ("U01", "karyotype"),
    ("U04", "depth"),
    *((name, "kinship") for name in ("U21", "F30f", "F31m")),  # a child that is not in the pedigree, and its parents
    *((name, "kinship") for name in ("F20d", "F20f", "F20s", "F00f")),  # a child of another father
    ("F20d", "mendelian errors"),
}


def people() -> list[Member]:
    members: list[Member] = []
    for number in range(35):
        members += family(f"F{number:02}", len(members), f"b{number % 4}")
    return [*members, *(Member(name=f"U{n:02}", x=2 - n % 2, y=n % 2, batch=f"b{n % 4}") for n in range(60))]


def with_faults(members: list[Member]) -> list[Member]:
    number = {person.name: place for place, person in enumerate(members)}
    faults = {
        "U01": {"x": 2, "y": 1},
        "U03": {"copy_of": number["U02"], "x": 2, "y": 0},
        "U04": {"depth": 9.0},
        "U10": {"copy_of": number["U08"]},
        "U21": {"father": number["F30f"], "mother": number["F31m"]},
        "F20d": {"father": number["F00f"]},
    }
    faulty = [replace(person, **faults.get(person.name, {})) for person in members]
    return [replace(person, extra_deletions=1.0) if person.batch == "b3" else person for person in faulty]


def flags_of(folder, members: list[Member], seed: int, names: dict[str, str]) -> list[dict[str, str]]:
    meant = people()
    made, out = (f"memory://{folder}/{name}" for name in ("callset", "out"))  # no disk to wait for
    DrawnCohort.drawn(seed, members).write(made, names)
    (folder / "family.ped").write_text(pedigree_text(meant))
    sheet = "".join(f"{person.name}\t{person.name}.g.vcf.gz\t{person.batch}\n" for person in meant)
    (folder / "samples.tsv").write_text("sample\tgvcf\tbatch\n" + sheet)
    options = {"samples": folder / "samples.tsv", "pedigree": folder / "family.ped"}
    genocloud.check_samples(made, out, threads=1, **options)
    header, *lines = storage.open_store(out).read("flags.tsv").decode().splitlines()
    return [dict(zip(header.split("\t"), line.split("\t"), strict=True)) for line in lines]


@pytest.mark.parametrize("seed", [921, *(pytest.param(seed, marks=pytest.mark.slow) for seed in (101, 922, 923))])
def test_planted_faults_are_flagged_and_nothing_else(seed, tmp_path):
    flags = flags_of(tmp_path, with_faults(people()), seed, {"F05s": "F06d", "F06d": "F05s"})
    assert {(flag["sample"], flag["check"]) for flag in flags if flag["check"] != "batch"} == PLANTED
    of_batch = [flag for flag in flags if flag["check"] == "batch"]
    assert [flag["sample"] for flag in of_batch] == sorted(person.name for person in people() if person.batch == "b3")
    assert {re.match(r"b3: .*n_deletion", flag["value"]) is not None for flag in of_batch} == {True}


@pytest.mark.parametrize("seed", [931, *(pytest.param(seed, marks=pytest.mark.slow) for seed in (932, 933))])
def test_an_artefact_of_one_caller_is_flagged_and_nothing_else(seed, tmp_path):
    """Every fifth person's gVCF, in every batch and many families, is of a caller that sees too many deletions."""
    members = [replace(each, caller="gatk" if number % 5 else "dragen") for number, each in enumerate(people())]
    odd = [replace(each, extra_deletions=0.6) if each.caller == "dragen" else each for each in members]
    flags = flags_of(tmp_path, odd, seed, {})
    assert {flag["check"] for flag in flags} == {"caller"}
    assert [flag["sample"] for flag in flags] == sorted(each.name for each in odd if each.caller == "dragen")
    assert {re.match(r"dragen: .*n_deletion", flag["value"]) is not None for flag in flags} == {True}


@pytest.mark.parametrize("seed", [912, *(pytest.param(seed, marks=pytest.mark.slow) for seed in (103, 921, 922, 923))])
def test_a_cohort_without_faults_has_no_flags(seed, tmp_path):
    assert flags_of(tmp_path, people(), seed, {}) == []

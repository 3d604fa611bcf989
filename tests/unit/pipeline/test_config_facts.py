"""How many jobs, commands and clusters the workflow starts, and how many of the jobs start one after another."""

import re
from dataclasses import replace
from pathlib import Path

import pytest

from genocloud.costs.model import Starts
from genocloud.federation.config import config_of
from genocloud.pipeline.planning import config_facts
from genocloud.pipeline.planning.config_facts import JOB_CORES, ConfigFacts, _cohort
from genocloud.pipeline.reference import FastaLines, Reference
from genocloud.regions import Contig
from genocloud.samples import Sample

PARTS = 3
SITE = {"workers": "threads:4", "policy": "stays"}


def starts(people: list[Sample], width: int, **settings: object) -> Starts:
    """Of a genome of three parts; `width` cores."""
    contigs = tuple(Contig(f"chr{number}", 1_000) for number in range(PARTS))
    lines = tuple(FastaLines(1, 1_000, 1_001) for _ in contigs)
    reference = Reference(url="ref.fa", contigs=contigs, lines=lines, checksum="")
    config = config_of({"samples": "samples.tsv", "reference": "ref.fa", "part_bp": 1_000} | settings)
    return ConfigFacts(config, people, reference).starts(width)


def with_reads(count: int, folder: str = "s3://bucket") -> list[Sample]:
    return [Sample(sample=f"p{number}", reads=f"{folder}/p{number}.cram") for number in range(count)]


ANN = Sample(sample="ann", gvcf="s3://bucket/ann.g.vcf.gz")
"""In a bucket: a cohort with her is not small."""


@pytest.mark.parametrize(("width", "beside"), [(1, 1), (JOB_CORES, 1), (2 * JOB_CORES, 2), (3 * JOB_CORES, 3)])
def test_jobs_of_parts_run_side_by_side_where_the_cores_are_enough(width: int, beside: int) -> None:
    """inputs, ingest, the commit, export and report have no parts; discover and genotype have."""
    made = starts([ANN], width)
    assert (made.runs, made.jobs, made.commands) == (1, 5 + 2 * PARTS, 5 + 2 * PARTS)
    assert made.rounds == 5 + 2 * -(-PARTS // beside)
    assert made.clusters == 1 + 2 * PARTS


@pytest.mark.parametrize(("calls", "rounds"), [(0, 0), (1, 1), (4, 1), (5, 2)])
def test_samples_with_reads_are_called_side_by_side(calls: int, rounds: int) -> None:
    made, without = starts([ANN, *with_reads(calls)], 4), starts([ANN], 4)
    assert (made.jobs - without.jobs, made.rounds - without.rounds) == (calls, rounds)


def test_a_small_cohort_has_a_job_for_each_step_and_no_cluster(tmp_path: Path) -> None:
    people = with_reads(3, str(tmp_path))
    for person in people:
        Path(str(person.reads)).write_bytes(b"ten bytes.")
    assert starts(people, 2, small_cohort_bytes=30) == Starts(runs=1, jobs=9, commands=9, clusters=0, rounds=2 + 6)
    assert starts(people, 2, small_cohort_bytes=29).clusters


def test_a_run_between_locations_has_one_job_from_ingest_to_the_commit() -> None:
    made = starts(with_reads(3), 2, sites={name: SITE | {"store": f"/{name}"} for name in "ab"}, coordinator="a")
    assert made == Starts(runs=1, jobs=6, commands=6, clusters=2, rounds=2 + 3)


def facts_of(people: list[Sample], **settings: object) -> ConfigFacts:
    config = config_of({"samples": "samples.tsv", "reference": "ref.fa", "cohort": "results/cohort"} | settings)
    return ConfigFacts(config, people, Reference(url="ref.fa", contigs=(Contig("chr1", 9),), lines=(), checksum=""))


AT_B = replace(ANN, sample="bob", site="b")


def test_a_location_has_the_people_of_its_name_and_the_coordinator_those_of_none() -> None:
    facts = facts_of([ANN, AT_B], sites={name: SITE | {"store": f"/{name}"} for name in "ab"}, coordinator="a")
    assert [facts._people(location) for location in facts.config.sites] == [[ANN], [AT_B]]
    stores = [_cohort(facts.config, location) for location in facts.config.sites]
    assert stores == [location.cohort for location in facts.config.sites]
    assert len(set(stores)) == 2


def test_a_run_at_one_place_has_all_people_and_the_configs_cohort() -> None:
    facts = facts_of([ANN, AT_B])
    (location,) = facts.config.sites
    assert facts._people(location) == [ANN, AT_B]
    assert _cohort(facts.config, location) == "results/cohort"


@pytest.mark.parametrize(
    ("people", "sampled"), [([ANN, *with_reads(1)], [ANN]), (with_reads(2), with_reads(2))], ids=["some", "none"]
)
def test_people_with_a_gvcf_are_sampled_where_there_are_any(
    people: list[Sample], sampled: list[Sample], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(config_facts, "sample_gvcfs", lambda url, people, layout: (url, people, layout.contigs))
    facts = facts_of(people)
    assert facts.sampled == ("samples.tsv", sampled, facts.reference.contigs)


@pytest.mark.parametrize("step", ["ingest", "discover", "genotype"])
def test_jobs_have_the_cores_of_their_rules(step: str) -> None:
    rules = (Path(__file__).resolve().parents[3] / "workflow" / "rules" / f"{step}.smk").read_text()
    assert set(re.findall(r"\n    threads: (\d+)\n", rules)) == {str(JOB_CORES)}

"""The sheet grows, a file changes, a step has failed: the next run does what follows from it, and no more."""

import json
import re
import shutil

import pytest

from genocloud import open_callset, open_cohort
from tests.workflow.small_cohort import DATA, cut_gvcf, edit_gvcf, snakemake

pytestmark = [pytest.mark.workflow, pytest.mark.slow]


@pytest.fixture
def run_before(finished, tmp_path):
    """A copy of the finished run to go on with."""
    folder = tmp_path / "run"
    shutil.copytree(finished, folder)
    return folder


def called_at(folder):
    return (folder / "results/call/p04.g.vcf.gz").stat().st_mtime_ns


def test_one_more_row_adds_one_more_sample(run_before):
    before = called_at(run_before)
    cut_gvcf(DATA / "gvcf/p10.g.vcf.gz", run_before / "p10.g.vcf.gz")
    with (run_before / "samples.tsv").open("a") as sheet:
        sheet.write("p10\tp10.g.vcf.gz\t\tfemale\n")
    run = snakemake(run_before)
    assert run.code == 0, run.said
    assert called_at(run_before) == before, "somebody was called again"
    cohort = open_cohort(str(run_before / "results/cohort"))
    assert (cohort.version, [len(batch.samples) for batch in cohort.batches]) == (2, [4, 1])
    assert open_callset(str(run_before / "results/callset")).samples == ("p04", "p07", "p08", "p09", "p10")


def test_a_changed_file_replaces_its_sample_less_its_bad_records(run_before):
    """One lies inside, one where nothing is wanted, as does a contig of another length in the header."""
    cut_gvcf(DATA / "gvcf/p08.g.vcf.gz", run_before / "p08.g.vcf.gz", bases=6_000)
    for old, new in (("0/1:8,10,0:", "0/1:8,10:"), ("0/1:11,12,0:", "0/1:11,12:"), ("length=16500", "length=16501")):
        edit_gvcf(run_before / "p08.g.vcf.gz", old, new)
    with (run_before / "config.yaml").open("a") as config:
        config.write("on_bad_record: drop\nexclude_intervals: ['chr2:3001-4000', chrM]\n")
    run = snakemake(run_before)
    assert run.code == 0, run.said
    callset = open_callset(str(run_before / "results/callset"))
    assert callset.samples == ("p04", "p07", "p08", "p09")
    later = callset.genotypes("chr2:6,501-12,000", ["p08"])
    assert later.num_rows > 0
    assert set(later["GT"].to_pylist()) == {"./."}
    receipt = json.loads((run_before / "results/ingest/ingest.json").read_text())
    assert receipt["figures"]["bad_records"] == {"p08": {"bad record: AD has not one value for each allele": 1}}
    assert receipt["figures"]["bad_records_outside"] == {"p08": 1}
    assert callset.genotypes("chr2:844", ["p08"])["GT"].to_pylist() == ["./."]
    around = callset.sites("chr2:2,900-5,000")["pos"].to_pylist()
    assert around
    assert not [pos for pos in around if 3001 <= pos <= 4000]


def test_a_row_less_is_refused_with_the_reason(run_before):
    rows = (run_before / "samples.tsv").read_text().splitlines()
    (run_before / "samples.tsv").write_text("\n".join(rows[:-1]) + "\n")
    run = snakemake(run_before)
    assert run.code == 1
    assert any("does not name: p09" in line for line in run.ours), run.said


def test_a_step_that_failed_is_not_passed_over(run_before):
    """Snakemake removes a failed step's receipt; what was made from the one before it still stands there."""
    (run_before / "results/ingest/ingest.json").unlink()
    run = snakemake(run_before, "--dry-run")
    for rule in ("ingest", "discover", "genotype_part", "export", "report"):
        assert re.search(rf"^{rule} +\d+$", run.said, re.M), run.said
    assert not re.search(r"^call +\d+$", run.said, re.M), run.said


def test_a_bad_sample_is_named_and_taken_out_before_it_is_genotyped(run_before):
    cut_gvcf(DATA / "gvcf/p08.g.vcf.gz", run_before / "p08.g.vcf.gz", bases=5_000)
    with (run_before / "config.yaml").open("a") as config:
        config.write("screen: true\nflag: [depth<0.1]\nquarantine: [covered<0.8]\n")
    run = snakemake(run_before)
    assert run.code == 0, run.said
    flags = (run_before / "results/screen/flags.tsv").read_text().splitlines()
    assert [line.split("\t")[:2] for line in flags[1:]] == [["p08", "covered"]]
    receipt = json.loads((run_before / "results/screen/screen.json").read_text())
    assert receipt["balance"] == {"unit": "samples", "taken": 4, "kept": 3, "dropped": {"quarantined": 1}}
    assert open_callset(str(run_before / "results/callset")).samples == ("p04", "p07", "p09")
    assert "screen" in (run_before / "results/report.html").read_text()
    again = snakemake(run_before)
    assert (again.code, "Nothing to be done" in again.said) == (0, True), again.said

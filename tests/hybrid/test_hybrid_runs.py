"""A run over two sites on two networks makes the records of one, whatever the policy and whatever happens to it."""

import os
import subprocess
import time

import pytest

from tests.conftest import DATA
from tests.hybrid.places import LABELS, PROGRAM
from tests.hybrid.runs import POLICIES, Split, at_one_site, begin, exported, killing, run

pytestmark = [pytest.mark.hybrid, pytest.mark.timeout(1200)]

SMALL = {"window_bp": 50_000, "batch_size": 4}
"""More shards than the cohort needs, so that there is a middle of the run."""
CUT_SECONDS = float(os.environ.get("GENOCLOUD_CUT_SECONDS", "30"))
KILLS = int(os.environ.get("GENOCLOUD_WORKER_KILLS", "20"))


@pytest.mark.parametrize("policy", POLICIES)
def test_two_sites_make_the_records_of_one(places, split, one_site, tmp_path, policy):
    outcome = run(places, split, policy, tmp_path / policy)
    assert exported(places, tmp_path / policy, policy) == one_site
    assert 0 < outcome.payload < split.cloud_bytes
    assert outcome.control > 0


@pytest.mark.parametrize("settings", [{"model": "deepvariant"}, {"model": "glnexus", "preset": "DeepVariantWGS"}])
def test_models_of_deepvariants_gvcfs_make_the_records_of_one_site_where_data_stay(places, tmp_path, settings):
    split = Split.of(DATA / "deepvariant", DATA / "reference.fa")
    folder, words = (
        tmp_path / settings["model"],
        [word for key, name in settings.items() for word in (f"--{key}", name)],
    )
    outcome = run(places, split, "stays", folder, **settings)
    one = at_one_site(split, tmp_path / "single", *words)
    assert exported(places, folder, "stays") == one
    assert len(one) > 1_000
    assert 0 < outcome.payload < split.cloud_bytes


def test_gnomads_table_of_two_sites_is_that_of_one(places, split, tmp_path):
    two, one, folder = tmp_path / "two.parquet", tmp_path / "one.parquet", tmp_path / "table"
    figures = begin(places, split, "stays", folder, ["--gnomad-table", str(two)])().figures
    sheet, callset = tmp_path / "samples.tsv", str(tmp_path / "callset")
    sheet.write_text("".join(["sample\tgvcf\tbatch\n", *split.rows("1", "2")]))
    words = ["--reference", str(split.reference), "-o", str(tmp_path / "one.vcf.gz"), "--callset", callset, "--quiet"]
    subprocess.run([*PROGRAM, "joint", str(sheet), *words], check=True, capture_output=True)
    words = [callset, str(one), "--labels", str(LABELS), "--quiet"]
    subprocess.run([*PROGRAM, "gnomad-table", *words], check=True, capture_output=True)
    assert two.read_bytes() == one.read_bytes()
    assert figures["gnomad_table"]["groups"]["XX"]
    assert {row["what"] for row in figures["crossings"]} >= {"gnomad groups", "gnomad counts"}


def test_a_link_that_is_cut_and_comes_back_ends_nothing(places, split, one_site, tmp_path):
    before = places.hospital.crossed()
    finish = begin(places, split, "stays", tmp_path / "cut", **SMALL)
    while places.hospital.crossed() < before + 300_000:
        time.sleep(0.1)
    with places.no_link():
        time.sleep(CUT_SECONDS)
    assert finish().seconds > CUT_SECONDS
    assert exported(places, tmp_path / "cut", "stays") == one_site


def test_workers_that_are_killed_do_not_matter(places, split, one_site, tmp_path):
    finish = begin(places, split, "stays", tmp_path / "kills", **SMALL)
    with killing(places, KILLS, between=1.0) as where:
        finish()
    assert len(where) == KILLS
    assert exported(places, tmp_path / "kills", "stays") == one_site

"""A second simulated cohort, that nobody has tuned anything to, is called as well as the committed one."""

import subprocess
import sys
from pathlib import Path

import pytest

from genocloud import pipeline
from genocloud.samples import read_sheet
from tests.conftest import DATA, Made, call_reads, make_callset, sample_map
from tests.support import truth

pytestmark = [pytest.mark.conformance, pytest.mark.timeout(900)]
SEED = 2


@pytest.fixture(scope="module")
def second(tmp_path_factory) -> Path:
    """The data set of another seed: mapped by the real bwa, called by the real HaplotypeCaller."""
    folder = tmp_path_factory.mktemp("second") / "data"
    command = [sys.executable, str(DATA / "make.py"), str(folder), "--seed", str(SEED)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert (folder / "reference.fa").read_bytes() != (DATA / "reference.fa").read_bytes()
    return folder


@pytest.fixture(scope="module")
def embedded(second, tmp_path_factory) -> Made:
    """The joint callset of its reads, by the embedded caller."""
    folder = tmp_path_factory.mktemp("embedded")
    return make_callset(folder, [sample_map(folder, call_reads(folder, second))], pipeline.IngestOptions(), data=second)


@pytest.fixture(scope="module")
def gatk_gvcfs(second, tmp_path_factory) -> Made:
    """The joint callset of its GATK gVCFs."""
    folder = tmp_path_factory.mktemp("gatk_gvcfs")
    sheet = sample_map(folder, sorted((second / "gvcf").glob("*.g.vcf.gz")))
    return make_callset(folder, [sheet], pipeline.IngestOptions(), data=second)


@pytest.mark.parametrize(("name", "snp", "indel"), [("embedded", 0.99, 0.95), ("gatk_gvcfs", 0.99, 0.97)])
def test_calls_are_the_truth(name, snp, indel, second, request, capsys):
    vcf = request.getfixturevalue(name).vcf
    files = (vcf, second / "truth.vcf.gz", second / "reference.fa", truth.samples_of(vcf))
    everywhere = truth.compare(*files)
    elsewhere = truth.compare(*files, exclude_bed=second / "low_coverage.bed")
    with capsys.disabled():  # for CI's log
        print(f"\nseed {SEED}, {name}, everywhere:\n{truth.summary(everywhere)}")
        print(f"without the low-coverage stretch:\n{truth.summary(elsewhere)}")
    assert everywhere.snp.f1 >= snp
    assert everywhere.indel.f1 >= indel


@pytest.mark.parametrize("name", ["embedded", "gatk_gvcfs"])
def test_haploid_is_haploid_and_no_data_is_missing(name, second, request):
    vcf = request.getfixturevalue(name).vcf
    sexes = {sample.sample: sample.sex for sample in read_sheet(str(second / "samples.tsv"))}
    assert truth.wrong_ploidy(vcf, sexes, second / "par.bed") == []
    assert truth.references_without_data(vcf) == []

"""The workflow with `caller: gatk`, really run: a man's reads and two gVCFs become one callset."""

import os

import pysam
import pytest

from genocloud import json_digest
from tests.conformance.conftest import GATK
from tests.conftest import DATA
from tests.support import truth
from tests.workflow.small_cohort import snakemake

pytestmark = [pytest.mark.conformance, pytest.mark.timeout(900)]
MAN = "father"


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    """The folder of the workflow's run."""
    folder = tmp_path_factory.mktemp("gatk_caller")
    rows = ["sample\tgvcf\treads\tsex", f"{MAN}\t\t{DATA}/reads/{MAN}.cram\tmale"]
    rows += [f"{name}\t{DATA}/gvcf/{name}.g.vcf.gz\t\t{sex}" for name, sex in (("p07", "male"), ("p08", "female"))]
    (folder / "samples.tsv").write_text("\n".join(rows) + "\n")
    config = f"samples: samples.tsv\nreference: {DATA / 'reference.fa'}\npar: ['chrX:1-12000']\ncaller: gatk\n"
    (folder / "config.yaml").write_text(config)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PATH", f"{GATK.parent}{os.pathsep}{os.environ['PATH']}")
        run = snakemake(folder)
    log = folder / "results" / "logs" / "call" / f"{MAN}.log"
    assert run.code == 0, run.said + (log.read_text()[-3000:] if log.exists() else "")
    return folder


@pytest.fixture(scope="module")
def vcf(study):
    """The workflow's joint VCF."""
    return study / "results" / "callset.vcf.gz"


def test_the_programs_receipt_balances(study, capsys):
    receipt = json_digest.open_json((study / f"results/call/{MAN}.json").read_bytes())
    figures, balance = receipt["figures"], receipt["balance"]
    with capsys.disabled():
        print(f"\ncall {MAN}: {receipt['seconds']} s, {receipt['cpu_seconds']} CPU s, {balance}, {figures}")
    gvcf = study / f"results/call/{MAN}.g.vcf.gz"
    with pysam.BGZFile(str(gvcf)) as lines:
        records = sum(not line.startswith(b"#") for line in lines)
    assert (balance["taken"], balance["unit"]) == (records, "records")
    assert figures["variants"] + figures["blocks"] + sum(balance["dropped"].values()) == records
    assert figures["reads"] == 37_988
    assert (figures["program"], figures["program_version"]) == ("gatk", "4.6.2.0")
    assert figures["contigs"] == figures["contigs_with_records"] == 5
    assert receipt["outputs"] == {f"results/call/{MAN}.g.vcf.gz": gvcf.stat().st_size}
    assert receipt["command"].count("gatk HaplotypeCaller") == 2
    assert receipt["cpu_seconds"] > 5
    assert [file.name for file in (study / "results/call").glob(f"*{MAN}*.vcf*")] == [gvcf.name]
    assert "call" in (study / "results/report.html").read_text()


def test_his_genotypes_are_the_truth(vcf, capsys):
    """Within what one person's luck allows: he has 470 SNPs and 60 indels, and a genotype is 0.1 % or 0.8 % of F1."""
    assert truth.samples_of(vcf) == [MAN, "p07", "p08"]
    comparison = truth.compare(vcf, DATA / "truth.vcf.gz", DATA / "reference.fa", [MAN])
    with capsys.disabled():  # for CI's log
        print(f"\ncaller gatk, {MAN}:\n{truth.summary(comparison)}")
    assert comparison.snp.f1 >= 0.98
    assert comparison.indel.f1 >= 0.95


def test_haploid_is_haploid_and_no_data_is_missing(vcf):
    assert truth.wrong_ploidy(vcf, {MAN: "male", "p07": "male", "p08": "female"}, DATA / "par.bed") == []
    assert truth.references_without_data(vcf) == []


def test_he_carries_haploid_alleles(vcf):
    carried = [call for call in truth.called_genotypes(vcf) if call.sample == MAN and any(call.numbers)]
    assert {call.contig for call in carried if len(call.numbers) == 1} == {"chrX", "chrY", "chrM"}
    assert {call.contig for call in carried if len(call.numbers) == 2} == {"chr1", "chr2", "chrX"}

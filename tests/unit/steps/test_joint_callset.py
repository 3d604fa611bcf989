"""The callset of the test data: right against the truth, and what other tools read of it."""

import duckdb
import polars as pl
import pysam
import pytest
from cyvcf2 import VCF

from genocloud.callset import open_callset
from genocloud.samples import read_sheet
from tests.conftest import DATA
from tests.support import truth
from tests.support.decoded_callsets import counted_by_globs

REFERENCE, TRUTH = str(DATA / "reference.fa"), str(DATA / "truth.vcf.gz")
SEXES = {sample.sample: sample.sex for sample in read_sheet(str(DATA / "samples.tsv"))}


def scored(vcf) -> truth.Comparison:
    return truth.compare(vcf, TRUTH, REFERENCE, samples=truth.samples_of(vcf))


def test_gatk_gvcfs_give_the_truth(made):
    comparison = scored(made.vcf)
    assert comparison.snp.f1 >= 0.99
    assert comparison.indel.f1 >= 0.97


@pytest.mark.timeout(900)
def test_the_embedded_caller_gives_the_truth(called):
    comparison = scored(called.vcf)
    assert comparison.snp.f1 >= 0.99
    assert comparison.indel.f1 >= 0.95


@pytest.mark.timeout(900)
@pytest.mark.parametrize("name", ["made", "called"])
def test_haploid_is_haploid_and_no_data_is_missing(name, request):
    vcf = request.getfixturevalue(name).vcf
    assert truth.wrong_ploidy(vcf, SEXES, DATA / "par.bed") == []
    assert truth.references_without_data(vcf) == []


def test_other_tools_accept_the_vcf(made):
    sites = open_callset(made.callset).counts["sites"]
    assert len(pysam.bcftools.view("-H", str(made.vcf)).splitlines()) == sites
    assert sum(1 for _ in VCF(str(made.vcf))) == sites
    with pysam.VariantFile(str(made.vcf)) as file:
        assert sum(1 for _ in file) == sites
        assert sum(1 for _ in file.fetch("chr2")) == open_callset(made.callset).sites("chr2").num_rows


def test_parquet_and_vcf_say_the_same(made):
    by_duckdb = counted_by_globs(made.callset)
    lazy = pl.scan_parquet(f"{made.callset}/calls/*/*.parquet").group_by(pl.col("GT").cast(pl.String)).len().collect()
    assert all(by_duckdb[genotype] >= calls for genotype, calls in lazy.iter_rows())
    in_vcf: dict[str, int] = {}
    with pysam.VariantFile(str(made.vcf)) as file:
        for record in file:
            for field in str(record).rstrip("\n").split("\t")[9:]:
                genotype = field.split(":")[0]
                in_vcf[genotype] = in_vcf.get(genotype, 0) + 1
    assert by_duckdb == in_vcf
    alleles = duckdb.sql(f"SELECT contig, pos, ref, alts FROM '{made.callset}/sites/*.parquet'").fetchall()
    assert alleles == [(site.CHROM, site.POS, site.REF, site.ALT) for site in VCF(str(made.vcf))]


def test_the_quality_of_every_genotype_is_that_of_the_vcf(made):
    rows = open_callset(made.callset).genotypes().select(["GQ", "DP"]).to_pydict()
    missing = -(2**31)
    read = VCF(str(made.vcf))
    for name in ("GQ", "DP"):
        flat = [value for site in VCF(str(made.vcf)) for value in site.format(name)[:, 0].tolist()]
        values = [missing if value is None else min(value, 99) if name == "GQ" else value for value in rows[name]]
        assert flat == values
    assert tuple(read.samples) == open_callset(made.callset).samples

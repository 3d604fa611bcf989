"""Counts by runs equal a loop over every genotype; PSC lines equal those of bcftools stats."""

import math
import shutil
import subprocess

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from genocloud import callset, schema
from genocloud.pipeline.qc.sample_checks import CheckOptions, check_samples
from genocloud.qc.allele_classes import BcftoolsType, HailKind, PicardClass, bcftools_type, hail_kind, picard_class
from genocloud.scatter.executors import Inline
from genocloud.scatter.progress import Silent
from tests.support.wild_callset import alleles_of, write

needs_bcftools = pytest.mark.skipif(not shutil.which("bcftools"), reason="bcftools is not on the PATH")


def check(made: callset.Callset, **options):
    return check_samples(made, CheckOptions(**options), scatter=Inline(), progress=Silent(), name="wild")


def cells_of(made: callset.Callset) -> dict[str, list[tuple[dict, dict]]]:
    """Of each sample: the rows of SITES and of GENOTYPES together, site by site."""
    sites = {(row["contig"], row["pos"]): row for row in made.sites().to_pylist()}
    cells = {sample: [] for sample in made.samples}
    for row in made.genotypes().to_pylist():
        cells[row["sample"]].append((sites[row["contig"], row["pos"]], row))
    return cells


def sample_qc(cells: dict[str, list[tuple[dict, dict]]], sample: str) -> dict:
    """Hail's sample_qc of one sample, genotype by genotype."""
    copies = {}
    for rows in cells.values():
        for site, row in rows:
            for allele in alleles_of(row["GT"]):
                if allele > 0 and -1 not in alleles_of(row["GT"]):
                    key = site["contig"], site["pos"], allele
                    copies[key] = copies.get(key, 0) + 1
    called = [(site, row, alleles_of(row["GT"])) for site, row in cells[sample] if -1 not in alleles_of(row["GT"])]
    alts = [(site, allele) for site, _, own in called for allele in own if allele > 0]
    kinds = [hail_kind(site["ref"], site["alts"][allele - 1]) for site, allele in alts]
    out = {
        "n_called": len(called),
        "n_not_called": len(cells[sample]) - len(called),
        "n_hom_ref": sum(set(own) == {0} for _, _, own in called),
        "n_het": sum(len(set(own)) > 1 for _, _, own in called),
        "n_singleton": sum(copies[site["contig"], site["pos"], allele] == 1 for site, allele in alts),
        **{f"n_{kind.name.lower()}": kinds.count(kind) for kind in HailKind if kind != HailKind.OTHER},
    }
    for name, most in (("DP", math.inf), ("GQ", 99)):
        values = [min(row[name], most) for _, row in cells[sample] if row[name] is not None]
        mean = sum(values) / len(values) if values else None
        variance = sum((value - mean) ** 2 for value in values) / len(values) if values else 0
        out |= {f"{name.lower()}_mean": mean, f"{name.lower()}_stdev": math.sqrt(variance) if values else None}
        out |= {f"{name.lower()}_min": min(values, default=None), f"{name.lower()}_max": max(values, default=None)}
    return out


@settings(max_examples=12, deadline=None, phases=[Phase.explicit, Phase.reuse, Phase.generate])
@given(seed=st.integers(0, 10**9))
def test_hails_metrics_are_those_of_a_loop_over_genotypes(seed):
    made = write(f"memory://wild-{seed}", seed)  # no disk to wait for
    cells, table = cells_of(made), check(made).tables["samples"]
    for row in table.to_pylist():
        expected = sample_qc(cells, row["sample"])
        assert {name: row[name] for name in expected} == pytest.approx(expected), row["sample"]
        assert row["n_hom_var"] == expected["n_called"] - expected["n_hom_ref"] - expected["n_het"]
        assert row["n_non_ref"] == row["n_het"] + row["n_hom_var"]
        assert row["n_snp"] == row["n_transition"] + row["n_transversion"]


def lines_of(text: str, *sections: str) -> list[str]:
    return [line for line in text.splitlines() if line.split("\t")[0] in sections]


@needs_bcftools
@pytest.mark.parametrize("seed", range(6))
def test_bcftools_stats_says_the_same_of_a_wild_callset(seed, tmp_path):
    made = write(f"memory://{tmp_path}", seed, sites=60)
    whole, vcf = tmp_path / "wild.vcf.gz", tmp_path / "genotypes.vcf"
    callset.write_vcf(made, str(whole))
    # Random AC and AN stop bcftools, and without any DP at a site it adds up AD.
    subprocess.run(["bcftools", "annotate", "-x", "INFO,FORMAT/AD", str(whole), "-o", str(vcf)], check=True)
    assert_equal_stats(check(made).texts["bcftools_stats.txt"], vcf)


@needs_bcftools
def test_bcftools_stats_says_the_same_of_a_real_callset(made):
    ours = check(callset.open_callset(made.callset)).texts["bcftools_stats.txt"]
    assert_equal_stats(ours, made.vcf)


def assert_equal_stats(ours: str, vcf) -> None:
    command = ["bcftools", "stats", "-s", "-", str(vcf)]
    theirs = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert lines_of(ours, "PSC") == lines_of(theirs, "PSC")
    assert lines_of(ours, "SN", "ST", "TSTV") == lines_of(theirs, "SN", "ST", "TSTV")
    own_columns = [first_columns(line) for line in lines_of(theirs, "DP", "IDD")]
    assert lines_of(ours, "DP", "IDD") == [line for line in own_columns if not line.endswith("\t0\t0.000000")]


def first_columns(line: str) -> str:
    """Of DP without the number of sites, of IDD without that of genotypes and their allele balance."""
    cells = line.split("\t")
    return "\t".join(cells[: 5 if cells[0] == "DP" else 4])


@pytest.mark.parametrize(
    ("ref", "alt", "hail", "bcftools", "picard"),
    [
        ("A", "G", HailKind.TRANSITION, BcftoolsType.SNP, PicardClass.TRANSITION),
        ("A", "C", HailKind.TRANSVERSION, BcftoolsType.SNP, PicardClass.TRANSVERSION),
        ("A", "AT", HailKind.INSERTION, BcftoolsType.INDEL, PicardClass.INSERTION),
        ("AT", "A", HailKind.DELETION, BcftoolsType.INDEL, PicardClass.DELETION),
        ("CA", "TA", HailKind.TRANSITION, BcftoolsType.SNP, PicardClass.OTHER),
        ("CAA", "CA", HailKind.DELETION, BcftoolsType.INDEL, PicardClass.COMPLEX_INDEL),
        ("AC", "GT", HailKind.OTHER, BcftoolsType.MNP, PicardClass.OTHER),
        ("AC", "GTT", HailKind.OTHER, BcftoolsType.OTHER, PicardClass.COMPLEX_INDEL),
        ("A", "*", HailKind.STAR, BcftoolsType.OVERLAP, PicardClass.TRANSVERSION),
        ("A", "<NON_REF>", HailKind.OTHER, BcftoolsType.REF, PicardClass.OTHER),
        ("A", "<DEL>", HailKind.OTHER, BcftoolsType.INDEL, PicardClass.OTHER),
    ],
)
def test_an_alt_has_the_class_of_each_tool(ref, alt, hail, bcftools, picard):
    assert (hail_kind(ref, alt), bcftools_type(ref, alt), picard_class(ref, alt)) == (hail, bcftools, picard)


def test_a_callset_without_sites_has_all_samples(tmp_path):
    made = write(str(tmp_path), 1, sites=1)
    checked = check(made)
    table = checked.tables["samples"]
    assert table["sample"].to_pylist() == list(made.samples)
    assert table["call_rate"].null_count == len(made.samples)
    assert checked.tables["flags"].equals(schema.FLAGS.empty_table())

"""FT: what GVS says of a genotype by its alleles, in every exported form, cell by cell."""

from pathlib import Path

import pysam
import pytest

import genocloud
from genocloud.callset.genotype_filters import genotype_filter
from genocloud.cli import main
from tests.support import small_callset

ALTS = ["C", "AT", "G", "*"]


@pytest.mark.parametrize(
    ("text", "by_alt", "filters"),
    [
        ("0/1", ["low", "PASS", "PASS", "PASS"], "low"),
        ("0/1", ["PASS", "low", "low", "low"], "PASS"),
        ("1|2", ["low", "PASS", "PASS", "PASS"], "low"),
        ("1/2", ["low", "long", "PASS", "PASS"], "low;long"),
        ("1/3", ["low", "PASS", "PASS", "PASS"], "PASS"),
        ("1/3", ["low&far", "PASS", "low", "PASS"], "low"),
        ("1/1", ["low&far", "PASS", "low", "PASS"], "low;far"),
        ("1/4", ["low", "PASS", "PASS", "PASS"], "low"),
        ("4/4", ["low", "low", "low", "low"], "PASS"),
        ("./1", ["low", "low", "low", "low"], "low"),
        ("1", ["low", "low", "low", "low"], "low"),
        ("0/0", ["low", "low", "low", "low"], "PASS"),
    ],
)
def test_the_best_alt_of_a_type_decides(text, by_alt, filters):
    assert genotype_filter(text, "A", ALTS, by_alt) == filters


@pytest.mark.parametrize("name", ["o.vcf.gz", "o.bcf", "o.svcr.vcf.gz"])
@pytest.mark.parametrize("words", [[], ["--local-alleles"], ["--fields", "GQ"]])
@pytest.mark.parametrize("seed", range(3))
def test_every_genotype_with_an_alt_has_its_own(tmp_path: Path, name: str, words: list[str], seed: int) -> None:
    url, out = str(tmp_path / "callset"), str(tmp_path / name)
    small_callset.write(url, seed=seed)
    filters = ["-f", 'low=TYPE="snp" && AS_QD < 10', "-f", "few=AC < 1000", "-f", 'long=TYPE="indel" && QUAL < 2000']
    assert main(["filter", url, *filters, "-q"]) == 0
    region = ["-L", "chr2"]  # chr1 is too long for the index of VCF
    assert main(["export", url, out, "--genotype-filters", *words, *region, "-q"]) == 0
    made = genocloud.open_callset(url)
    by_alt = {row["pos"]: row["AS_FilterStatus"] for row in made.filters("chr2").to_pylist()}
    with pysam.VariantFile(out) as file:
        records = {record.pos: record for record in file}
    seen = set()
    for row in made.genotypes("chr2", columns=["pos", "sample", "GT"]).to_pylist():
        record = records[row["pos"]]
        called = [each for each in row["GT"].replace("|", "/").split("/") if each not in ("0", ".")]
        expected = genotype_filter(row["GT"], record.ref, record.alts, by_alt[row["pos"]]) if called else None
        assert (record.samples[row["sample"]].get("FT") or ".") == (expected or "."), (row, record.alts)
        seen.add(expected)
    assert len(seen) > 1


def test_a_callset_without_filters_has_no_genotype_filters(tmp_path, capsys):
    url = str(tmp_path / "callset")
    small_callset.write(url)
    for words in ([], ["--unfiltered"]):
        assert main(["export", url, str(tmp_path / "o.bcf"), "--genotype-filters", *words, "-q"]) == 4
        assert "run genocloud filter" in capsys.readouterr().err
    assert not list(tmp_path.glob("o.bcf*"))

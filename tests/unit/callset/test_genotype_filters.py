"""FT: what GVS says of a genotype by its alleles, in every exported form, cell by cell."""

import json
from collections import Counter
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


def lacking(row: dict, ploidy_dp: dict[int, int]) -> list[str]:
    """gnomAD's get_adj_expr, in words: what a called genotype lacks."""
    alleles = row["GT"].replace("|", "/").split("/")
    quality, depth, reads = (row[name] for name in ("GQ", "DP", "AD"))
    names = [] if quality is not None and quality >= 20 else ["GQ20"]
    names += [] if depth is not None and depth >= ploidy_dp[len(alleles)] else ["DP10"]
    called = [int(each) for each in alleles if each != "."]
    if depth is not None and len(set(called)) > 1:
        alts = [each for each in called if each]
        low = [not reads or reads[each] is None or reads[each] / max(depth, 1) < 0.2 for each in alts]
        names += ["AB0.2"] if any(low) else []
    return names


@pytest.mark.parametrize(("name", "words"), [
    ("o.vcf.gz", []), ("o.bcf", ["--local-alleles"]), ("o.bcf", ["--fields", "PL"]), ("o.svcr.vcf.gz", []),
])  # fmt: skip
@pytest.mark.parametrize("seed", range(3))
def test_genotypes_that_are_not_adj_say_what_they_lack(tmp_path: Path, name: str, words: list[str], seed: int) -> None:
    url, out = str(tmp_path / "callset"), str(tmp_path / name)
    small_callset.write(url, seed=seed)
    receipt = tmp_path / "filter.json"
    filters = ["--preset", "adj", "-f", 'low=TYPE="snp" && AS_QD < 10']
    assert main(["filter", url, *filters, "--receipt", str(receipt), "-q"]) == 0
    assert main(["export", url, out, "--genotype-filters", *words, "-L", "chr2", "-q"]) == 0
    made = genocloud.open_callset(url)
    by_alt = {row["pos"]: row["AS_FilterStatus"] for row in made.filters("chr2").to_pylist()}
    with pysam.VariantFile(out) as file:
        assert {"GQ20", "DP10", "AB0.2"} <= set(file.header.filters)
        records = {record.pos: record for record in file}
    seen, cells = set(), Counter[str]()
    for row in made.genotypes().to_pylist():
        alleles = row["GT"].replace("|", "/").split("/")
        lacks = lacking(row, {1: 5, 2: 10, 3: 10})
        cells["missing" if "." in alleles else "not adj" if lacks else "adj"] += 1
        if row["contig"] != "chr2":
            continue
        record = records[row["pos"]]
        of_alts = genotype_filter(row["GT"], record.ref, record.alts or (), by_alt[row["pos"]])
        expected = ";".join([each for each in of_alts.split(";") if each != "PASS"] + lacks) or "PASS"
        cell = record.samples[row["sample"]]
        no_value = set(alleles) == {"."} or (name == "o.svcr.vcf.gz" and set(cell["GT"]) == {None})
        assert (cell.get("FT") or ".") == ("." if no_value else expected), row
        seen.add(expected)
    assert {"GQ20", "DP10"} < {name for text in seen for name in text.split(";")}
    assert json.loads(receipt.read_text())["figures"]["genotypes"] == {
        kind: cells[kind] for kind in ("adj", "not adj", "missing")
    }


def test_a_filter_of_ones_own_has_another_name_than_those_of_adj(tmp_path, capsys):
    url = str(tmp_path / "callset")
    small_callset.write(url)
    assert main(["filter", url, "--preset", "adj", "-f", "GQ20=MEAN_GQ < 20", "-q"]) == 5
    assert "GQ20" in capsys.readouterr().err
    assert main(["filter", url, "--preset", "adj", "-q"]) == 0


def test_a_callset_without_filters_has_no_genotype_filters(tmp_path, capsys):
    url = str(tmp_path / "callset")
    small_callset.write(url)
    for words in ([], ["--unfiltered"]):
        assert main(["export", url, str(tmp_path / "o.bcf"), "--genotype-filters", *words, "-q"]) == 4
        assert "run genocloud filter" in capsys.readouterr().err
    assert not list(tmp_path.glob("o.bcf*"))

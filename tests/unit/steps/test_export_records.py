"""Which records an exported file has and their form, beside bcftools view and norm."""

from itertools import combinations_with_replacement
from pathlib import Path
from typing import Any

import pytest

from genocloud.callset import RecordForm, record_splitting
from genocloud.cli import main
from genocloud.filters import Expression
from genocloud.pipeline import SampleChoice, SiteExpressions
from tests.support import wild_callset
from tests.support.exported_records import ExportedRecord, bcftools, exported, records_of

EVERYONE = SampleChoice(included=("ann,dan,bob,cat,eve",))
"""With true AC and AN, which bcftools insists on."""


@pytest.fixture(scope="module")
def wild(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("records")
    wild_callset.write(str(folder / "callset"), 11, sites=40)
    exported(str(folder / "callset"), folder / "all.bcf", samples=EVERYONE)
    return folder


def ours(wild: Path, out: Path, **options: Any) -> list[ExportedRecord]:
    chosen = {name: options.pop(name) for name in ("samples", "fields", "intervals") if name in options}
    receipt = exported(str(wild / "callset"), out, records=RecordForm(**options), **({"samples": EVERYONE} | chosen))
    records = records_of(out)
    assert receipt.balance["kept"] == len(records)
    assert receipt.balance["taken"] == len(records) + sum(receipt.balance["dropped"].values())
    return records


@pytest.mark.parametrize("suffix", [".vcf.gz", ".bcf", ".vcf"])
def test_split_records_are_those_of_bcftools_norm(wild: Path, tmp_path: Path, suffix: str) -> None:
    own = ours(wild, tmp_path / f"split{suffix}", split=True)
    other = bcftools("norm", "-m-", str(wild / "all.bcf"), out=tmp_path / "norm.bcf")
    assert len(own) > len(records_of(wild / "all.bcf"))
    for one, two in zip(own, other, strict=True):
        assert comparable(one) == comparable(two)


def comparable(record: ExportedRecord) -> ExportedRecord:
    """Without keys that the wild callset has twice."""
    return record._replace(info={key: value for key, value in record.info.items() if key not in ("MQ", "ExcessHet")})


def test_sites_only_and_chosen_records_are_those_of_bcftools_view(wild: Path, tmp_path: Path) -> None:
    out, whole = tmp_path / "out.bcf", str(wild / "all.bcf")
    assert ours(wild, out, sites_only=True) == bcftools("view", "-G", whole, out=tmp_path / "t.bcf")
    for text in ("QUAL>50", "INFO/DP<5000 && AN>4", "QUAL>50 || AC>2", "N_ALT=2"):
        condition = SiteExpressions(include=Expression(text))
        assert [one.place for one in ours(wild, out, condition=condition)] == [
            one.place for one in bcftools("view", "-i", text, whole, out=tmp_path / "t.bcf")
        ]
        condition = SiteExpressions(exclude=Expression(text))
        assert ours(wild, out, condition=condition) == bcftools("view", "-e", text, whole, out=tmp_path / "t.bcf")
    some = SampleChoice(included=("eve,bob",))
    carried = ours(wild, tmp_path / "some.vcf", min_ac=2, samples=some)
    theirs = bcftools("view", "-s", "eve,bob", "-c", "2", whole, out=tmp_path / "t.bcf")
    assert [one.place for one in carried] == [one.place for one in theirs]
    assert [one.samples for one in carried] == [one.samples for one in theirs]
    kept = SampleChoice(included=("eve,bob",), keep_counts=True)
    assert [one.place for one in ours(wild, out, min_ac=2, samples=kept)] == [one.place for one in theirs]


def test_each_record_of_a_split_site_is_judged_by_itself(wild: Path, tmp_path: Path) -> None:
    carried = ours(wild, tmp_path / "some.bcf", split=True, min_ac=1, samples=SampleChoice(included=("eve",)))
    assert carried
    assert all(any(1 in call["GT"] for call in one.samples.values()) for one in carried)
    assert {len(one.alleles) for one in carried} == {2}


def test_stars_are_left_out_on_request_and_ids_name_alleles(wild: Path, tmp_path: Path) -> None:
    every = ours(wild, tmp_path / "every.vcf.gz", split=True)
    own = ours(wild, tmp_path / "own.vcf.gz", split=True, drop_star=True, place_ids=True)
    assert [one.alleles for one in own] == [one.alleles for one in every if one.alleles[1:] != ("*",)]
    names = [one.name for one in own if len(one.alleles) > 1]
    expected = [f"{one.place[0]}:{one.place[1]}:{':'.join(one.alleles)}" for one in own if len(one.alleles) > 1]
    assert names == expected
    assert len(set(names)) == len(names)


def test_haploid_genotypes_become_two_equal_alleles_without_pl(wild: Path, tmp_path: Path) -> None:
    before, after = records_of(wild / "all.bcf"), ours(wild, tmp_path / "diploid.vcf.gz", diploid=True)
    haploid = 0
    for one, two in zip(before, after, strict=True):
        for name, call in one.samples.items():
            if len(call["GT"]) == 2:
                haploid += 1
                call = {key: value for key, value in call.items() if key != "PL"} | {
                    "GT": (call["GT"][0],) * 2 + ("/",)
                }
            assert call == two.samples[name]
    assert haploid


def test_forms_that_do_not_go_together_are_refused_before_any_work(
    wild: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["export", str(wild / "callset"), "-q"]
    assert main([*words, str(wild / "never.vcf.gz"), "--split", "--local-alleles"]) == 5
    assert main([*words, str(wild / "never.svcr.vcf.gz"), "--split"]) == 5
    assert main([*words, str(wild / "never.svcr.vcf.gz"), "--sites-only"]) == 5
    assert main([*words, str(wild / "never.vcf.gz"), "-i", "QAUL>5"]) == 5
    assert "sites have no QAUL; did you mean QUAL?" in capsys.readouterr().err
    assert main([*words, str(wild / "never.vcf.gz"), "-i", "SCORE>5"]) == 5
    assert main([*words, str(wild / "never.vcf.gz"), "--filtered", "pass"]) == 4
    assert main([*words, str(wild / "never.parquet"), "--dense", "--min-ac", "2"]) == 5
    assert not list(wild.glob("never*"))


def test_nothing_that_is_chosen_is_a_file_without_records(wild: Path, tmp_path: Path) -> None:
    for suffix in (".vcf.gz", ".bcf", ".vcf", ".svcr.vcf.gz"):
        out = tmp_path / f"none{suffix}"
        exported(str(wild / "callset"), out, records=RecordForm(min_ac=1000), samples=EVERYONE)
        assert records_of(out) == []


def test_reference_blocks_cover_the_chosen_sites(wild: Path, tmp_path: Path) -> None:
    condition = SiteExpressions(include=Expression("POS>2000"))
    out = tmp_path / "blocks.svcr.vcf.gz"
    exported(str(wild / "callset"), out, records=RecordForm(condition=condition))
    plain = ours(wild, tmp_path / "plain.vcf.gz", condition=condition)
    assert [one.place for one in records_of(out)] == [one.place for one in plain]


def test_genotypes_of_high_ploidy_keep_their_likelihoods_by_one_alt() -> None:
    every = sorted(combinations_with_replacement(range(5), 3), key=lambda alleles: alleles[::-1])
    places = [record_splitting._place(3, 3, copies) for copies in range(4)]
    assert places == [every.index(each) for each in ((0, 0, 0), (0, 0, 3), (0, 3, 3), (3, 3, 3))]

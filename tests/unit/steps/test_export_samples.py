"""Exports of some samples, beside bcftools view."""

from pathlib import Path

import pysam
import pytest

from genocloud import callset
from genocloud.cli import main
from genocloud.pipeline import SampleChoice
from genocloud.pipeline.chosen_samples import EmptyChoice
from tests.support import wild_callset
from tests.support.exported_records import bcftools, exported, records_of


@pytest.fixture(scope="module")
def wild(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("subsets")
    wild_callset.write(str(folder / "callset"), 7)
    exported(str(folder / "callset"), folder / "all.vcf.gz")
    everyone = SampleChoice(included=("ann,dan,bob,cat,eve",))  # with true AC and AN, which bcftools insists on
    exported(str(folder / "callset"), folder / "counted.vcf.gz", samples=everyone)
    return folder


@pytest.mark.parametrize("suffix", [".vcf.gz", ".bcf"])
def test_some_samples_are_what_bcftools_view_takes(wild: Path, tmp_path: Path, suffix: str) -> None:
    out = tmp_path / f"some{suffix}"
    choice = SampleChoice(included=("eve,ann",))
    receipt = exported(str(wild / "callset"), out, samples=choice)
    ours, theirs = (
        records_of(out),
        bcftools("view", "-s", "eve,ann", str(wild / "counted.vcf.gz"), out=tmp_path / "t.bcf"),
    )
    assert list(ours[0].samples) == ["eve", "ann"]
    for own, other in zip(ours, theirs, strict=True):
        assert own._replace(info={}) == other._replace(info={})
        counted = {key: own.info.pop(key, None) for key in ("AC", "AF", "AN")}
        assert {key: value for key, value in other.info.items() if key not in counted} == own.info
        assert (counted["AN"], counted["AC"]) == (other.info["AN"], other.info.get("AC"))
    assert receipt.figures["genotypes"] == 2 * len(ours)


def test_counts_may_be_kept_and_the_header_says_which_they_are(wild: Path, tmp_path: Path) -> None:
    whole, kept, counted = records_of(wild / "all.vcf.gz"), tmp_path / "kept.vcf.gz", tmp_path / "counted.vcf.gz"
    exported(str(wild / "callset"), kept, samples=SampleChoice(excluded=("bob",), keep_counts=True))
    exported(str(wild / "callset"), counted, samples=SampleChoice(excluded=("bob",)))
    for own, other in zip(records_of(kept), whole, strict=True):
        del other.samples["bob"]
        assert own == other
    lines = [str(pysam.VariantFile(str(path)).header) for path in (kept, counted)]
    assert 'Samples=4,Of=5,Counts="QUAL, FILTER and INFO are of all samples"' in lines[0]
    assert 'Counts="AC, AF and AN are of these samples; all else' in lines[1]
    exported(
        str(wild / "callset"),
        kept,
        samples=SampleChoice(excluded=("bob",)),
        records=callset.RecordForm(sites_only=True),
    )
    assert "Samples=4,Of=5" in str(pysam.VariantFile(str(kept)).header)


def test_names_come_from_files_too_and_a_killed_export_of_others_is_not_taken_up(wild: Path, tmp_path: Path) -> None:
    (tmp_path / "family.txt").write_text("# the family\ncat\tmother\n\ndan\n")
    out = tmp_path / "some.vcf.gz"
    words = ["export", str(wild / "callset"), str(out), "-q", "--scatter", "threads:1"]
    assert main([*words, "--samples", str(tmp_path / "family.txt"), "--samples", "ann"]) == 0
    assert list(records_of(out)[0].samples) == ["cat", "dan", "ann"]
    (shard, *_) = callset.shards_in(callset.open_callset(str(wild / "callset")), None)
    parts = [
        callset.export_shard(one, str(tmp_path / "x.vcf.gz"), None, 1)
        for one in (shard, shard.of_samples(["ann"]), shard.of_samples(["ann"], recount=False))
    ]
    assert len({part.key for part in parts}) == 3


def test_mistakes_are_said(wild: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["export", str(wild / "callset"), str(wild / "never.vcf.gz"), "-q"]
    assert main([*words, "--samples", "ann,Bob"]) == 3
    assert "no sample Bob; " in capsys.readouterr().err
    assert main([*words, "--keep-counts"]) == 5
    assert main([*words, "--refined", "--samples", "ann"]) == 5
    assert "leave out --refined" in capsys.readouterr().err
    for out in (["never.pgen"], ["never.vcz"], ["never.parquet", "--dense"]):
        assert main(["export", str(wild / "callset"), str(wild / out[0]), *out[1:], "-q", "--min-ac", "1"]) == 5
        assert f"{out[0]}: a choice or form of records" in capsys.readouterr().err
    with pytest.raises(EmptyChoice):
        exported(str(wild / "callset"), wild / "never.vcf.gz", samples=SampleChoice(excluded=("ann,bob,cat,dan,eve",)))
    assert not list(wild.glob("never*"))


def test_standard_output_is_plain_vcf(wild: Path, tmp_path: Path, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    words = ["export", str(wild / "callset"), "-", "--scatter", "threads:1"]
    assert main([*words, "--samples", "ann"]) == 0
    (tmp_path / "out.vcf").write_bytes(capfdbinary.readouterr().out)
    exported(str(wild / "callset"), tmp_path / "same.vcf", samples=SampleChoice(included=("ann",)))
    assert (tmp_path / "out.vcf").read_bytes() == (tmp_path / "same.vcf").read_bytes()
    assert main([*words, "--receipt", "-"]) == 5
    assert main([*words, "--samples", "nobody"]) == 3
    assert capfdbinary.readouterr().out == b""

"""Exports of a file for each contig and for each family."""

import json
from pathlib import Path

import pytest

import genocloud
from genocloud.cli import main
from tests.support import wild_callset
from tests.support.exported_records import exported, records_of


@pytest.fixture(scope="module")
def wild(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("several")
    wild_callset.write(str(folder / "callset"), 7)
    exported(str(folder / "callset"), folder / "all.bcf")
    (folder / "families.ped").write_text(
        "one\tann\tdan\teve\t2\none\tdan\t0\t0\t1\ntwo\tbob\t0\t0\t1\nthree\tzoe\t0\t0\t2\n"
    )
    return folder


def test_files_of_contigs_are_the_whole_together(wild: Path, tmp_path: Path) -> None:
    words = ["export", str(wild / "callset"), str(tmp_path / "{contig}.vcf.gz"), "-q", "--scatter", "threads:1"]
    assert main([*words, "--receipt", str(tmp_path / "receipt.json")]) == 0
    whole = records_of(wild / "all.bcf")
    contigs = list(dict.fromkeys(record.place[0] for record in whole))
    assert sorted(path.name for path in tmp_path.glob("*.vcf.gz")) == sorted(f"{name}.vcf.gz" for name in contigs)
    assert [record for name in contigs for record in records_of(tmp_path / f"{name}.vcf.gz")] == whole
    receipt = json.loads((tmp_path / "receipt.json").read_text())
    assert receipt["balance"]["kept"] == len(whole)
    assert receipt["figures"]["files"] == len(contigs) == len(receipt["outputs"]) / 2


def test_files_of_contigs_keep_to_the_intervals(wild: Path, tmp_path: Path) -> None:
    contig, pos = records_of(wild / "all.bcf")[1].place
    words = ["export", str(wild / "callset"), str(tmp_path / "{contig}.bcf"), "-q", "-L", f"{contig}:{pos}-{pos}"]
    assert main(words) == 0
    (only,) = tmp_path.glob("*.bcf")
    assert (only.name, [record.place for record in records_of(only)]) == (f"{contig}.bcf", [(contig, pos)])


def test_files_of_families_have_their_samples(wild: Path, tmp_path: Path) -> None:
    words = ["export", str(wild / "callset"), str(tmp_path / "{family}.{contig}.bcf"), "-q", "--min-ac", "1"]
    assert main([*words, "--pedigree", str(wild / "families.ped"), "--exclude-samples", "eve"]) == 0
    assert {path.name.split(".")[0] for path in tmp_path.glob("*.bcf")} == {"one", "two"}
    assert main([*words[:2], str(tmp_path / "two.bcf"), *words[3:], "--samples", "bob"]) == 0
    two = [record for path in sorted(tmp_path.glob("two.*.bcf")) for record in records_of(path)]
    assert sorted(two, key=lambda each: each.place) == sorted(
        records_of(tmp_path / "two.bcf"), key=lambda each: each.place
    )
    first = next(records_of(path) for path in tmp_path.glob("one.*.bcf") if records_of(path))
    assert list(first[0].samples) == ["ann", "dan"]


def test_python_writes_files_of_families_in_any_format(wild: Path, tmp_path: Path) -> None:
    pedigree = wild / "families.ped"
    receipt = genocloud.export(wild / "callset", tmp_path / "{family}.pgen", pedigree=pedigree)
    assert receipt.figures["files"] == 2
    words = ["export", str(wild / "callset"), str(tmp_path / "whole.pgen"), "-q", "--pedigree", str(pedigree)]
    assert main([*words, "--samples", "bob"]) == 0
    assert (tmp_path / "two.pgen").read_bytes() == (tmp_path / "whole.pgen").read_bytes()
    assert "ann" in (tmp_path / "one.psam").read_text()


def test_mistakes_are_said(wild: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["export", str(wild / "callset")]
    assert main([*words, str(tmp_path / "{family}.bcf"), "-q"]) == 5
    assert "add --pedigree PED" in capsys.readouterr().err
    (tmp_path / "f.ped").write_text("a/b\tann\t0\t0\t2\n")
    assert main([*words, str(tmp_path / "{family}.bcf"), "-q", "--pedigree", str(tmp_path / "f.ped")]) == 5
    assert "'a/b' cannot be a part of a file's name" in capsys.readouterr().err
    (tmp_path / "f.ped").write_text("a\tzoe\t0\t0\t2\n")
    assert main([*words, str(tmp_path / "{family}.bcf"), "-q", "--pedigree", str(tmp_path / "f.ped")]) == 5
    assert "no family samples" in capsys.readouterr().err
    assert not list(tmp_path.glob("*.bcf"))

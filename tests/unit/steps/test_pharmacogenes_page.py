"""The commands of docs/pharmacogenes.md run: cohorts called apart have the list's positions, and merge without gaps."""

import re
import shlex
from pathlib import Path

import pysam
import pysam.bcftools
import pytest

from genocloud.cli import main
from tests.conftest import DATA

PAGE = (Path(__file__).resolve().parents[3] / "docs/pharmacogenes.md").read_text()


def records_of(path: str) -> list[pysam.VariantRecord]:
    with pysam.VariantFile(path) as file:
        return list(file)


def words_of(record: pysam.VariantRecord) -> list[str]:
    return [
        "/".join("." if allele is None else str(allele) for allele in call["GT"]) for call in record.samples.values()
    ]


def test_the_commands_of_the_page_run_and_positions_are_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "test_data").symlink_to(DATA)
    monkeypatch.chdir(tmp_path)
    commands = re.findall(r"^    (genocloud|bcftools) (.*)", PAGE, re.M)
    assert [program for program, _ in commands] == [*["genocloud"] * 6, "bcftools"]
    for _, command in commands[:-1]:
        assert main([*shlex.split(command), "-q"]) == 0
    pysam.bcftools.merge(*shlex.split(commands[-1][1])[1:], catch_stdout=False)
    listed = {(record.contig, record.pos) for record in records_of("test_data/truth.vcf.gz")}
    one, two, both = (records_of(name) for name in ("one.forced.vcf.gz", "two.forced.vcf.gz", "both.vcf.gz"))
    places = [{(record.contig, record.pos) for record in records} for records in (one, two, both)]
    assert places == [listed] * 3
    calls = {(each.contig, each.pos): words_of(each) for records in (one, two) for each in records}
    assert sum(word in ("./.", ".") for words in calls.values() for word in words) < sum(map(len, calls.values())) / 20
    unknown = sum(word in ("./.", ".") for records in (one, two) for each in records for word in words_of(each))
    assert sum(word in ("./.", ".") for each in both for word in words_of(each)) == unknown
    assert [list(record.format) for record in records_of("p07.vcf.gz")] == [["GT"]] * len(listed)
    assert {record.contig for record in records_of("gene.vcf.gz")} == {"chr1"}

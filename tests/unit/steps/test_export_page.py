"""The commands of docs/export.md run; what tools ask of an exported file holds of the demo's callset."""

import re
import shlex
from collections import Counter
from itertools import chain
from pathlib import Path
from typing import Any

import pysam
import pytest

from genocloud.callset import RecordForm
from genocloud.cli import main
from tests.conftest import DATA
from tests.support.exported_records import exported, records_of

PAGE = (Path(__file__).resolve().parents[3] / "docs/export.md").read_text()


def test_the_commands_of_the_page_run(made: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "results").mkdir()
    (tmp_path / "results/callset").symlink_to(made.callset)
    (tmp_path / "test_data").symlink_to(DATA)
    (tmp_path / "families.ped").write_text("one\tp07\tp08\t0\t1\none\tp08\t0\t0\t1\n")
    monkeypatch.chdir(tmp_path)
    commands = re.findall(r"^    genocloud (export .*)", PAGE, re.M)
    for command in commands:
        words = shlex.split(command)
        assert main([*words, "-q", "--scatter", "threads:1"]) == 0
        files = list(tmp_path.glob(re.sub(r"\{\w+\}", "*", words[2])))
        assert files
        assert all(map(records_of, files))
    assert len(commands) == 8
    exec(re.findall(r"```python\n(.*?)```", PAGE, re.S)[0], {})
    assert list(records_of("python.bcf")[0].samples) == ["p07"]


@pytest.mark.parametrize("form", [RecordForm(), RecordForm(split=True, place_ids=True, drop_star=True, diploid=True)])
def test_exported_files_are_what_tools_ask_for(made: Any, tmp_path: Path, form: RecordForm) -> None:
    """Shared by seqr, slivar, VEP, regenie, Hail and bcftools +liftover."""
    out = tmp_path / "calls.vcf.gz"
    exported(made.callset, out, records=form)
    with pysam.VariantFile(str(out)) as file:
        header, records = file.header, list(file)
    assert str(header).startswith("##fileformat=VCFv4.2\n")
    assert all(contig.length for contig in header.contigs.values())
    places = Counter((each.contig, each.pos, each.ref, each.alts if form.split else None) for each in records)
    assert set(places.values()) == {1}
    for record in records:
        alts = record.alts or ()
        assert not form.split or len(alts) == 1
        assert not form.drop_star or alts != ("*",)
        assert not form.place_ids or record.id == f"{record.contig}:{record.pos}:{record.ref}:{alts[0]}"
        assert not any(alt.startswith("<") for alt in alts)
        assert list(record.filter.keys()) in ([], ["LowQual"])  # not filtered, so never PASS
        assert set(record.info) <= set(header.info)
        assert set(record.format) <= set(header.formats)
        for key in record.info:
            by_alt = header.info[key].number == "A"
            assert not by_alt or len(record.info[key]) == len(alts)
        for call in record.samples.values():
            check_call(call, len(alts) + 1, diploid=form.diploid)


def check_call(call: pysam.VariantRecordSample, alleles: int, *, diploid: bool) -> None:
    """Lists as long as alleles and ploidy ask or missing; DP and GQ of every genotype of REF; no data is no call."""
    ploidy = len(call["GT"])
    assert ploidy == 2 or not diploid
    genotypes = alleles if ploidy == 1 else alleles * (alleles + 1) // 2
    for key, length in (("AD", alleles), ("PL", genotypes)):
        value = call.get(key)
        assert value is None or set(value) == {None} or len(value) == length
    if set(call["GT"]) == {0}:
        assert call["DP"]
        assert call["GQ"] is not None
    if not any(chain(call.get("AD") or (), call.get("PL") or (), [call.get("DP")])):
        assert set(call["GT"]) == {None}

"""genocloud frequencies: its files, beside bcftools +fill-tags, its groups, and what it refuses."""

import json
import shutil
import subprocess

import pyarrow as pa
import pytest

import genocloud
from genocloud import sealing
from genocloud.cli import main
from genocloud.errors import InputError
from genocloud.pipeline.people_groups import GroupOptions, people_groups


def run(made, out, *words: str) -> int:
    return main(["frequencies", str(made.callset), str(out), "--scatter", "inline", "--quiet", *words])


@pytest.fixture
def labels(made, tmp_path):
    samples = genocloud.open_callset(made.callset).samples
    lines = [f"{sample}\t{'XY' if place % 3 else 'XX'}" for place, sample in enumerate(samples)]
    (tmp_path / "labels.tsv").write_text("\n".join(["sample\tsex", *lines]) + "\n")
    return tmp_path / "labels.tsv"


def _query(vcf, form: str) -> list[str]:
    return subprocess.run(
        ["bcftools", "query", "-f", form, vcf], check=True, capture_output=True, text=True
    ).stdout.split("\n")


@pytest.mark.skipif(shutil.which("bcftools") is None, reason="needs bcftools")
def test_raw_counts_are_those_of_fill_tags(made, labels, tmp_path):
    vcf, groups, filled, out = (tmp_path / name for name in ("c.vcf.gz", "groups.txt", "f.vcf", "out.vcf.gz"))
    assert main(["export", str(made.callset), str(vcf), "--scatter", "inline", "--quiet"]) == 0
    assert run(made, out, "--labels", str(labels), "--by", "sex") == 0
    groups.write_text("".join(f"{line}\n" for line in labels.read_text().splitlines()[1:]))
    tags = ["-t", "AN,AC", "-S", str(groups)]
    done = subprocess.run(["bcftools", "+fill-tags", vcf, "-o", filled, "--", *tags], check=False, capture_output=True)
    if done.returncode:
        pytest.skip("bcftools has no plugin fill-tags here")
    form = "%CHROM %POS %REF %ALT %AC %AN %AC_XX %AN_XX %AC_XY %AN_XY\n"
    assert _query(out, form) == _query(filled, form)
    counted = subprocess.run(["bcftools", "index", "--nrecords", out], check=True, capture_output=True, text=True)
    assert int(counted.stdout) == len(_query(out, "%POS\n")) - 1


def test_python_writes_what_the_command_writes(made, labels, tmp_path):
    ours, theirs = tmp_path / "ours.parquet", tmp_path / "theirs.parquet"
    receipt = genocloud.frequencies(made.callset, ours, labels=labels, by="sex", exclude_samples="p07", threads=1)
    assert run(made, theirs, "--labels", str(labels), "--by", "sex", "--exclude-samples", "p07") == 0
    assert ours.read_bytes() == theirs.read_bytes()
    assert receipt.balance["kept"]


def test_parquet_has_a_row_for_each_alt(made, labels, tmp_path):
    out, receipt = tmp_path / "f.parquet", tmp_path / "f.json"
    assert run(made, out, "--labels", str(labels), "--by", "sex", "--receipt", str(receipt)) == 0
    with out.open("rb") as stream:
        table = sealing.reader(stream).read()
    callset = genocloud.open_callset(made.callset)
    sites = callset.sites(columns=["contig", "pos", "alts", "AC"]).to_pylist()
    expected = [
        (row["contig"], row["pos"], *pair) for row in sites for pair in zip(row["alts"], row["AC"], strict=True)
    ]
    names = ["contig", "pos", "alt", "AC"]
    assert [tuple(row.values()) for row in table.select(names).to_pylist()] == expected
    assert table["AC"].to_pylist() == [
        a + b for a, b in zip(*(table[f"AC_{sex}"].to_pylist() for sex in ("XX", "XY")), strict=True)
    ]
    assert not any(pa.types.is_list(each.type) for each in table.schema)
    balance = json.loads(receipt.read_text())["balance"]
    assert balance["unit"] == "sites"
    assert balance["kept"] == balance["taken"] == len(sites)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["f.json", "f.parquet", "labels.tsv"]


def test_small_groups_are_left_out_so_that_no_difference_is_small(tmp_path):
    samples = [f"s{place}" for place in range(20)]
    values = ["a"] * 3 + ["b"] * 4 + ["c"] * 13
    table = tmp_path / "labels.tsv"
    table.write_text("\n".join(["sample\tgroup", *(f"{s}\t{v}" for s, v in zip(samples, values, strict=True))]))
    options = {"labels_url": str(table), "columns": ("group",)}
    assert set(people_groups(GroupOptions(**options), samples).members) == {"", "a", "b", "c"}
    few = people_groups(GroupOptions(**options, least=4), samples)
    assert set(few.members) == {"", "c"}
    assert few.suppressed == {"a": 3, "b": 4}
    assert set(people_groups(GroupOptions(**options, least=3), samples).suppressed) == set()
    assert set(people_groups(GroupOptions(**options, least=14), samples).members) == {""}


def test_labels_that_cannot_be_keys_are_refused(tmp_path):
    table = tmp_path / "labels.tsv"
    table.write_text("sample\tgroup\tsex\nann\tadj\tXX\nbob\tb c\t\n")
    for column in ("group", "grup", "sex,grup"):
        with pytest.raises(InputError, match=r"labels\.tsv"):
            people_groups(GroupOptions(labels_url=str(table), columns=(column,)), ["ann", "bob"])
    assert people_groups(GroupOptions(labels_url=str(table), columns=("sex",)), ["ann", "bob"]).members["XX"] == {"ann"}
    with pytest.raises(InputError, match="none of the callset's samples"):
        people_groups(GroupOptions(labels_url=str(table), columns=("sex",)), ["cyd"])


def test_another_suffix_is_refused(made, tmp_path, capsys):
    assert run(made, tmp_path / "f.bcf") == 5
    assert ".vcf.gz or .parquet" in capsys.readouterr().err

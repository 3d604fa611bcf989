"""Commands on cohorts, callsets and their files: what they change, and what they say of them."""

import json
import re
import shutil
from pathlib import Path

import pytest

from genocloud import json_digest, open_callset
from tests.conftest import sample_map
from tests.support.command_line import GVCF, REFERENCE, error_text, run, sheet


def test_a_sample_of_the_cohort_is_not_stored_again_nor_replaced(tmp_path, gvcfs, capsys):
    cohort = tmp_path / "cohort"
    base = ("--reference", REFERENCE, "--quiet")
    assert run("ingest", cohort, sample_map(tmp_path, gvcfs[:2]), *base) == 0
    capsys.readouterr()
    assert run("ingest", cohort, sample_map(tmp_path, gvcfs[:3]), *base, "--receipt", "-") == 0
    figures = json.loads(capsys.readouterr().out)["figures"]
    assert figures.pop("bytes_stored") > 1000
    assert figures == {"cohort_version": 2, "samples": 3, "new_samples": 1, "odd": {}}
    swapped = sheet(tmp_path, f"sample gvcf name_in_gvcf\np07 {gvcfs[1]} p08\n")
    assert run("ingest", cohort, swapped, *base) == 3
    assert "p07" in capsys.readouterr().err
    only_one = sheet(tmp_path, f"sample gvcf\np07 {gvcfs[0]}\n")
    assert run("ingest", cohort, only_one, *base, "--complete") == 3
    message = capsys.readouterr().err
    assert "does not name: p08, p09; put them back" in message
    command = re.search(r"genocloud (remove .* p08 p09) ", message)[1].split()
    assert run(*command) == 0
    assert run("ingest", cohort, only_one, *base, "--complete") == 0


@pytest.fixture(scope="module")
def two_versions(tmp_path_factory: pytest.TempPathFactory, gvcfs: list[Path]) -> Path:
    """A cohort of three people, in two batches and two versions; tests copy it."""
    folder, base = tmp_path_factory.mktemp("stored"), ("--reference", REFERENCE, "--quiet")
    cohort = folder / "cohort"
    assert run("ingest", cohort, sample_map(folder, gvcfs[:2]), *base) == 0
    assert run("ingest", cohort, sample_map(folder, gvcfs[:3]), *base) == 0
    return cohort


@pytest.fixture
def stored(tmp_path: Path, two_versions: Path) -> Path:
    """A copy of one's own."""
    return Path(shutil.copytree(two_versions, tmp_path / "cohort"))


def test_a_cohort_changes_and_its_history_tells(tmp_path, stored, capsys):
    names = tmp_path / "names.txt"
    names.write_text("p08\tq08\n")
    assert run("rename", stored, "--file", names) == 0
    assert run("rename", stored, "p07", "q07") == 0
    names.write_text("p09\n")
    assert run("remove", stored, "q08", "--file", names) == 0
    assert run("compact", stored, "--quiet") == 0
    lines = error_text(capsys, "history", stored).splitlines()
    ends = [
        "2 added: p07, p08",
        "1 added: p09",
        "1 renamed: p08 to q08",
        "1 renamed: p07 to q07",
        "2 removed: q08, p09",
    ]
    assert [line.partition("  ")[2].rpartition("  ")[2] for line in lines] == [*ends, "the same samples"]
    assert "samples  1\n" in error_text(capsys, "inspect", stored)
    assert "samples  3\n" in error_text(capsys, "inspect", stored, "--cohort-version", "2")
    assert "sound (" in error_text(capsys, "verify", stored, "--quiet")
    assert "(nothing to drop; what is younger than --older-than 24 hours stays)" in error_text(
        capsys, "collect", stored, "--keep", "1", "--dry-run", "-q"
    )
    assert "objects of older versions" in error_text(
        capsys, "collect", stored, "--keep", "1", "--older-than", "0", "-q"
    )
    assert len(error_text(capsys, "history", stored).splitlines()) == 1


@pytest.mark.parametrize(
    ("command", "code", "said"),
    [
        (("remove", "COHORT", "p99"), 3, "no samples p99"),
        (("remove", "COHORT", "P08"), 3, "; did you mean p08?"),
        (("discover", "COHORT", "--scatter", "thread:2"), 5, "; did you mean threads?"),
        (("discover", "COHORT", "--scatter", "local:procesess=2"), 5, "; did you mean processes?"),
        (("rename", "COHORT", "p07", "p08"), 3, "would be called p08"),
        (("rename", "COHORT", "p07", "p/7"), 3, "cannot name a sample"),
        (("erase", "COHORT", "p99", "--yes"), 3, "no batch has a sample p99"),
        (("inspect", "COHORT", "--cohort-version", "9"), 4, "no version 9"),
        (("discover", "COHORT", "--cohort-version", "9"), 4, "no version 9"),
        (("history", "COHORT/nothing"), 4, "no cohort is here"),
        (("inspect", "COHORT/nothing"), 4, "check the URL"),
        (("collect", "COHORT/nothing"), 4, "no cohort is here"),
        (("compact", "COHORT/nothing"), 4, "no cohort is here"),
    ],
)
def test_what_cannot_be_done_to_a_store_is_one_message(stored, capsys, command, code, said):
    capsys.readouterr()
    quiet = () if command[0] in ("inspect", "history") else ("--quiet",)
    assert run(*(word.replace("COHORT", str(stored)) for word in command), *quiet) == code
    message = capsys.readouterr().err
    assert said in message
    assert message.count("\n") == 1


def test_remove_and_rename_say_what_they_did(stored, capsys):
    said = error_text(capsys, "rename", stored, "p07", "q07")
    assert f"{stored}: renamed 1 sample (p07 to q07); this is version 3." in said
    said = error_text(capsys, "remove", stored, "p08", "p09", "p08")
    assert f"{stored}: took out 2 samples (p08, p09); version 4 has 1 sample." in said
    assert said.count("\n") == 1


@pytest.mark.parametrize("words", [("rename", "a"), ("rename", "a", "b", "c"), ("remove",), ("rename",)])
def test_names_that_are_too_few_or_too_many_are_a_usage_error(stored, capsys, words):
    with pytest.raises(SystemExit) as ended:
        run(words[0], stored, *words[1:])
    assert ended.value.code == 2
    assert "tabs between" in capsys.readouterr().err


def test_a_report_describes_the_cohort_that_was_genotyped(tmp_path, stored, capsys):
    """Whatever the last command was: somebody was removed, and the last ingest had nothing to do."""
    receipts, callset, page = tmp_path / "receipts", tmp_path / "callset", tmp_path / "page.html"
    assert run("remove", stored, "p09") == 0
    assert run("discover", stored, "--quiet") == 0
    one = sheet(tmp_path, f"sample gvcf\np07 {GVCF}\n")
    ingest = "ingest", stored, one, "-R", REFERENCE, "--quiet", "--receipt", receipts / "ingest" / "ingest.json"
    assert run(*ingest) == 0
    genotyped = receipts / "genotype" / "genotype.json"
    assert run("genotype", stored, callset, "--quiet", "--receipt", genotyped) == 0
    figures = json.loads(genotyped.read_text())["figures"]["cohort"]
    taken, totals = 0, 0
    for url in stored.glob("batches/*/receipt.json"):
        receipt_content = json.loads(url.read_text())
        for name, tally in zip(receipt_content["samples"], receipt_content["tallies"], strict=True):
            taken += tally["read"] * (name != "p09")
            totals += sum(tally["stored"].values()) * (name != "p09")
    assert figures == {
        "version": 3,
        "records": {"unit": "records", "taken": taken, "kept": totals, "dropped": figures["records"]["dropped"]},
    }
    title = "--title", "A <study>"
    assert run("report", callset, "--receipts", receipts, "-o", page, "--quiet", *title) == 0
    text = page.read_text()
    assert f"of {taken:,} records" in text
    assert "of 0 records" not in text
    assert "<h1>A &lt;study&gt;</h1>" in text
    assert "cohort version: 3" in text
    assert f"genocloud genotype {stored} {callset} --quiet" in text
    assert re.search(r"finished: 20\d\d-\d\d-\d\d \d\d:\d\d:\d\d UTC", text)
    assert page.with_suffix(".samples.tsv").read_text().count("\n") == 3
    assert [row["sample"] for row in json.loads(page.with_suffix(".samples.json").read_text())] == ["p07", "p08"]


def test_damage_ends_with_4_and_names_the_object(stored, capsys):
    damaged = next(stored.glob("batches/*/blocks/*"))
    damaged.write_bytes(damaged.read_bytes()[:-1])
    assert run("verify", stored, "--quiet") == 4
    assert str(damaged) in capsys.readouterr().err


def test_a_changed_file_replaces_only_where_it_may(tmp_path, stored, gvcfs, capsys):
    swapped = sheet(tmp_path, f"sample gvcf name_in_gvcf\np07 {gvcfs[3]} {gvcfs[3].name.partition('.')[0]}\n")
    base = ("--reference", REFERENCE, "--quiet")
    assert run("ingest", stored, swapped, *base) == 3
    assert "--replace" in capsys.readouterr().err
    assert run("ingest", stored, swapped, *base, "--replace") == 0
    assert error_text(capsys, "history", stored).splitlines()[-1].endswith("1 replaced: p07")


def test_a_person_is_erased_from_the_command_line(tmp_path, stored, capsys):
    callset = tmp_path / "callset"
    assert run("discover", stored, "--quiet") == 0
    assert run("genotype", stored, callset, "--quiet") == 0
    assert "nothing was done" in error_text(capsys, "erase", stored, "p08", "--quiet")
    assert any("(p07, p08)" in error_text(capsys, "inspect", batch) for batch in stored.glob("batches/*"))
    said = error_text(capsys, "erase", stored, "p08", "--yes", "--quiet")
    assert "0 hits" in said
    assert f"Callsets that still hold them, or cannot be read: {callset}" in said
    assert "backups" in said
    assert "samples  2\n" in error_text(capsys, "inspect", stored)
    assert not any(b"p08" in path.read_bytes() for path in stored.rglob("*") if path.is_file())
    assert "sound (" in error_text(capsys, "verify", stored, "--quiet")


def test_an_earlier_version_is_genotyped_and_names_are_those_in_force(tmp_path, stored, capsys):
    assert run("rename", stored, "p07", "q07") == 0
    for number, samples in (("2", ["p07", "p08", "p09"]), ("3", ["q07", "p08", "p09"]), ("1", ["p07", "p08"])):
        url, version = tmp_path / number, ("--cohort-version", number, "--quiet")
        assert run("discover", stored, *version) == 0
        assert run("genotype", stored, url, *version) == 0
        stored_callset = open_callset(str(url))
        assert list(stored_callset.samples) == samples
        assert stored_callset.genotypes()["sample"].to_pylist()[: len(samples)] == samples
    before, after = (open_callset(str(tmp_path / number)) for number in "23")
    assert before.sites() == after.sites()
    assert before.genotypes().drop_columns("sample") == after.genotypes().drop_columns("sample")
    assert len(list(stored.glob("derived/*/*/settled"))) == 2  # versions 2 and 3 differ in names only
    assert run("genotype", stored, tmp_path / "2", "--cohort-version", "3", "--quiet") == 0
    renamed = open_callset(str(tmp_path / "2"))
    assert list(renamed.samples) == ["q07", "p08", "p09"]
    assert renamed.genotypes() == after.genotypes()
    assert "sound (" in error_text(capsys, "verify", tmp_path / "3", "--quiet")
    damaged = next((tmp_path / "3").glob("sites/*"))
    damaged.write_bytes(damaged.read_bytes()[:-5])
    assert run("verify", tmp_path / "3", "--quiet") == 4
    assert str(damaged) in capsys.readouterr().err


def test_inspect_tells_of_files_too(tmp_path, made, capsys):
    receipt = tmp_path / "verify.json"
    assert run("verify", made.cohort, "--receipt", receipt, "--quiet") == 0
    assert "step     verify" in error_text(capsys, "inspect", receipt)
    assert re.search(r"dialect +gatk\n", error_text(capsys, "inspect", GVCF))
    assert re.search(r"index +p07.g.vcf.gz.tbi\n", error_text(capsys, "inspect", GVCF))
    table = next(Path(made.cohort).glob("batches/*/variants/*"))
    assert "row groups" in error_text(capsys, "inspect", table)
    (tmp_path / "other.json").write_text("{}")
    assert run("inspect", tmp_path / "other.json") == 3
    assert "no receipt of genocloud" in capsys.readouterr().err


def test_inspect_of_a_cut_table_names_it(tmp_path, made, capsys):
    table = tmp_path / "cut.parquet"
    table.write_bytes(next(Path(made.cohort).glob("batches/*/variants/*")).read_bytes()[:-9])
    assert run("inspect", table) == 4
    assert f"{table}: a damaged Parquet table" in capsys.readouterr().err


@pytest.mark.parametrize("balance", [[], [1], {"unit": "objects", "kept": 1}, {"dropped": 5}, "none"])
def test_json_with_another_balance_is_no_receipt(tmp_path, made, capsys, balance):
    receipt = tmp_path / "verify.json"
    assert run("verify", made.cohort, "--receipt", receipt, "--quiet") == 0
    fields = json_digest.open_json(receipt.read_bytes()) | {"balance": balance}
    receipt.write_text(json.dumps(json_digest.sealed_json(fields)))
    capsys.readouterr()
    assert run("inspect", receipt) == 3
    assert f"{receipt}: JSON, but no receipt of genocloud" in capsys.readouterr().err


@pytest.mark.parametrize("command", ["remove", "rename"])
def test_a_file_of_names_that_is_no_text_is_an_input_error(tmp_path, capsys, command):
    names = tmp_path / "names.bin"
    names.write_bytes(b"p07\n\xff\xfe")
    assert run(command, tmp_path / "cohort", "--file", names) == 3
    assert f"{names}: byte 4 is not UTF-8" in capsys.readouterr().err


def test_an_old_name_with_two_new_ones_is_refused(tmp_path, stored, capsys):
    names = tmp_path / "names.txt"
    names.write_text("p08\tq08\np07\tq07\np08\tr08\n")
    assert run("rename", stored, "--file", names) == 3
    assert "sample p08 is given two new names, q08 and r08" in capsys.readouterr().err
    assert len(error_text(capsys, "history", stored).splitlines()) == 2


@pytest.mark.parametrize("hours", ["nan", "inf", "-1", "-inf", "soon"])
def test_an_age_that_is_no_number_of_hours_is_a_usage_error(tmp_path, capsys, hours):
    with pytest.raises(SystemExit) as ended:
        run("collect", tmp_path, f"--older-than={hours}")
    assert ended.value.code == 2
    assert f"'{hours}' is not a number of hours from 0 on" in capsys.readouterr().err


def test_a_gvcf_is_verified(tmp_path, capsys):
    assert "sound (1 object," in error_text(capsys, "verify", GVCF, "--quiet")
    cut = tmp_path / "cut.g.vcf.gz"
    cut.write_bytes(GVCF.read_bytes()[:-100])
    assert run("verify", cut, "--quiet") == 3
    assert str(cut) in capsys.readouterr().err

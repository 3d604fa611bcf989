"""The command line: receipts, messages, exit codes; a user's mistake ends without a traceback."""

import importlib
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pysam
import pytest

from genocloud import json_digest, open_callset
from genocloud.cli import main
from genocloud.cli.options import memory_size
from tests.conftest import DATA, sample_map

REFERENCE = str(DATA / "reference.fa")
GVCF = DATA / "gvcf" / "p07.g.vcf.gz"


def sheet(folder: Path, text: str) -> str:
    path = folder / "samples.tsv"
    path.write_text(text.replace(" ", "\t"))
    return str(path)


def run(*arguments: str | Path) -> int:
    return main([str(argument) for argument in arguments])


def other_reference(folder: Path) -> str:
    """The reference with an index that makes chr2 longer."""
    copied = folder / "other.fa"
    shutil.copy(REFERENCE, copied)
    lines = Path(f"{REFERENCE}.fai").read_text().splitlines()
    rows = [line.split("\t") for line in lines]
    rows[1][1] = str(int(rows[1][1]) + 1)
    Path(f"{copied}.fai").write_text("".join("\t".join(row) + "\n" for row in rows))
    return str(copied)


def only_part(cohort: Path, capsys: pytest.CaptureFixture[str]) -> str:
    """The name of the one part that the small reference makes, as inspect tells it."""
    capsys.readouterr()
    assert run("inspect", cohort) == 0
    return re.search(r"^parts +(\S+)$", capsys.readouterr().out, re.M)[1]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "holds no sample"),
        ("sample gvcf\n", "holds no sample"),
        (f"sample gvcf\np07 {GVCF}\np07 {GVCF}\n", "already on line 2"),
        ("sample gvcf\np07 nowhere.g.vcf.gz\n", "no file"),
        (f"sample gvcf name_in_gcvf\np07 {GVCF} p07\n", "; did you mean name_in_gvcf?"),
        (f"Sample gvcf\np07 {GVCF}\n", "; did you mean sample?"),
        (f"sample gvcf colour\np07 {GVCF} red\n", "unknown column 'colour'"),
        (f"sample gvcf\nanother {GVCF}\n", "name_in_gvcf"),
        ("sample gvcf\np07 https://nowhere.invalid/p07.g.vcf.gz\n", "https://"),
        (f"sample reads\np07 {DATA / 'low_coverage.bed'}\n", "no index"),
    ],
)
def test_a_mistake_in_the_sheet_is_one_message_and_exit_code_3(tmp_path, capsys, text, said):
    assert run("inputs", sheet(tmp_path, text), "--reference", REFERENCE, "--quiet") == 3
    message = capsys.readouterr().err
    assert said in message
    assert message.count("\n") == 1
    assert "Traceback" not in message


def test_a_contig_of_another_length_is_refused(tmp_path, capsys):
    wrong = other_reference(tmp_path)
    text = f"sample gvcf\np07 {GVCF}\n"
    assert run("joint", sheet(tmp_path, text), "--reference", wrong, "-o", tmp_path / "a.vcf.gz", "--quiet") == 3
    assert "chr2 has more than one length" in capsys.readouterr().err
    assert not (tmp_path / "a.vcf.gz").exists()


def test_a_reference_without_index_is_refused(tmp_path, capsys):
    (tmp_path / "bare.fa").write_text(">chr1\nACGT\n")
    code = run("inputs", sheet(tmp_path, f"sample gvcf\np07 {GVCF}\n"), "--reference", tmp_path / "bare.fa", "--quiet")
    assert code == 3
    assert "samtools faidx" in capsys.readouterr().err


def test_store_and_setting_errors_have_their_own_exit_codes(tmp_path, capsys):
    assert run("discover", tmp_path / "nothing", "--quiet") == 4
    assert "no cohort is here" in capsys.readouterr().err
    assert run("discover", tmp_path / "nothing", "--scatter", "moon", "--quiet") == 5


@pytest.mark.parametrize(
    ("words", "near"),
    [
        (("ingset", "a", "b"), "ingest"),
        (("joint", "a", "-R", "b", "-o", "c", "--calset", "d"), "--callset"),
        (
            ("joint", "a", "-R", "b", "-o", "c", "--stand-call-config=4"),
            "--stand-call-conf",
        ),
        (("call", "a", "--reads", "b", "-R", "c", "-o", "d", "--sex", "femal"), "female"),
    ],
)
def test_a_mistyped_word_says_what_was_perhaps_meant(capsys, words, near):
    with pytest.raises(SystemExit) as ended:
        main(list(words))
    assert ended.value.code == 2
    assert capsys.readouterr().err.endswith(f"; did you mean {near}?\n")


@pytest.mark.parametrize("words", [("scheduler", "--plain"), ("workers", "tcp://head:8786", "--plain")])
def test_an_option_with_a_new_name_says_it(capsys, words):
    with pytest.raises(SystemExit) as ended:
        main(list(words))
    assert ended.value.code == 2
    assert capsys.readouterr().err.endswith("; --plain has a new name: --insecure\n")


def test_a_word_like_no_other_has_no_suggestion(capsys):
    with pytest.raises(SystemExit):
        main(["zzzzz"])
    assert "did you mean" not in capsys.readouterr().err


def test_usage_errors_end_with_2():
    with pytest.raises(SystemExit) as ended:
        main(["genotype"])
    assert ended.value.code == 2


def test_the_steps_one_by_one_with_receipts(tmp_path, gvcfs, capsys):
    cohort, callset, vcf = tmp_path / "cohort", tmp_path / "callset", tmp_path / "out.vcf.gz"
    samples = sample_map(tmp_path, gvcfs[:3])
    receipts = {
        name: tmp_path / "receipts" / name / f"{name}.json" for name in ("ingest", "discover", "genotype", "export")
    }
    common = ("--quiet", "--receipt")
    assert run("ingest", cohort, samples, "--reference", REFERENCE, *common, receipts["ingest"]) == 0
    assert run("discover", cohort, *common, receipts["discover"]) == 0
    part = receipts["genotype"].with_name("part.json")
    assert run("genotype", cohort, callset, "--part", only_part(cohort, capsys), *common, part) == 0
    assert run("export", callset, vcf, "--quiet") == 4
    assert run("genotype", cohort, callset, *common, receipts["genotype"]) == 0
    sites = json.loads(receipts["genotype"].read_text())["balance"]["taken"]
    assert run("export", callset, vcf, *common, receipts["export"]) == 0
    for step, path in receipts.items():
        error_text = json.loads(path.read_text())
        balance = error_text["balance"]
        assert error_text["step"] == step
        assert balance["taken"] == balance["kept"] + sum(balance["dropped"].values()) > 0
    page = tmp_path / "report.html"
    assert run("report", callset, "--receipts", tmp_path / "receipts", "-o", page, "--quiet") == 0
    assert "<svg" in page.read_text()
    assert f"of {sites:,} sites" in page.read_text()
    assert "call rate" in (tmp_path / "report.txt").read_text()
    for url, said in ((cohort, "batches"), (callset, "genotypes")):
        capsys.readouterr()
        assert run("inspect", url) == 0
        assert said in capsys.readouterr().out


def test_a_receipt_on_standard_output(tmp_path, gvcfs, capsys):
    samples = sample_map(tmp_path, gvcfs[:1])
    assert run("inputs", samples, "--reference", REFERENCE, "--quiet", "--receipt", "-") == 0
    assert json.loads(capsys.readouterr().out)["figures"] == {"samples": 1, "reads": 0}


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


def test_a_plan_that_this_machine_cannot_hold_is_refused(tmp_path, gvcfs, capsys, monkeypatch):
    samples, out = sample_map(tmp_path, gvcfs[:1]), tmp_path / "a.vcf.gz"
    assert run("joint", samples, "--reference", REFERENCE, "-o", out, "--quiet", "--memory", "10MB") == 5
    assert "give more --memory" in capsys.readouterr().err
    monkeypatch.setattr(importlib.import_module("genocloud.pipeline.work_folder"), "STORE_SHARE", 10**12)
    assert run("joint", samples, "--reference", REFERENCE, "-o", out, "--quiet") == 5
    assert "larger disk" in capsys.readouterr().err


def test_a_callset_in_its_cohorts_place_is_refused(tmp_path, gvcfs, capsys):
    cohort = tmp_path / "cohort"
    assert run("ingest", cohort, sample_map(tmp_path, gvcfs[:1]), "--reference", REFERENCE, "--quiet") == 0
    assert run("discover", cohort, "--quiet") == 0
    assert run("genotype", cohort, cohort, "--quiet") == 5
    assert "same place" in capsys.readouterr().err
    assert run("inspect", cohort) == 0


def test_what_joint_cannot_use_is_said_before_the_work(tmp_path, gvcfs, capsys):
    totals = "joint", sample_map(tmp_path, gvcfs[:1]), "--reference", REFERENCE, "--quiet", "-o", tmp_path / "a.vcf.gz"
    mine, known = tmp_path / "mine", tmp_path / "known.vcf"
    mine.mkdir()
    (mine / "thesis.txt").write_text("")
    assert run(*totals, "--callset", mine) == 4
    assert run(*totals, "--callset", tmp_path / "a.vcf.gz") == 5
    known.write_text(
        "##fileformat=VCFv4.2\n#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\nNC_1\t5\trs1\tA\tC\t.\t.\t.\n"
    )
    assert run(*totals, "--dbsnp", pysam.tabix_index(str(known), preset="vcf")) == 3
    assert "none of its contigs (NC_1) is the reference's (chr" in capsys.readouterr().err
    assert not list(tmp_path.glob("a.vcf.gz*"))


@pytest.mark.parametrize(
    "options",
    [
        ("--window-bp", "0"),
        ("--batch-size", "-5"),
        ("--part-bp", "1.5"),
        ("--threads", "0"),
        ("--max-alternate-alleles", "no"),
    ],
)
def test_counts_below_one_are_a_usage_error(options):
    command = "export" if "--threads" in options else "genotype" if "--max-alternate-alleles" in options else "ingest"
    with pytest.raises(SystemExit) as ended:
        main([command, "a", "b", *options])
    assert ended.value.code == 2


@pytest.mark.parametrize("option", ["--heterozygosity=0", "--heterozygosity-stdev=-1", "--stand-call-conf=nan"])
def test_a_model_that_cannot_be_is_a_setting_error(tmp_path, gvcfs, capsys, option):
    samples = sample_map(tmp_path, gvcfs[:1])
    assert run("joint", samples, "--reference", REFERENCE, "-o", tmp_path / "a.vcf.gz", "--quiet", option) == 5
    assert "correct them" in capsys.readouterr().err


@pytest.mark.parametrize("index", [b"chr1\n", b"chr1\tmany\n", b"\xff\xfe", b""])
def test_an_index_that_is_none_is_an_input_error(tmp_path, capsys, index):
    (tmp_path / "bad.fa").write_text(">chr1\nACGT\n")
    (tmp_path / "bad.fa.fai").write_bytes(index)
    code = run("inputs", sheet(tmp_path, f"sample gvcf\np07 {GVCF}\n"), "--reference", tmp_path / "bad.fa", "--quiet")
    assert code == 3
    assert "samtools faidx" in capsys.readouterr().err


def test_a_vcf_that_is_no_gvcf_is_refused(tmp_path, made, capsys):
    only = tmp_path / "p07.vcf.gz"
    only.write_bytes(made.vcf.read_bytes())
    text = f"sample gvcf name_in_gvcf\np07 {only} p07\n"
    assert run("joint", sheet(tmp_path, text), "--reference", REFERENCE, "-o", tmp_path / "a.vcf.gz", "--quiet") == 3
    assert "no reference block" in capsys.readouterr().err


@pytest.mark.parametrize(("name", "code"), [("a.vcf", 5), ("ftp://bucket/a.vcf.gz", 5)])
def test_a_name_that_no_vcf_can_have_is_reported_before_any_work(tmp_path, gvcfs, capsys, name, code):
    out = name if "://" in name else tmp_path / name
    assert run("joint", sample_map(tmp_path, gvcfs[:1]), "--reference", REFERENCE, "-o", out) == code
    assert "ingest" not in capsys.readouterr().err


@pytest.fixture
def stored(tmp_path, gvcfs) -> Path:
    """A cohort of three people, in two batches and two versions."""
    cohort, base = tmp_path / "cohort", ("--reference", REFERENCE, "--quiet")
    assert run("ingest", cohort, sample_map(tmp_path, gvcfs[:2]), *base) == 0
    assert run("ingest", cohort, sample_map(tmp_path, gvcfs[:3]), *base) == 0
    return cohort


def error_text(capsys: pytest.CaptureFixture[str], *arguments: str | Path) -> str:
    """What a command that succeeds writes, on standard output and beside it."""
    capsys.readouterr()
    assert run(*arguments) == 0
    captured = capsys.readouterr()
    return captured.out + captured.err


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


def test_output_that_is_not_read_ends_with_141_and_no_word(made):
    code = "import sys; from genocloud.cli import main; sys.exit(main(sys.argv[1:]))"
    reading, writing = os.pipe()
    os.close(reading)
    try:
        command = [sys.executable, "-c", code, "history", made.cohort]
        ended = subprocess.run(command, stdout=writing, stderr=subprocess.PIPE)
    finally:
        os.close(writing)
    assert (ended.returncode, ended.stderr) == (141, b"")


def test_a_gvcf_is_verified(tmp_path, capsys):
    assert "sound (1 object," in error_text(capsys, "verify", GVCF, "--quiet")
    cut = tmp_path / "cut.g.vcf.gz"
    cut.write_bytes(GVCF.read_bytes()[:-100])
    assert run("verify", cut, "--quiet") == 3
    assert str(cut) in capsys.readouterr().err


def ended_as_a_process(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    code = "import atexit; from genocloud.cli import run; atexit.register(print, 'told'); run()"
    return subprocess.run([sys.executable, "-c", code, *map(str, arguments)], capture_output=True, text=True)


def test_a_process_ends_with_its_exit_code_and_all_that_it_had_to_say(tmp_path, made):
    done, failed = ended_as_a_process("history", made.cohort), ended_as_a_process("history", tmp_path / "none")
    assert (done.returncode, failed.returncode) == (0, 4)
    assert done.stdout.endswith("told\n")
    assert done.stdout.count("\n") > 1
    assert failed.stderr.startswith("genocloud: error: ")


SLOW = {"numba", "pyarrow", "dask", "distributed", "matplotlib", "pandas", "pysam", "rich", "jinja2", "snakemake"}
"""What a command must not load unless it uses it: each takes tenths of a second."""


def loaded(*arguments: str | Path) -> set[str]:
    """The slow packages that a command has loaded when it ends, in a process of its own."""
    code = """import sys
from genocloud.cli import main
from genocloud.cli.options import memory_size
try:
    main(sys.argv[1:])
finally:
    print(*sys.modules, file=sys.stderr)
"""
    ended = subprocess.run([sys.executable, "-c", code, *map(str, arguments)], capture_output=True, text=True)
    assert ended.returncode == 0, ended.stderr
    return SLOW & set(ended.stderr.split())


@pytest.mark.parametrize("command", [[], ["joint"], ["ingest"], ["export"], ["compact"], ["collect"]])
def test_help_loads_nothing_slow(command):
    assert loaded(*command, "--help") == set()


def test_commands_load_what_they_use(tmp_path, made, gvcfs):
    assert loaded("history", made.cohort) == {"pyarrow"}
    assert loaded("export", made.callset, tmp_path / "a.vcf.gz", "--quiet") == {"numba", "pyarrow"}
    samples = sample_map(tmp_path, gvcfs[:2])
    common = ("--reference", REFERENCE, "--quiet")
    receipt = ("--receipt", tmp_path / "inputs.json")
    assert loaded("inputs", samples, *common, *receipt) == set(), "headers, indexes and receipts need no kernels"
    assert loaded("joint", samples, "-o", tmp_path / "b.vcf.gz", *common) <= {"numba", "pyarrow", "pysam"}


def test_kernels_are_compiled_once_and_it_is_said(tmp_path):
    code = (
        "from genocloud.kernels.vcf_columns import renumber; import numpy as np; renumber(*np.zeros((2, 1), np.int32))"
    )
    environment = os.environ | {"NUMBA_CACHE_DIR": str(tmp_path)}
    said = [
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment).stderr
        for _ in range(2)
    ]
    assert said[0].count("compiling kernels") == 1
    assert said[1] == ""


@pytest.mark.parametrize(
    ("text", "size"), [("4GB", 4 * 10**9), ("500MiB", 500 << 20), ("1.5g", 1_500_000_000), ("2048k", 2_048_000)]
)
def test_a_size_is_read_as_people_write_it(text, size):
    assert memory_size(text) == size


@pytest.mark.parametrize("text", ["", "0", "4XB", "-1GB", "much"])
def test_a_size_that_is_none_is_a_usage_error(tmp_path, capsys, text):
    with pytest.raises(SystemExit, match="2"):
        run("discover", tmp_path, f"--memory={text}")
    assert f"{text!r} is not a size such as 4GB or 500MiB" in capsys.readouterr().err


def test_a_budget_that_is_too_small_is_said(tmp_path, capsys):
    assert run("discover", tmp_path, "--memory=50MB") == 5
    assert "give more --memory" in capsys.readouterr().err

"""The command line: receipts, messages, exit codes; a user's mistake ends without a traceback."""

import importlib
import json
import re
import shutil
from pathlib import Path

import pysam
import pytest

from genocloud.cli import main
from genocloud.cli.options import memory_size
from tests.conftest import DATA, sample_map
from tests.support.command_line import GVCF, REFERENCE, run, sheet


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
    assert "data-root=" in page.read_text()
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


@pytest.mark.parametrize("option", ["--heterozygosity=0", "--heterozygosity-stdev=0", "--stand-call-conf=nan"])
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


@pytest.mark.parametrize(("name", "code"), [("a.vcf.bz2", 5), ("ftp://bucket/a.vcf.gz", 5)])
def test_a_name_that_no_vcf_can_have_is_reported_before_any_work(tmp_path, gvcfs, capsys, name, code):
    out = name if "://" in name else tmp_path / name
    assert run("joint", sample_map(tmp_path, gvcfs[:1]), "--reference", REFERENCE, "-o", out) == code
    assert "ingest" not in capsys.readouterr().err


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

"""The command line: receipts, messages, exit codes; a user's mistake ends without a traceback."""

import importlib
import json
import re
import shutil
from pathlib import Path

import pytest

from genocloud.cli import main
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
        told = json.loads(path.read_text())
        balance = told["balance"]
        assert told["step"] == step
        assert balance["taken"] == balance["given"] + sum(balance["dropped"].values()) > 0
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
    assert figures == {"cohort_version": 2, "samples": 3, "new_samples": 1}
    swapped = sheet(tmp_path, f"sample gvcf name_in_gvcf\np07 {gvcfs[1]} p08\n")
    assert run("ingest", cohort, swapped, *base) == 3
    assert "p07" in capsys.readouterr().err
    only_one = sheet(tmp_path, f"sample gvcf\np07 {gvcfs[0]}\n")
    assert run("ingest", cohort, only_one, *base, "--complete") == 3
    assert "does not name: p08, p09" in capsys.readouterr().err


def test_a_plan_that_this_machine_cannot_hold_is_refused(tmp_path, gvcfs, capsys, monkeypatch):
    module = importlib.import_module("genocloud.steps.joint")
    monkeypatch.setattr(module, "ROW_BYTES", 10**9)
    samples, out = sample_map(tmp_path, gvcfs[:1]), tmp_path / "a.vcf.gz"
    assert run("joint", samples, "--reference", REFERENCE, "-o", out, "--quiet") == 5
    assert "fewer --threads" in capsys.readouterr().err
    monkeypatch.setattr(module, "STORE_SHARE", 10**12)
    assert run("joint", samples, "--reference", REFERENCE, "-o", out, "--quiet") == 5
    assert "larger disk" in capsys.readouterr().err


def test_a_callset_in_its_cohorts_place_is_refused(tmp_path, gvcfs, capsys):
    cohort = tmp_path / "cohort"
    assert run("ingest", cohort, sample_map(tmp_path, gvcfs[:1]), "--reference", REFERENCE, "--quiet") == 0
    assert run("discover", cohort, "--quiet") == 0
    assert run("genotype", cohort, cohort, "--quiet") == 5
    assert "same place" in capsys.readouterr().err
    assert run("inspect", cohort) == 0


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


@pytest.mark.parametrize(("name", "code"), [("a.vcf", 5), ("s3://bucket/a.vcf.gz", 5)])
def test_a_name_that_no_vcf_can_have_is_told_before_any_work(tmp_path, gvcfs, capsys, name, code):
    out = name if "://" in name else tmp_path / name
    assert run("joint", sample_map(tmp_path, gvcfs[:1]), "--reference", REFERENCE, "-o", out) == code
    assert "ingest" not in capsys.readouterr().err

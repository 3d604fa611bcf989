"""What is no receipt among a run's receipts, and what inspect says of one: one error with its name, no traceback."""

import pytest

from genocloud.cli import main
from genocloud.pipeline.receipts import Receipt, lost_outputs, write_receipt
from genocloud.report.stages import kept_of

BROKEN = [
    b"{",
    b"",
    b"\xff\xfe",
    b"[]",
    b"3",
    b"[" * 100_000,
    b'{"step": 3}',
    b'{"step": ["genotype"]}',
    b'{"step": "genotype", "figures": []}',
    b'{"step": "genotype", "seconds": "soon"}',
    b'{"step": "genotype", "seconds": null}',
    b'{"step": "ingest", "balance": "none"}',
]

ODD = [
    b'{"step": "genotype", "seconds": NaN}',
    b'{"step": "genotype", "seconds": -1}',
    b'{"step": "genotype", "cpu_seconds": 1e999}',
    b'{"step": "genotype", "peak_memory_bytes": -9223372036854775809}',
    b'{"step": "genotype", "balance": {"unit": "sites", "taken": "3", "kept": 3, "dropped": {}}}',
    b'{"step": "genotype", "balance": {"unit": "sites", "taken": -3, "kept": 3, "dropped": {}}}',
    b'{"step": "genotype", "balance": {"unit": "sites", "taken": 3, "kept": NaN, "dropped": {}}}',
    b'{"step": "genotype", "balance": {"unit": "sites", "taken": 3, "kept": 2, "dropped": {"odd": Infinity}}}',
    b'{"step": "genotype", "balance": {"unit": "sites", "taken": 3, "kept": 2, "dropped": [1]}}',
    b'{"step": "genotype", "inputs": {"a": ["b"]}}',
    b'{"step": "genotype", "figures": {"cohort": 3}}',
    b'{"step": "genotype", "figures": {"cohort": {"version": "three"}}}',
    b'{"step": "genotype", "figures": {"cohort": {"version": NaN}}}',
    b'{"step": "genotype", "figures": {"cohort": {"version": 3}}}',
    b'{"step": "ingest", "figures": {"bad_records": 7}}',
    b'{"step": "ingest", "figures": {"bad_records": {"ann": 7}}}',
    b'{"step": "ingest", "figures": {"bad_records_outside": {"ann": "many"}}}',
    b'{"step": "hybrid", "figures": {}}',
    b'{"step": "hybrid", "figures": {"sites": 3, "crossings": []}}',
    b'{"step": "hybrid", "figures": {"sites": {}, "crossings": [{"bytes": "x"}]}}',
    b'{"step": "hybrid", "figures": {"sites": {}, "crossings": [], "totals": {"a": 3}}}',
    b'{"step": "ingest", "figures": {"bytes_stored": "much"}}',
]


@pytest.mark.parametrize("text", [*BROKEN, *ODD])
def test_report_names_what_is_no_receipt(text, made, tmp_path, capsys):
    (tmp_path / "genotype").mkdir()
    (tmp_path / "genotype" / "genotype.json").write_bytes(text)
    out = tmp_path / "report.html"
    assert main(["report", made.callset, "--receipts", str(tmp_path), "-o", str(out), "--scatter", "inline"]) == 3
    error = capsys.readouterr().err
    assert error.count("genocloud: error: ") == 1
    assert "genotype/genotype.json: " in error
    assert not out.exists()


@pytest.mark.parametrize(
    "text", [*BROKEN[:-5], b'{"step": 1, "version": 2, "figures": {}, "seconds": "x", "balance": 0}']
)
def test_inspect_names_what_is_no_receipt(text, tmp_path, capsys):
    file = tmp_path / "receipt.json"
    file.write_bytes(text)
    assert main(["inspect", str(file)]) == 3
    assert "receipt.json: " in capsys.readouterr().err


def test_receipts_and_plans_with_the_keys_of_before_are_read(made, tmp_path, capsys):
    balance = b'{"unit": "sites", "taken": 3, "given": 2, "dropped": {"x": 1}}'
    text = b'{"step": "genotype", "version": "0.1.0", "balance": %s}' % balance
    (tmp_path / "receipts").mkdir()
    (tmp_path / "receipts" / "genotype.json").write_bytes(text)
    plan = tmp_path / "plan.json"
    plan.write_text('{"asked": {"lines": []}, "rates": {"measured": "2026-11-01"}, "placements": []}')
    out = tmp_path / "report.html"
    receipts = "--receipts", str(tmp_path / "receipts")
    assert main(["report", made.callset, *receipts, "--plan", str(plan), "-o", str(out), "--scatter", "inline"]) == 0
    assert kept_of({"taken": 3, "given": 2}) == 2
    capsys.readouterr()
    whole = text.replace(
        b'"step"',
        b'"inputs": {}, "figures": {}, "outputs": {}, "seconds": 1, "cpu_seconds": 1, "peak_memory_bytes": 1, "step"',
    )
    (tmp_path / "receipts" / "genotype.json").write_bytes(whole)
    assert main(["inspect", str(tmp_path / "receipts" / "genotype.json")]) == 0
    assert "3 taken, 2 kept" in capsys.readouterr().out


def test_a_receipt_with_a_flipped_bit_is_damage(made, tmp_path, capsys):
    receipt = Receipt("genotype", figures={"sites": {1: 2}}, seconds=12.5)  # numbers as keys are text in JSON
    (tmp_path / "genotype").mkdir()
    file = tmp_path / "genotype" / "genotype.json"
    write_receipt(receipt, str(file))
    assert main(["inspect", str(file)]) == 0
    file.write_bytes(file.read_bytes().replace(b"12.5", b"12.4"))
    for words in (
        ["inspect", str(file)],
        ["report", made.callset, "--receipts", str(tmp_path), "-o", str(tmp_path / "r.html"), "--scatter", "inline"],
    ):
        assert main(words) == 4
        assert "genotype/genotype.json: this receipt is damaged" in capsys.readouterr().err
    assert lost_outputs(str(file), ["gs://somewhere/out.vcf.gz"]) == ["gs://somewhere/out.vcf.gz"]

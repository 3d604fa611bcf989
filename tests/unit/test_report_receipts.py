"""What is no receipt among a run's receipts, and what inspect says of one: one error with its name, no traceback."""

import pytest

from genocloud.cli import main

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


@pytest.mark.parametrize("text", BROKEN)
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

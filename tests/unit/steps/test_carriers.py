"""genocloud carriers: its outputs, its receipt, and what it refuses."""

import json
import os
import subprocess
import sys

import pytest

import genocloud
from genocloud import sealing
from genocloud.cli import main


@pytest.fixture
def places(made) -> list[str]:
    return [contig.name for contig in genocloud.open_callset(made.callset).contigs]


def test_text_parquet_and_stdout_say_the_same(made, places, tmp_path, capfdbinary):
    text, parquet, receipt = tmp_path / "c.tsv", tmp_path / "c.parquet", tmp_path / "c.json"
    (tmp_path / "genes.bed").write_text("".join(f"{contig}\t0\t1000000\n" for contig in places[:1]))
    words = ["carriers", str(made.callset), *places]
    for out in (text, parquet):
        assert main([*words, "-o", str(out), "--receipt", str(receipt)]) == 0
    assert main(words) == 0
    assert capfdbinary.readouterr().out == text.read_bytes()
    expected = genocloud.open_callset(made.callset).with_filters().carriers(None)
    with parquet.open("rb") as stream:
        table = sealing.reader(stream).read()
    assert len(table) > 10
    assert table.to_pylist() == expected.to_pylist()
    header, *lines = text.read_text().splitlines()
    cells = [dict(zip(header.split("\t"), line.split("\t"), strict=True)) for line in lines]
    as_text = [{name: "." if value is None else str(value) for name, value in row.items()} for row in table.to_pylist()]
    assert cells == as_text
    balance = json.loads(receipt.read_text())["balance"]
    assert balance["unit"] == "sites"
    assert balance["kept"] == len({(row["contig"], row["pos"]) for row in cells})


def test_samples_and_interval_files(made, places, tmp_path, capfdbinary):
    bed = tmp_path / "gene.bed"
    bed.write_text(f"{places[0]}\t0\t5000\n")
    callset = genocloud.open_callset(made.callset)
    someone = callset.samples[1]
    assert main(["carriers", str(made.callset), str(bed), "--samples", someone]) == 0
    lines = capfdbinary.readouterr().out.decode().splitlines()[1:]
    assert len(lines) == len(callset.carriers(f"{places[0]}:1-5000", someone))


def test_what_cannot_be_is_refused(made, places, tmp_path, capsys):
    assert main(["carriers", str(made.callset), places[0], "-o", str(tmp_path / "c.vcf")]) == 5
    assert ".tsv or .parquet" in capsys.readouterr().err
    assert main(["carriers", str(made.callset), f"{places[0]}:1:A:G"]) == 3
    assert main(["carriers", str(made.callset), "chr99"]) == 3
    assert capsys.readouterr().out == ""
    assert not list(tmp_path.iterdir())


def test_carriers_start_without_numba(made, places):
    """It takes longer to load than all that the command does."""
    code = "import sys; from genocloud.cli import main; main(sys.argv[1:]); sys.exit('numba' in sys.modules)"
    command = [sys.executable, "-c", code, "carriers", str(made.callset), places[0]]
    ended = subprocess.run(command, capture_output=True, check=False, env=os.environ)
    assert (ended.returncode, ended.stdout[:6]) == (0, b"contig"), ended.stderr

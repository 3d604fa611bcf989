"""The dense table of a callset as one Parquet file."""

from pathlib import Path

import duckdb
import pyarrow.parquet as pq
import pytest

from genocloud import callset, schema
from genocloud.callset import reading
from genocloud.cli import main
from tests.support.small_callset import write


@pytest.mark.parametrize("at_once", [1, 4, 1 << 20])
def test_the_file_has_every_genotype_in_full(tmp_path: Path, at_once: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "_ROWS_AT_ONCE", at_once)
    made, out = write(f"{tmp_path}/callset"), f"{tmp_path}/out.parquet"
    assert callset.write_dense(made, out) == 15
    assert pq.read_schema(out).names == schema.GENOTYPES.names
    assert pq.read_table(out).to_pylist() == made.genotypes().to_pylist()
    assert duckdb.sql(f"select sum(DP)::bigint from '{out}'").fetchall() == [
        (sum(depth or 0 for depth in made.genotypes()["DP"].to_pylist()),)
    ]


def test_the_command_writes_it_for_intervals_too(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    made, out = write(f"{tmp_path}/callset"), f"{tmp_path}/out.parquet"
    assert main(["export", made.url, out, "--dense", "--quiet", "-L", "chr1:900-1,000"]) == 0
    assert pq.read_table(out).to_pylist() == made.genotypes("chr1:900-1,000").to_pylist()
    assert main(["export", made.url, f"{tmp_path}/out.vcf.gz", "--dense", "--quiet"]) != 0
    assert "out.vcf.gz" in capsys.readouterr().err
    assert main(["export", made.url, out, "--quiet"]) != 0

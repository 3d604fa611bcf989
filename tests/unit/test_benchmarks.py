"""The benchmarks of ingest run, on a cohort of three; what they measure is for `make bench`."""

import shutil
from pathlib import Path

import pytest

from tests.benchmarks import bench_import, bench_ingest, bench_reading

DATA = Path(__file__).resolve().parents[2] / "test_data"
REFERENCE = DATA / "reference.fa"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three gVCFs."""
    for path in sorted((DATA / "gvcf").glob("*.g.vcf.gz"))[:3]:
        shutil.copy(path, tmp_path)
    return tmp_path


def test_reading_is_measured(folder, capsys):
    bench_reading.bench_file(str(next(folder.glob("*.g.vcf.gz"))), 1)
    told = capsys.readouterr().out
    assert "inflate (library only)" in told
    assert "cyvcf2, our columns" in told


def test_import_is_measured(folder, capsys):
    costs = bench_import.bench(folder, REFERENCE, None, "chr1", 1)
    assert costs["genocloud"].cpu_seconds > 0
    assert costs["genocloud"].memory < 1_000_000_000
    assert "of the gVCFs'" in capsys.readouterr().out


def test_growth_is_measured(folder, capsys):
    ratios = bench_ingest.bench_growth(folder, REFERENCE, 1, 1)
    assert all(0 < ratio < 10 for ratio in list(ratios.values())[1:])
    assert "appended" in capsys.readouterr().out


def test_memory_is_measured_at_two_lengths(folder):
    quarter, whole = bench_ingest.bench_memory(folder, REFERENCE, 2, 20_000, 1).values()
    assert 0 < whole.memory < 2 * quarter.memory

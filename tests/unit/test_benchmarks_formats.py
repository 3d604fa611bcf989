"""What the benchmark of formats runs, and what it says of it."""

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.benchmarks.bench_formats import Measured, jobs, lines, measure
from tests.support.small_callset import write

needs_bcftools = pytest.mark.skipif(shutil.which("bcftools") is None, reason="bcftools is not installed")


def test_each_program_is_set_against_genocloud():
    measured = {"genocloud": Measured(2.0, 4.0, 10), "bcftools view": Measured(6.0, 6.0, 12)}
    ours, theirs = lines("bcf", measured)
    assert ours.endswith("| 2.00 | 4.00 | 10 | 1.00 | 1.00 |")
    assert theirs == "| bcf | bcftools view | 6.00 | 6.00 | 12 | 3.00 | 1.50 |"


@pytest.mark.slow
@needs_bcftools
def test_what_both_programs_make_is_there_and_weighed(tmp_path: Path) -> None:
    write(str(tmp_path / "callset"))
    made = jobs(tmp_path / "callset", tmp_path / "ours.vcf.gz", tmp_path, ["chr1"], "")
    for what in ("vcf", "bcf", "carriers chr1"):
        costs = measure(made[what], 1)
        assert len(costs) == 2
        assert all(each.bytes > 0 and each.core_seconds > 0 for each in costs.values())
    with pytest.raises(subprocess.CalledProcessError):
        measure(jobs(tmp_path / "callset", tmp_path / "none.vcf.gz", tmp_path, [], "")["bcf"], 1)

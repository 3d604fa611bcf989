"""The parser as plain Python gives what it gives compiled."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def test_uncompiled_the_written_cases_read_as_the_twin_reads_them():
    command = [sys.executable, "-m", "pytest", "-q", "tests/unit/test_gvcf_rows.py", "-k", "written"]
    uncompiled = {**os.environ, "NUMBA_DISABLE_JIT": "1"}
    ended = subprocess.run(command, cwd=ROOT, env=uncompiled, check=False, capture_output=True, text=True)
    assert ended.returncode == 0, ended.stdout

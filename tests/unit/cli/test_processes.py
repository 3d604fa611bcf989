"""What a command loads, and how its process ends."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import sample_map
from tests.support.command_line import REFERENCE


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


def ended_as_a_process(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    code = "import atexit; from genocloud.cli import run; atexit.register(print, 'told'); run()"
    return subprocess.run([sys.executable, "-c", code, *map(str, arguments)], capture_output=True, text=True)


def test_a_process_ends_with_its_exit_code_and_all_that_it_had_to_say(tmp_path, made):
    done, failed = ended_as_a_process("history", made.cohort), ended_as_a_process("history", tmp_path / "none")
    assert (done.returncode, failed.returncode) == (0, 4)
    assert done.stdout.endswith("told\n")
    assert done.stdout.count("\n") > 1
    assert failed.stderr.startswith("genocloud: error: ")


SLOW = {"numba", "pyarrow", "dask", "distributed", "bokeh", "pandas", "pysam", "rich", "jinja2", "snakemake"}


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

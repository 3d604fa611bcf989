"""The laws that genocloud publishes: the example of the docstring runs, and a store that breaks a law fails it."""

import gzip
import re
import subprocess
import sys
import textwrap

import pytest

from genocloud import testing
from genocloud.callset.formats import form_of
from genocloud.testing import exporters

EXAMPLE = textwrap.dedent(re.search(r"\n\n((?:    .*\n|\n)+)", testing.__doc__)[1])

BROKEN = """

class Replacing(MemoryStore):
    def create(self, name, data):
        self.write(name, data)
"""


def run(folder, text: str) -> tuple[int, str]:
    """Exit code and output of pytest on a file of its own, as a user has it."""
    (folder / "test_mine.py").write_text(text)
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-p",
        "no:cacheprovider",
        "-k",
        "create or written",
        "test_mine.py",
    ]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout


def test_the_example_runs(tmp_path):
    code, said = run(tmp_path, EXAMPLE)
    assert code == 0, said
    assert re.search(r"\b[5-9] passed", said), said


def test_a_store_that_breaks_a_law_fails(tmp_path):
    code, said = run(tmp_path, EXAMPLE.replace("return MemoryStore", "return Replacing") + BROKEN)
    assert code == 1, said
    assert "test_create_does_not_replace" in said


class Lossy(testing.ExportLaws):
    """A reader to which the last record is missing."""

    form = form_of("calls.vcf.gz")

    def read(self, path):
        with gzip.open(path, "rt") as file:
            rows = [line.split("\t") for line in file if not line.startswith("#")]
        return [
            testing.ExportedRecord(
                contig=row[0], pos=int(row[1]), ref=row[3], alts=tuple(row[4].split(",")), genotypes=None
            )
            for row in rows[:-1]
        ]


def test_a_format_that_loses_a_record_fails(tmp_path):
    small = exporters.write_callset(str(tmp_path / "callset"), exporters.SITES)
    with pytest.raises(AssertionError):
        Lossy().test_the_records_are_those_of_the_callset(small, tmp_path / "out.vcf.gz")


def test_what_is_published_is_named():
    assert all(hasattr(testing, name) for name in testing.__all__)
    with pytest.raises(NotImplementedError):
        testing.ExportLaws().read(None)

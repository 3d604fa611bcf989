"""The parser as plain Python gives what it gives compiled."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from numba import njit

from genocloud.kernels import allele_text, vcf_fields

ROOT = Path(__file__).resolve().parents[3]


def test_uncompiled_the_written_cases_read_as_the_twin_reads_them():
    command = [sys.executable, "-m", "pytest", "-q", "tests/unit/gvcf/test_rows.py", "-k", "written"]
    uncompiled = {**os.environ, "NUMBA_DISABLE_JIT": "1"}
    ended = subprocess.run(command, cwd=ROOT, env=uncompiled, check=False, capture_output=True, text=True)
    assert ended.returncode == 0, ended.stdout


def test_compiled_kernels_are_loaded_without_what_compiles():
    """The second process finds them in the cache, whatever the first one found."""
    code = "import sys; from genocloud import gvcf; gvcf.load_reader(); print('numba.typed.typeddict' in sys.modules)"
    said = [subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True) for _ in range(2)]
    assert said[1].stdout == "False\n"


@njit
def compiled(text, at, other, place, size):
    """What is compiled in another way than it is written, on pointers as the parser calls it."""
    own, others = vcf_fields.pointer(text), vcf_fields.pointer(other)
    return vcf_fields.digits(own, at), vcf_fields.field_end(own, at), vcf_fields.same(own, at, others, place, size)


def padded(text: bytes) -> np.ndarray:
    return np.frombuffer(text + b"\t" + bytes(16), np.uint8)


@settings(deadline=None)
@given(st.binary(max_size=20) | st.text("0123456789;:,", max_size=30).map(str.encode), st.data())
def test_eight_bytes_at_a_time_say_what_one_at_a_time_says(written, data):
    at = data.draw(st.integers(0, len(written)))
    other = data.draw(st.binary(max_size=20) | st.just(written[at:]) | st.just(written))
    place = data.draw(st.integers(0, len(other)))
    size = data.draw(st.integers(0, len(other) - place))
    arguments = padded(written), at, padded(other), place, size
    digits, end, same = compiled(*arguments)
    assert digits == vcf_fields.digits(arguments[0], at)
    assert end == vcf_fields.field_end(arguments[0], at)
    assert same == vcf_fields.same(*arguments)


@settings(deadline=None)
@given(
    st.text("ACGTNRYacgtry", min_size=1, max_size=60),
    st.text("ACGTNMKacgt", min_size=1, max_size=12),
    st.integers(0, 60),
    st.integers(1, 9),
)
def test_a_ref_contradicts_where_no_base_can_be_both(sequence, ref, start, line_bases):
    lines = [sequence[at : at + line_bases] for at in range(0, len(sequence), line_bases)]
    bases = np.frombuffer("\n".join(lines).encode(), np.uint8)
    place = len(sequence), bases, line_bases, line_bases + 1
    there = sequence[start : start + len(ref)]
    agree = [set(MEANINGS[a.upper()]) & set(MEANINGS[b.upper()]) for a, b in zip(ref, there, strict=False)]
    expected = len(there) < len(ref) or not all(agree)
    assert allele_text.contradicts(np.frombuffer(ref.encode(), np.uint8), 0, len(ref), start, *place) == expected


MEANINGS = {"A": "A", "C": "C", "G": "G", "T": "T", "N": "ACGT", "R": "AG", "Y": "CT", "M": "AC", "K": "GT"}

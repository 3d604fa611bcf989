"""Readers that fetch blocks behave as files do, and fetch few of them."""

import io
from contextlib import nullcontext

import pytest
from hypothesis import given
from hypothesis import strategies as st

from genocloud.objects.streams import BLOCK_BYTES, outlet, read_blocks

CONTENT = bytes(range(251)) * 10_000
MOVES = st.tuples(st.integers(0, len(CONTENT) + 10), st.integers(-1, 2 * BLOCK_BYTES))


def write_and_raise(stream):
    stream.write(b"hello")
    raise ZeroDivisionError


def fetch(start: int, end: int) -> bytes:
    assert 0 <= start < end <= len(CONTENT)
    return CONTENT[start:end]


@given(st.lists(MOVES, max_size=5))
def test_reads_as_a_file(moves):
    with read_blocks(fetch, len(CONTENT)) as ours, io.BytesIO(CONTENT) as theirs:
        for start, size in moves:
            assert ours.seek(start) == theirs.seek(start)
            assert ours.read(size) == theirs.read(size)
            assert ours.tell() == theirs.tell()


def test_small_reads_share_a_request():
    asked = []

    def fetch_counted(start: int, end: int) -> bytes:
        asked.append((start, end))
        return fetch(start, end)

    with read_blocks(fetch_counted, len(CONTENT)) as stream:
        while stream.read(1000):
            pass
    assert asked == [
        (0, BLOCK_BYTES),
        (BLOCK_BYTES, 2 * BLOCK_BYTES),
        (2 * BLOCK_BYTES, len(CONTENT)),
    ]


def test_what_a_failed_caller_wrote_does_not_follow_later():
    sink = io.BytesIO()
    with pytest.raises(ZeroDivisionError), outlet(sink, nullcontext) as stream:
        write_and_raise(stream)
    assert stream.closed
    with outlet(sink, nullcontext) as stream:
        stream.write(b"next")
    assert (sink.getvalue(), sink.closed) == (b"next", False)


def test_a_place_before_the_start_is_refused():
    with read_blocks(fetch, len(CONTENT)) as stream, pytest.raises(ValueError, match="negative"):
        stream.seek(-1)

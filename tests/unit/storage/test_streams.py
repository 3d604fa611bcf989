"""Readers that fetch blocks behave as files do, fetch few of them, ahead, and again where the service fails."""

import io
import random
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from genocloud.storage import StoreFailed, streams
from genocloud.storage.streams import BLOCK_BYTES, FIRST_BYTES, outlet, read_blocks

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
    with read_blocks(fetch, len(CONTENT), "gs://a/b") as ours, io.BytesIO(CONTENT) as theirs:
        for start, size in moves:
            assert ours.seek(start) == theirs.seek(start)
            assert ours.read(size) == theirs.read(size)
            assert ours.tell() == theirs.tell()


class Service:
    """Answers after a while; now and then with an error, now and then too short."""

    def __init__(self, seconds=0.0, errors=0.0, cuts=0.0):
        self.seconds, self.errors, self.cuts = seconds, errors, cuts
        self.chance, self.ranges, self.now, self.most = random.Random(1), [], 0, 0
        self.lock = threading.Lock()

    def __call__(self, start, end):
        with self.lock:
            self.ranges.append((start, end))
            fate, self.now = self.chance.random(), self.now + 1
            self.most = max(self.most, self.now)
        time.sleep(self.seconds)
        with self.lock:
            self.now -= 1
        if fate < self.errors:
            raise ConnectionResetError("reset")
        if fate < self.errors + self.cuts:
            end = start + (end - start) // 3
        return fetch(start, end)

    def open(self):
        return read_blocks(self, len(CONTENT), "gs://a/b")


@pytest.fixture
def no_pauses(monkeypatch):
    monkeypatch.setattr(streams, "PAUSE_SECONDS", 0.0001)


def test_small_reads_share_a_request():
    service = Service()
    with service.open() as stream:
        while stream.read(1000):
            pass
    starts = [0, *range(FIRST_BYTES, len(CONTENT), BLOCK_BYTES), len(CONTENT)]
    assert service.ranges == list(pairwise(starts))


def test_a_look_at_one_place_fetches_little():
    service = Service()
    with service.open() as stream:
        stream.read(10)
        stream.seek(-8, io.SEEK_END)
        stream.read(8)
    assert service.ranges == [(0, FIRST_BYTES), (len(CONTENT) - 8, len(CONTENT))]


def test_all_that_is_left_is_one_request():
    service = Service()
    with service.open() as stream:
        assert stream.read(5) + stream.read() == CONTENT
        assert stream.read() == b""
    assert [end for _, end in service.ranges] == [FIRST_BYTES, len(CONTENT)]


def test_a_large_read_is_one_request_and_nothing_is_kept_ahead():
    service = Service()
    with service.open() as stream:
        assert len(stream.read(4 * BLOCK_BYTES)) == 4 * BLOCK_BYTES
    assert service.ranges == [(0, 4 * BLOCK_BYTES)]


def test_the_next_block_comes_while_the_present_one_is_used():
    service = Service(seconds=0.2)
    with service.open() as stream:
        stream.read(FIRST_BYTES)
        stream.read(BLOCK_BYTES)
        time.sleep(0.4)  # parsing
        before = time.monotonic()
        stream.read(BLOCK_BYTES // 2)
        assert time.monotonic() - before < 0.15
    assert service.most == 1


def test_no_more_than_one_block_is_requested_ahead():
    service = Service()
    with service.open() as stream:
        stream.read(FIRST_BYTES + 10)
        time.sleep(0.1)
        assert service.ranges == list(
            pairwise([0, FIRST_BYTES, FIRST_BYTES + BLOCK_BYTES, FIRST_BYTES + 2 * BLOCK_BYTES])
        )


def test_a_block_requested_ahead_and_unused_does_no_harm():
    service = Service(seconds=0.01)
    with service.open() as stream:
        stream.read(2 * FIRST_BYTES)
        for place in (2_000_000, 5, 1_000_000, 999_999):
            stream.seek(place)
            assert stream.read(10) == CONTENT[place : place + 10]
            assert stream.read(FIRST_BYTES) == CONTENT[place + 10 : place + 10 + FIRST_BYTES]


def test_a_slow_and_faulty_service_gives_every_byte(no_pauses):
    service = Service(seconds=0.002, errors=0.03, cuts=0.06)
    chance = random.Random(2)
    with ThreadPoolExecutor(20) as pool:

        def read_all(number):
            with service.open() as stream:
                if number % 2:
                    return b"".join(iter(lambda: stream.read(100_000), b""))
                stream.seek(chance.randrange(1000))
                place = stream.tell()
                return CONTENT[:place] + b"".join(iter(lambda: stream.read(131_072), b""))

        assert set(pool.map(read_all, range(40))) == {CONTENT}
    assert len(service.ranges) > 40 * (len(CONTENT) // BLOCK_BYTES)


def test_a_service_that_never_recovers_is_reported(no_pauses):
    service = Service(errors=1.0)
    with service.open() as stream, pytest.raises(StoreFailed, match=r"gs://a/b: cannot be reached \(reset\), asked 6"):
        stream.read(10)
    assert len(service.ranges) == streams.TRIES
    with (
        read_blocks(lambda start, end: b"", 100, "gs://a/b") as stream,
        pytest.raises(StoreFailed, match="fewer bytes"),
    ):
        stream.read(10)


def test_pauses_grow(monkeypatch):
    pauses = []
    monkeypatch.setattr(time, "sleep", pauses.append)
    with read_blocks(lambda start, end: b"", 100, "gs://a/b") as stream, pytest.raises(StoreFailed):
        stream.read(10)
    assert pauses == [0.1, 0.2, 0.4, 0.8, 1.6]


def test_an_answer_that_nothing_can_mend_is_raised_at_once():
    ranges = []

    def refuse(start, end):
        ranges.append(start)
        raise StoreFailed("gs://a/b", "permission denied", "ask")

    with read_blocks(refuse, 100, "gs://a/b") as stream, pytest.raises(StoreFailed, match="permission denied"):
        stream.read(10)
    assert ranges == [0]


def test_an_error_ahead_is_raised_where_it_is_read():
    def end_at_first(start, end):
        if start >= FIRST_BYTES + BLOCK_BYTES:
            raise StoreFailed("gs://a/b", "was replaced", "run this again")
        return fetch(start, end)

    with read_blocks(end_at_first, len(CONTENT), "gs://a/b") as stream:
        assert len(stream.read(FIRST_BYTES)) == FIRST_BYTES
        assert len(stream.read(BLOCK_BYTES)) == BLOCK_BYTES
        with pytest.raises(StoreFailed, match="was replaced"):
            stream.read(1)


def test_many_streams_share_few_threads():
    service = Service(seconds=0.005)
    streams_open = [service.open() for _ in range(100)]
    for _ in range(3):
        for stream in streams_open:
            stream.read(FIRST_BYTES)
    before = threading.active_count()
    for stream in streams_open:
        stream.close()
    assert before < streams.AHEAD_THREADS + 10
    assert service.most <= streams.AHEAD_THREADS + 1


def test_what_a_failed_caller_wrote_does_not_follow_later():
    sink = io.BytesIO()
    with pytest.raises(ZeroDivisionError), outlet(sink, nullcontext) as stream:
        write_and_raise(stream)
    assert stream.closed
    with outlet(sink, nullcontext) as stream:
        stream.write(b"next")
    assert (sink.getvalue(), sink.closed) == (b"next", False)


def test_a_place_before_the_start_is_refused():
    with read_blocks(fetch, len(CONTENT), "gs://a/b") as stream, pytest.raises(ValueError, match="negative"):
        stream.seek(-1)

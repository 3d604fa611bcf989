"""Streams over objects: a read-ahead reader, a writer that only its owner can complete, retries."""

import io
import os
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager, suppress
from functools import cache
from typing import Any, BinaryIO, TypeVar, cast

from genocloud.storage.store import StoreFailed

BLOCK_BYTES = 1 << 19
"""Read ahead and write behind. A reader holds two blocks, the present and the next: of 200 that an ingest has open,
200 MB. A request that takes 30 ms gives 17 MB/s to one stream, and as it runs while the block before it is parsed, an
ingest with many streams does not wait for it."""

FIRST_BYTES = 1 << 17
"""The first request after opening or seeking: a header, an index's place or a footer needs no more."""

SMALL_BYTES = 1 << 15
"""Buffer size of the reader, so that reading a line costs no call into this module."""

AHEAD_THREADS = 32
"""Concurrent requests of all streams: 32 of 30 ms each give 500 MB/s, more than a machine's cores parse."""

TRIES = 6
PAUSE_SECONDS = 0.1
"""The first pause before a retry; each next one is twice as long, 3 s in all."""

RANGE_BYTES = 1 << 23
"""Size of the concurrent requests of a large read: at 30 ms before the first byte and 100 MB/s after it, three quarters
of the time is spent on bytes."""

Fetch = Callable[[int, int], bytes]
T = TypeVar("T")


class _Fetched(io.RawIOBase):
    """A raw stream over range requests; sequential reads fetch the next block while the current one is used."""

    def __init__(self, fetch: Fetch, size: int) -> None:
        self._fetch, self._size, self._at = fetch, size, 0
        self._start, self._block = 0, b""
        self._ahead: Future[bytes] | None = None

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        self._at = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size}[whence] + offset
        if self._at < 0:
            raise ValueError(f"negative seek position {self._at}")
        return self._at

    def readinto(self, buffer: Any, /) -> int:
        view = memoryview(buffer)
        if not self._start <= self._at < self._end:
            if len(view) > BLOCK_BYTES:
                return self._at_once(view)
            self._load()
        data = self._block[self._at - self._start :][: len(view)] if self._at < self._end else b""
        view[: len(data)] = data
        self._at += len(data)
        return len(data)

    def readall(self) -> bytes:
        data = self._fetch(self._at, self._size) if self._at < self._size else b""
        self._at = max(self._at, self._size)
        return data

    @property
    def _end(self) -> int:
        return self._start + len(self._block)

    def _at_once(self, view: memoryview) -> int:
        """Read more than a block directly, without keeping it."""
        data = self._fetch(self._at, min(self._at + len(view), self._size)) if self._at < self._size else b""
        view[: len(data)] = data
        self._at += len(data)
        return len(data)

    def _load(self) -> None:
        """Load the block at the current position."""
        in_order = self._at == self._end and self._end > 0
        ahead, self._ahead = self._ahead, None
        self._block, self._start, at = b"", self._at, self._at
        if ahead and in_order:
            self._block = ahead.result()
        else:
            end = min(at + (BLOCK_BYTES if in_order else FIRST_BYTES), self._size)
            self._block = self._fetch(at, end) if at < end else b""
        if in_order and self._end < self._size:
            end = min(self._end + BLOCK_BYTES, self._size)
            self._ahead = submit(self._fetch, self._end, end)

    def close(self) -> None:
        if self._ahead:
            self._ahead.cancel()
        self._ahead, self._block = None, b""
        super().close()


@cache
def _threads(process: int) -> ThreadPoolExecutor:  # noqa: ARG001  (a forked child has none of its parent's threads)
    return ThreadPoolExecutor(AHEAD_THREADS, "genocloud-ahead")


def submit(task: Callable[..., T], *of: Any) -> Future[T]:
    """Run a request in the thread pool that all streams share; it must not wait for another such request."""
    return _threads(os.getpid()).submit(task, *of)


def in_ranges(fetch: Fetch, start: int, end: int) -> bytes:
    """Fetch bytes start to end, large reads by concurrent requests. Must not be called inside `submit`."""
    if end - start <= RANGE_BYTES:
        return fetch(start, end)
    places = range(start, end, RANGE_BYTES)
    futures = [submit(fetch, at, min(at + RANGE_BYTES, end)) for at in places]
    try:
        return b"".join(each.result() for each in futures)
    finally:
        for each in futures:
            each.cancel()


class Replaced(Exception):
    """An object was replaced or deleted between two requests for parts of it."""


def unless_replaced(read: Callable[[], bytes], url: str) -> bytes:
    """Call `read`, again if it raises Replaced; StoreFailed after TRIES times."""
    for _ in range(TRIES):
        with suppress(Replaced):
            return read()
    raise StoreFailed(url, f"was replaced {TRIES} times while it was read", "let its writers end, then run this again")


def insist(request: Callable[[], T], retryable: tuple[type[Exception], ...]) -> T:
    """Call `request`, again with growing pauses on `retryable` errors; raises the last one after TRIES times."""
    for attempt in range(TRIES - 1):
        try:
            return request()
        except retryable:
            time.sleep(PAUSE_SECONDS * 2**attempt)
    return request()


def read_blocks(fetch: Fetch, size: int, url: str) -> BinaryIO:
    """A seekable reader of the `size` bytes at `url`, fetched by `fetch(start, end)`; at most two blocks in memory.

    Short answers and OSErrors (no connection, time-out) are retried from where the bytes ended, with growing pauses;
    StoreFailed when that does not help, and at once if `fetch` raises Replaced. Other errors are not caught.
    """

    def fetch_all(start: int, end: int) -> bytes:
        try:
            return in_ranges(lambda first, last: _whole(fetch, first, last, url), start, end)
        except Replaced:
            raise StoreFailed(url, "was replaced or deleted while it was read", "run this again") from None

    return io.BufferedReader(_Fetched(fetch_all, size), SMALL_BYTES)


def _whole(fetch: Fetch, start: int, end: int, url: str) -> bytes:
    """Fetch bytes start to end, retrying short and failed answers."""
    data, problem = b"", "gives fewer bytes than it has"
    for attempt in range(TRIES):
        if attempt:
            time.sleep(PAUSE_SECONDS * 2 ** (attempt - 1))
        try:
            data += fetch(start + len(data), end)
        except OSError as error:
            problem = f"cannot be reached ({error})"
        if len(data) >= end - start:
            return data
    raise StoreFailed(url, f"{problem}, asked {TRIES} times", "check the network, then run this again")


class _Outlet(io.RawIOBase):
    def __init__(self, sink: BinaryIO, explain: Callable[[], AbstractContextManager[None]]) -> None:
        self._sink, self._explain = sink, explain

    def writable(self) -> bool:
        return True

    def write(self, data: Any, /) -> int:
        with self._explain():
            return self._sink.write(data)


@contextmanager
def outlet(sink: BinaryIO, explain: Callable[[], AbstractContextManager[None]]) -> Iterator[BinaryIO]:
    """A buffered stream into `sink` that a caller may close (as pyarrow and gzip do) without closing the sink.

    `explain()` translates the sink's errors, but not the caller's, into errors of the store.
    """
    raw = _Outlet(sink, explain)
    stream = io.BufferedWriter(raw, BLOCK_BYTES)
    try:
        yield cast(BinaryIO, stream)
        stream.close()
    finally:
        raw.close()  # discard what a failed caller left in the buffer, before garbage collection would flush it

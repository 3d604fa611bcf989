"""Streams over objects: a reader that fetches blocks ahead, a writer that only its owner can finish."""

import io
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any, BinaryIO, cast

BLOCK_BYTES = 1 << 20
"""Read ahead and write behind: an ingest holds some 200 streams open (200 MB in all), and a request that takes 30 ms
for each MB still gives 30 MB/s a stream, more than a gVCF parser takes."""


class _Fetched(io.RawIOBase):
    def __init__(self, fetch: Callable[[int, int], bytes], size: int) -> None:
        self._fetch, self._size, self._at = fetch, size, 0

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
        end = min(self._at + len(view), self._size)
        if end <= self._at:
            return 0
        data = self._fetch(self._at, end)
        view[: len(data)] = data
        self._at += len(data)
        return len(data)


def read_blocks(fetch: Callable[[int, int], bytes], size: int) -> BinaryIO:
    """A seekable reader of `size` bytes that asks `fetch(start, end)` for blocks of at least BLOCK_BYTES."""
    return io.BufferedReader(_Fetched(fetch, size), BLOCK_BYTES)


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

    `explain()` turns the sink's own errors, and no error of the caller's, into errors of the store.
    """
    raw = _Outlet(sink, explain)
    stream = io.BufferedWriter(raw, BLOCK_BYTES)
    try:
        yield cast(BinaryIO, stream)
        stream.close()
    finally:
        raw.close()  # what a failed caller left in the buffer must not follow when the buffer is collected

"""Large objects sent in parts: some are on their way while the next one fills; nothing is seen before the last."""

from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import AbstractContextManager, contextmanager, suppress
from typing import Any, BinaryIO, Protocol, cast

from genocloud.storage.streams import outlet, submit

PART_BYTES = 8 << 20
"""The first parts' size (S3 takes 5 MiB at least). Part number n is n // 100 times this size larger, so that the
10,000 parts that S3 allows make 4 TB."""

UNDER_WAY = 2
"""Parts that are being sent while the next one is filled: memory is three parts for each stream."""


class Upload(Protocol):
    """An unfinished upload of one object, on a service. Numbers of parts begin at 0."""

    def whole(self, data: bytes) -> None:
        """Put the object in place in one request, no part having been sent."""

    def note(self, data: bytes) -> None:
        """Hear of the next part, in order, before it is sent: what the checksum of the whole needs."""

    def part(self, number: int, data: bytes) -> None:
        """Send a part; it stays unseen. Several are sent at once, each in a thread of its own."""

    def finish(self, parts: int) -> None:
        """Put the object in place, made of its parts."""

    def abandon(self) -> None:
        """Take back what was sent."""


@contextmanager
def send_in_parts(upload: Upload, explain: Callable[[], AbstractContextManager[None]]) -> Iterator[BinaryIO]:
    """A stream into `upload`, finished only when the block ends without an error, and abandoned if not.

    An object of less than a part goes in one request. `explain()` turns the service's errors into the store's.
    """
    sink = _Parts(upload)
    try:
        with outlet(cast(BinaryIO, sink), explain) as stream:
            yield stream
        with explain():
            sink.finish()
    except BaseException:
        sink.abandon()
        raise


class _Parts:
    """Collects bytes, and sends them on in parts."""

    def __init__(self, upload: Upload) -> None:
        self._upload, self._filling, self._sent = upload, bytearray(), 0
        self._under_way: list[Future[None]] = []

    def write(self, data: Any) -> int:
        self._filling += data
        while len(self._filling) >= (size := PART_BYTES * (1 + self._sent // 100)):
            part = bytes(memoryview(self._filling)[:size])
            del self._filling[:size]
            self._send(part)
        return len(data)

    def _send(self, part: bytes) -> None:
        while len(self._under_way) >= UNDER_WAY:
            self._under_way.pop(0).result()
        self._upload.note(part)
        self._under_way.append(submit(self._upload.part, self._sent, part))
        self._sent += 1

    def finish(self) -> None:
        rest, self._filling = bytes(self._filling), bytearray()
        if not self._sent:
            self._upload.whole(rest)
            return
        if rest:
            self._send(rest)
        while self._under_way:
            self._under_way.pop(0).result()
        self._upload.finish(self._sent)

    def abandon(self) -> None:
        for future in self._under_way:
            with suppress(Exception):  # what became of the parts is no matter any more, but they must not come after
                future.result()
        if self._sent:
            self._upload.abandon()

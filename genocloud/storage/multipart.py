"""Multipart uploads: parts are sent in the background; the object appears only when all are complete."""

from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import AbstractContextManager, contextmanager, suppress
from typing import Any, BinaryIO, Protocol, cast

from genocloud.storage.streams import outlet, submit

PART_BYTES = 8 << 20
"""The first parts' size (S3 takes 5 MiB at least). Part number n is n // 100 times this size larger, so that the
10,000 parts that S3 allows make 4 TB."""

IN_FLIGHT = 2
"""Parts being sent while the next one is filled: a stream takes the memory of three parts."""


class Upload(Protocol):
    """An unfinished multipart upload of one object; part numbers start at 0."""

    def whole(self, data: bytes) -> None:
        """Upload the object in one request; no part has been sent."""

    def add_to_checksum(self, data: bytes) -> None:
        """Add the next part, in order, to the whole object's checksum, before it is sent."""

    def part(self, number: int, data: bytes) -> None:
        """Send a part, invisible until `finish`; called from several threads at once."""

    def finish(self, parts: int) -> None:
        """Complete the object from its parts."""

    def abandon(self) -> None:
        """Abort the upload and discard its parts."""


@contextmanager
def send_in_parts(upload: Upload, explain: Callable[[], AbstractContextManager[None]]) -> Iterator[BinaryIO]:
    """A stream into `upload`, completed when the block ends without an error, aborted otherwise.

    An object smaller than a part is sent in one request. `explain()` translates the service's errors.
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
    """Collects bytes and sends them in parts."""

    def __init__(self, upload: Upload) -> None:
        self._upload, self._filling, self._sent = upload, bytearray(), 0
        self._in_flight: list[Future[None]] = []

    def write(self, data: Any) -> int:
        self._filling += data
        while len(self._filling) >= (size := PART_BYTES * (1 + self._sent // 100)):
            part = bytes(memoryview(self._filling)[:size])
            del self._filling[:size]
            self._send(part)
        return len(data)

    def _send(self, part: bytes) -> None:
        while len(self._in_flight) >= IN_FLIGHT:
            self._in_flight.pop(0).result()
        self._upload.add_to_checksum(part)
        self._in_flight.append(submit(self._upload.part, self._sent, part))
        self._sent += 1

    def finish(self) -> None:
        rest, self._filling = bytes(self._filling), bytearray()
        if not self._sent:
            self._upload.whole(rest)
            return
        if rest:
            self._send(rest)
        while self._in_flight:
            self._in_flight.pop(0).result()
        self._upload.finish(self._sent)

    def abandon(self) -> None:
        for future in self._in_flight:
            with suppress(Exception):  # results no longer matter, but no part may arrive after the abort
                future.result()
        if self._sent:
            self._upload.abandon()

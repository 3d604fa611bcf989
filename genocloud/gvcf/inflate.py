"""Decompress a stream piece by piece: BGZF, gzip or plain text, recognised by content."""

import struct
from collections.abc import Iterator
from functools import partial
from itertools import chain
from typing import Protocol

from isal import isal_zlib

from genocloud.errors import BadRecord, UnreadableFile

CHUNK_BYTES = 1 << 20
"""Text yielded at a time: parsed columns of a piece stay in a core's cache, and the cost per piece is small."""

READ_BYTES = 1 << 17
"""Compressed bytes read at a time; with gVCF's usual compression nearly a chunk of text."""

MAX_BLOCK_BYTES = 1 << 16
"""No BGZF block is longer. Source: SAM specification, section 4.1."""

GZIP = b"\x1f\x8b"
GZIP_WINDOW = 31
"""wbits of zlib: gzip framing, checksum verified."""

BLOCK_HEAD = b"\x1f\x8b\x08\x04"
"""First bytes of every BGZF block: gzip with an extra field."""

RAW_WINDOW = -15
"""wbits of zlib: raw deflate, no checksum."""

_SUMS = struct.Struct("<2I")
"""CRC-32 and length of the text, at the end of each block."""

END_BLOCK = bytes.fromhex("1f8b08040000000000ff0600424302001b0003000000000000000000")
"""The empty block that ends every whole BGZF file. Source: SAM specification, section 4.1.2."""

InflateError: type[Exception] = isal_zlib.error  # type: ignore[assignment]  # its stub says: an instance

TRUNCATED = "the file is cut off; copy or make it again"
COPY = "copy or make the file again"


class Readable(Protocol):
    """A stream of bytes."""

    def read(self, size: int, /) -> bytes:
        """At most `size` bytes; none at the end."""


class NotInflated(BadRecord):
    """Compressed bytes that are damaged or truncated."""


def inflate(stream: Readable, url: str) -> Iterator[bytes]:
    """The text of a file in pieces of about `CHUNK_BYTES`; raises NotInflated, or UnreadableFile for a failed read."""
    pieces = iter(partial(read_piece, stream, url), b"")
    first = next(pieces, b"")
    if is_bgzf(first):
        return _bgzf(chain([first], pieces), url)
    if first[:2] == GZIP:
        return _gzip(chain([first], pieces), url)
    return chain([first], pieces)


def is_bgzf(head: bytes) -> bool:
    """Whether a file that starts with these bytes is BGZF: a gzip member whose first extra field is BC."""
    return head[:4] == BLOCK_HEAD and head[12:16] == b"BC\x02\x00"


def read_piece(stream: Readable, url: str) -> bytes:
    """The next bytes of a file, at most READ_BYTES; none at its end. Raises UnreadableFile."""
    try:
        return stream.read(READ_BYTES)
    except OSError as error:
        raise UnreadableFile(url, f"cannot be read: {error.strerror or error}", "check the disk or the link") from error


def _bgzf(pieces: Iterator[bytes], url: str) -> Iterator[bytes]:
    rest, place, size = b"", 0, 0
    wanted = 1  # yield the first block at once: it has the header, which is all that many callers read
    texts: list[bytes] = []
    last = b""
    for piece in pieces:
        rest = rest + piece if rest else piece
        view = memoryview(rest)
        at = 0
        while (block := _block_size(rest, at, place + at, url)) <= len(rest) - at:
            texts.append(_inflate_block(view[at : at + block], place + at, url))
            size += len(texts[-1])
            last = rest[at : at + block] if block == len(END_BLOCK) else b""
            at += block
            if size >= wanted:
                size, wanted = 0, CHUNK_BYTES
                yield _take(texts)
        rest, place = rest[at:], place + at
    if rest:
        raise NotInflated(url, f"byte {place:,}", "the last BGZF block is incomplete", TRUNCATED)
    if last != END_BLOCK:
        raise NotInflated(url, f"byte {place:,}", "the BGZF end block is missing", TRUNCATED)
    yield _take(texts)


def inflate_blocks(stream: Readable, url: str, place: int) -> Iterator[bytes]:
    """The text of a BGZF file block by block, from `place`, at which the stream stands."""
    for block, at in _blocks(stream, url, place):
        yield _inflate_block(block, at, url)


def block_sizes(stream: Readable, url: str, place: int) -> Iterator[int]:
    """The text sizes that blocks declare, from `place` on, without inflating them."""
    for block, _ in _blocks(stream, url, place):
        yield _SUMS.unpack(block[-8:])[1]


def _blocks(stream: Readable, url: str, place: int) -> Iterator[tuple[memoryview, int]]:
    """The blocks of a BGZF file from `place` on, with their offsets."""
    rest = b""
    for piece in iter(partial(read_piece, stream, url), b""):
        rest += piece
        view, at = memoryview(rest), 0
        while (block := _block_size(rest, at, place + at, url)) <= len(rest) - at:
            yield view[at : at + block], place + at
            at += block
        rest, place = rest[at:], place + at
    if rest:
        raise NotInflated(url, f"byte {place:,}", "the last BGZF block is incomplete", TRUNCATED)


def _take(texts: list[bytes]) -> bytes:
    """Join and clear the list, so that a suspended reader holds no text."""
    text = b"".join(texts)
    texts.clear()
    return text


def _block_size(data: bytes, at: int, place: int, url: str) -> int:
    """Size of the block at `at`; more than the bytes at hand while its header is incomplete."""
    if len(data) - at < 18:
        return len(data) - at + 1
    if data[at : at + 4] != BLOCK_HEAD or data[at + 12 : at + 16] != b"BC\x02\x00":
        raise NotInflated(
            url, f"byte {place:,}", "no BGZF block begins here", "the file is damaged; copy or make it again"
        )
    return int(struct.unpack_from("<H", data, at + 16)[0]) + 1


def _inflate_block(block: memoryview, place: int, url: str) -> bytes:
    start = 12 + int.from_bytes(block[10:12], "little")
    try:
        text = bytes(isal_zlib.decompress(block[start:-8], RAW_WINDOW, 1 << 16))
    except InflateError as error:
        raise _damaged(url, place, error) from error
    # No checksum covers the block's size: a damaged size may span the next block too, whose checksum is then at the
    # end; if both have the same text, the halves are the same bytes.
    half = len(block) // 2
    if block[-8:] != _SUMS.pack(isal_zlib.crc32(text), len(text)) or block[half : half + 16] == block[:16]:
        raise _damaged(url, place, "the BGZF block's checksum or size is wrong")
    return text


def _gzip(pieces: Iterator[bytes], url: str) -> Iterator[bytes]:
    """Inflate concatenated gzip members."""
    inflater, place, texts = None, 0, list[bytes]()
    for rest in pieces:
        size = len(rest)
        while rest:
            inflater = inflater or isal_zlib.decompressobj(GZIP_WINDOW)
            try:
                texts.append(inflater.decompress(rest))
            except InflateError as error:
                raise _damaged(url, place, error) from error
            rest, inflater = (inflater.unused_data, None) if inflater.eof else (b"", inflater)
            yield _take(texts)
        place += size
    if inflater is not None:
        raise NotInflated(url, f"byte {place:,}", "the gzip stream is incomplete", TRUNCATED)


def _damaged(url: str, place: int, error: object) -> NotInflated:
    problem = f"the compressed data are damaged ({str(error).split(':')[-1].strip()})"
    return NotInflated(url, f"byte {place:,}", problem, COPY)

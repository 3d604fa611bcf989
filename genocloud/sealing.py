"""Files that show every flipped bit: Parquet with checksums of its blocks in a footer that has its own, and JSON."""

import base64
import hashlib
import io
import json
import re
import struct
from collections.abc import Mapping
from itertools import pairwise
from typing import Any, BinaryIO

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from isal import isal_zlib  # its crc32 is several times as fast as zlib's

BLOCK_BYTES = 1 << 16
"""Each block has its checksum, so that a reader checks what it reads, and little more."""

_KEY = b"genocloud:seal"
_DIGITS = 32
_BLANK = b"0" * _DIGITS
_SEAL = re.compile(rb"seal=([0-9a-f]{%d});blocks=([A-Za-z0-9+/=]*);" % _DIGITS)
_END = struct.Struct("<I4s")
MAGIC = b"PAR1"
"""What Parquet files begin and end with."""

TAIL_BYTES = 1 << 16
"""What is read of a file's end at once: most footers are shorter."""


ParquetFile, FileMetaData = pq.ParquetFile, pq.FileMetaData
"""Arrow's, for annotations elsewhere: a file is opened by `reader` alone, so that nobody reads what is not checked."""


class BadSeal(OSError):
    """Bytes that are not those that were written. An OSError, because Arrow passes these on."""


class BadDigest(ValueError):
    """JSON that says something else than what was written."""


class SealedWriter(pq.ParquetWriter):  # type: ignore[misc]  # pyarrow has no types
    """A Parquet writer to a stream: page checksums, checksums of blocks, and a digest of the footer, which is `seal`.

    The digest is that of the footer with zeros in its place. Other readers see one more line of metadata.
    """

    def __init__(self, stream: BinaryIO | io.RawIOBase, table: pa.Schema, **options: Any) -> None:
        self._sink = _Sink(stream)
        self.seal: str = ""
        super().__init__(self._sink, table, write_page_checksum=True, **options)

    def close(self) -> None:
        """Write the footer, sealed."""
        if self.is_open:
            sums = base64.b64encode(self._sink.begin_footer())
            self.add_key_value_metadata({_KEY: b"seal=%b;blocks=%b;" % (_BLANK, sums)})
            super().close()
            self.seal = self._sink.finish()


def write_sealed(table: pa.Table, stream: BinaryIO | io.RawIOBase, **options: Any) -> str:
    """Write a table as one sealed Parquet file; returns its seal."""
    with SealedWriter(stream, table.schema, **options) as writer:
        writer.write_table(table)
    return str(writer.seal)


class _Sink(io.RawIOBase):
    """What a writer writes to: sums up the blocks, then holds the footer until its digest can be put into it."""

    def __init__(self, stream: BinaryIO | io.RawIOBase) -> None:
        self._stream, self._at, self._sum = stream, 0, 0
        self._sums = bytearray()
        self._footer: bytearray | None = None

    def writable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at + len(self._footer or b"")

    def write(self, data: Any, /) -> int:
        if self._footer is not None:
            self._footer += data
            return len(data)
        view = memoryview(data).cast("B")
        for piece in _blocks(view, self._at) if view else ():
            self._sum = isal_zlib.crc32(piece, self._sum)
            self._at += len(piece)
            if self._at % BLOCK_BYTES == 0:
                self._end_block()
        self._stream.write(data)
        return len(view)

    def _end_block(self) -> None:
        self._sums += self._sum.to_bytes(4, "little")
        self._sum = 0

    def begin_footer(self) -> bytes:
        """The sums of all blocks: what is written from now on belongs to the footer."""
        if self._at % BLOCK_BYTES:
            self._end_block()
        self._footer = bytearray()
        return bytes(self._sums)

    def finish(self) -> str:
        """Seal the footer and write it."""
        assert self._footer is not None
        seal = _digest(self._footer)
        place = self._footer.index(b"seal=" + _BLANK) + len(b"seal=")
        self._footer[place : place + _DIGITS] = seal.encode()
        self._stream.write(bytes(self._footer))
        return seal


def _blocks(view: memoryview, at: int) -> list[memoryview]:
    """Bytes that stand at a place of a file, cut where blocks end."""
    first = -at % BLOCK_BYTES
    edges = [0, *range(first or BLOCK_BYTES, len(view), BLOCK_BYTES), len(view)]
    return [view[start:end] for start, end in pairwise(edges)]


def _digest(footer: bytes | bytearray) -> str:
    return hashlib.blake2b(footer, digest_size=_DIGITS // 2).hexdigest()


def seal_of(data: bytes) -> str:
    """The seal of a whole Parquet file; empty where it has none."""
    match = _SEAL.search(_footer(io.BytesIO(data), len(data)))
    return match[1].decode() if match else ""


def check(stream: BinaryIO, seal: str = "") -> BinaryIO:
    """A stream of the same Parquet file whose bytes are compared with their checksums as they are read.

    seal  what the writer said; without one, a file that has none is passed on as it is
    Raises BadSeal, now for the footer, and in reading for what is read. A stream that is checked already is returned.
    """
    if isinstance(stream, _Checked):
        return stream
    size = stream.seek(0, io.SEEK_END)
    footer = _footer(stream, size)
    match = _SEAL.search(footer)
    if match is None:
        if seal or _KEY in footer:
            raise BadSeal("its footer is damaged")
        stream.seek(0)
        return stream
    blank = bytearray(footer)
    blank[match.start(1) : match.end(1)] = _BLANK
    if _digest(blank) != match[1].decode():
        raise BadSeal("its footer is damaged")
    if seal and match[1].decode() != seal:
        raise BadSeal("it is another file than the one that was written")
    return _Checked(stream, base64.b64decode(match[2]), size - len(footer), footer)


def _footer(stream: BinaryIO, size: int) -> bytes:
    start = max(size - TAIL_BYTES, 0)
    stream.seek(start)
    tail = stream.read(size - start)
    if len(tail) < _END.size or not tail.endswith(MAGIC):
        raise BadSeal("it is no Parquet file, or has been cut short")
    length = _END.unpack(tail[-_END.size :])[0] + _END.size
    if length > size - len(MAGIC):
        raise BadSeal("its footer is damaged")
    if length > len(tail):
        stream.seek(size - length)
        tail = stream.read(length)
    return tail[-length:]


class _Checked(io.RawIOBase, BinaryIO):
    """A Parquet file read through its checksums; the footer is held, and has been checked."""

    def __init__(self, stream: BinaryIO, sums: bytes, body: int, footer: bytes) -> None:
        self._stream, self._sums, self._body, self._footer = stream, sums, body, footer
        self._at, self._last = 0, (-1, b"")
        if len(sums) != 4 * -(-body // BLOCK_BYTES):
            raise BadSeal("its footer belongs to a file of another length")

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        base = (0, self._at, self._body + len(self._footer))[whence]
        self._at = max(base + offset, 0)
        return self._at

    def read(self, size: int | None = -1, /) -> bytes:
        end = self._body + len(self._footer)
        stop = end if size is None or size < 0 else min(self._at + size, end)
        start, self._at = min(self._at, stop), stop
        if start >= self._body:
            return self._footer[start - self._body : stop - self._body]
        within = self._checked(start, min(stop, self._body))
        return within if stop <= self._body else within + self._footer[: stop - self._body]

    def _checked(self, start: int, stop: int) -> bytes:
        """Bytes of the body. The last block is kept: the next read begins in it, as columns follow one another."""
        first = start // BLOCK_BYTES
        held = self._last[1] if self._last[0] == first else b""
        begin = first * BLOCK_BYTES
        end = min(-(-stop // BLOCK_BYTES) * BLOCK_BYTES, self._body)
        rest = begin + len(held)
        data = held
        if rest < end:
            fresh = self._read(rest, end)
            self._compare(fresh, rest)
            data = held + fresh if held else fresh
        last = (end - 1) // BLOCK_BYTES
        self._last = last, data[last * BLOCK_BYTES - begin :]
        return data[start - begin : stop - begin]

    def _read(self, start: int, end: int) -> bytes:
        self._stream.seek(start)
        data = self._stream.read(end - start)
        while len(data) < end - start and (more := self._stream.read(end - start - len(data))):
            data += more
        return data

    def _compare(self, data: bytes, at: int) -> None:
        for number, block in enumerate(_blocks(memoryview(data), at), at // BLOCK_BYTES):
            if isal_zlib.crc32(block).to_bytes(4, "little") != self._sums[4 * number : 4 * number + 4]:
                raise BadSeal(f"bytes {number * BLOCK_BYTES:,} and following are not what was written")


def reader(stream: BinaryIO, seal: str = "", pre_buffer: bool = False) -> pq.ParquetFile:
    """A Parquet file to read, compared with its checksums as it is read (`check`), and its pages with theirs.

    pre_buffer  read a row group's columns ahead in Arrow's own threads, which may outlive the main thread
    """
    return pq.ParquetFile(check(stream, seal), pre_buffer=pre_buffer, page_checksum_verification=True)


def read_where(stream: BinaryIO, columns: list[str] | None, rows: pc.Expression | None) -> pa.Table:
    """Some columns (None: all) of the rows of a Parquet file that meet a condition, compared as `reader` does."""
    how = {"use_threads": False, "pre_buffer": False, "page_checksum_verification": True}
    return pq.read_table(check(stream), columns=columns, filters=rows, **how)


def sha256_of(stream: BinaryIO) -> str:
    """The sha256 of a whole stream, read some at a time."""
    digest = hashlib.sha256()
    while piece := stream.read(_PIECE_BYTES):
        digest.update(piece)
    return digest.hexdigest()


_PIECE_BYTES = 1 << 20


def content_digest(fields: Mapping[str, Any]) -> str:
    """The sha256 of what a JSON object says, however it is laid out."""
    return hashlib.sha256(json.dumps(fields, sort_keys=True).encode()).hexdigest()


def sealed_json(fields: Mapping[str, Any]) -> dict[str, Any]:
    """The fields with their digest in front, to be written as JSON."""
    return {"sha256": content_digest(fields), **fields}


def open_json(data: bytes, compare: bool = True) -> dict[str, Any]:
    """The fields of a JSON object without their digest, compared where there is one (an earlier genocloud wrote none).

    compare  False where the text has been compared with another digest of it
    Raises BadDigest, or another ValueError for any other text.
    """
    try:
        fields = json.loads(data)
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error
    if not isinstance(fields, dict):
        raise ValueError("it is no JSON object")
    digest = fields.pop("sha256", None)
    if compare and digest is not None and digest != content_digest(fields):
        raise BadDigest("its sha256 is not the one that it was written with")
    return fields


MOST_BASES = (1 << 31) - 1
"""Coordinates have 32 bits."""


def whole(number: Any, what: str, least: int = 0, most: int = (1 << 63) - 1) -> int:
    """A whole number out of JSON, within its limits; ValueError, which says what it is, for anything else."""
    if type(number) is not int or not least <= number <= most:
        raise ValueError(f"{what} is {str(number)[:40]!r}, no whole number from {least:,} to {most:,}")
    return number


def words(values: Any, what: str) -> tuple[str, ...]:
    """A list of texts out of JSON; ValueError, which says what it is, for anything else."""
    if not isinstance(values, list) or not all(isinstance(each, str) for each in values):
        raise ValueError(f"{what} is {str(values)[:40]!r}, no list of texts")
    return tuple(values)

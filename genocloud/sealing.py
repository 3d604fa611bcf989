"""Parquet with checksums of 64 KiB blocks in the footer and a digest of the footer (seal), verified as it is read."""

import base64
import hashlib
import io
import re
import struct
from itertools import pairwise
from typing import Any, BinaryIO

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from isal import isal_zlib  # its crc32 is several times as fast as zlib's

BLOCK_BYTES = 1 << 16
"""Each block has its checksum, so that a reader verifies the blocks that it reads and no more."""

_KEY = b"genocloud:seal"
_DIGITS = 32
_BLANK = b"0" * _DIGITS
_SEAL = re.compile(rb"seal=([0-9a-f]{%d});blocks=([A-Za-z0-9+/=]*);" % _DIGITS)
_END = struct.Struct("<I4s")
MAGIC = b"PAR1"
"""The first and last bytes of a Parquet file."""

TAIL_BYTES = 1 << 16
"""Bytes read at a file's end in one request: most footers are shorter."""

WHOLE_BYTES = 1 << 19
"""Files up to this size are read whole: Arrow reads from memory, which takes half of the time that it takes to call
Python for each column. Of larger ones only what is needed is read.
"""


ParquetFile, FileMetaData = pq.ParquetFile, pq.FileMetaData
"""Arrow's types, for annotations elsewhere: files are opened only by `reader`, so that all reads are verified."""


class BadSeal(OSError):
    """Bytes that differ from what was written. An OSError, because Arrow passes these on."""


class SealedWriter(pq.ParquetWriter):  # type: ignore[misc]  # pyarrow has no types
    """A Parquet writer that adds checksums of pages and blocks and a digest of the footer, `seal`.

    The digest is of the footer with zeros in the digest's place. Other readers see one more metadata entry.
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
    """The writer's sink: computes block checksums, then buffers the footer until its digest is inserted."""

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
        """The checksums of all blocks; what is written from now on belongs to the footer."""
        if self._at % BLOCK_BYTES:
            self._end_block()
        self._footer = bytearray()
        return bytes(self._sums)

    def finish(self) -> str:
        """Insert the digest and write the footer."""
        assert self._footer is not None
        seal = _digest(self._footer)
        place = self._footer.index(b"seal=" + _BLANK) + len(b"seal=")
        self._footer[place : place + _DIGITS] = seal.encode()
        self._stream.write(bytes(self._footer))
        return seal


def _blocks(view: memoryview, at: int) -> list[memoryview]:
    """Cut bytes at file offset `at` where blocks end."""
    first = -at % BLOCK_BYTES
    edges = [0, *range(first or BLOCK_BYTES, len(view), BLOCK_BYTES), len(view)]
    return [view[start:end] for start, end in pairwise(edges)]


def _digest(footer: bytes | bytearray) -> str:
    return hashlib.blake2b(footer, digest_size=_DIGITS // 2).hexdigest()


def seal_of(data: bytes) -> str:
    """The seal in a Parquet file's bytes; empty if it has none."""
    match = _SEAL.search(_footer(io.BytesIO(data), len(data)))
    return match[1].decode() if match else ""


def check(stream: BinaryIO, seal: str = "") -> BinaryIO:
    """A stream over the same Parquet file that verifies checksums as it is read.

    seal  the writer's seal; without one, a file that has none is returned unverified
    Raises BadSeal, here for the footer and in reading for blocks. A stream that verifies already is returned as it is.
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
        raise BadSeal("it is no Parquet file, or is truncated")
    length = _END.unpack(tail[-_END.size :])[0] + _END.size
    if length > size - len(MAGIC):
        raise BadSeal("its footer is damaged")
    if length > len(tail):
        stream.seek(size - length)
        tail = stream.read(length)
    return tail[-length:]


class _Checked(io.RawIOBase, BinaryIO):
    """A Parquet file whose blocks are verified as they are read; the verified footer is kept in memory.

    metadata  what `reader` has parsed of the footer, so that it parses it once
    """

    def __init__(self, stream: BinaryIO, sums: bytes, body: int, footer: bytes) -> None:
        self._stream, self._sums, self._body, self._footer = stream, sums, body, footer
        self._at, self._last = 0, (-1, b"")
        self.metadata: Any = None
        self._whole: pa.Buffer | None = None
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

    def source(self) -> "pa.NativeFile | _Checked":
        """What Arrow reads: this stream, or where the file is small the verified bytes in memory."""
        if self._body + len(self._footer) > WHOLE_BYTES:
            return self
        if self._whole is None:
            self._whole = pa.py_buffer(self._checked(0, self._body) + self._footer)
        return pa.BufferReader(self._whole)

    def _checked(self, start: int, stop: int) -> bytes:
        """Verified bytes of the body. The last block is kept, because the next column's read starts in it."""
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
    """Open a Parquet file for reading; blocks (`check`) and pages are verified as they are read.

    pre_buffer  read a row group's columns ahead in Arrow's own threads, which may outlive the main thread

    Texts are dictionaries where the file has no Arrow schema, which takes more bytes than the rest of a small footer.
    """
    checked, how = check(stream, seal), {"pre_buffer": pre_buffer, "page_checksum_verification": True}
    if not isinstance(checked, _Checked):
        return pq.ParquetFile(checked, **how)
    source = checked.source()
    if checked.metadata is None:
        checked.metadata = pq.read_metadata(source)
    return pq.ParquetFile(source, metadata=checked.metadata, read_dictionary=_words(checked.metadata), **how)


def _words(metadata: Any) -> list[str]:
    """The columns of texts of a file without Arrow's schema."""
    if b"ARROW:schema" in (metadata.metadata or {}):
        return []
    columns = map(metadata.schema.column, range(metadata.num_columns))
    return [one.name for one in columns if one.logical_type.type == "STRING" and not one.max_repetition_level]


def read_where(
    stream: BinaryIO, columns: list[str] | None, rows: pc.Expression | None, declared: pa.Schema | None = None
) -> pa.Table:
    """Columns (None: all) of the rows that satisfy a filter expression, verified as in `reader`.

    Columns of `declared` that the file lacks are null.
    """
    how = {"use_threads": False, "pre_buffer": False, "page_checksum_verification": True}
    checked = check(stream)
    source = checked.source() if isinstance(checked, _Checked) else checked
    return pq.read_table(source, columns=columns, filters=rows, schema=declared, **how)


def sha256_of(stream: BinaryIO) -> str:
    """The sha256 of a whole stream, read piece by piece."""
    digest = hashlib.sha256()
    while piece := stream.read(_PIECE_BYTES):
        digest.update(piece)
    return digest.hexdigest()


_PIECE_BYTES = 1 << 20

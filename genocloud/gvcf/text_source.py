"""Stream a gVCF's text from a compressed, plain or BCF file, whole or a region of it by an index."""

import logging
from collections.abc import Generator, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from io import BytesIO
from itertools import chain
from typing import BinaryIO

from isal import isal_zlib

from genocloud.errors import BadRecord
from genocloud.gvcf import binary
from genocloud.gvcf.header_fields import parse_fields, split_title
from genocloud.gvcf.index import Index, find_index
from genocloud.gvcf.inflate import (
    MAX_BLOCK_BYTES,
    READ_BYTES,
    Readable,
    block_sizes,
    inflate,
    inflate_blocks,
    is_bgzf,
    read_piece,
)
from genocloud.storage import open_file, refuse_pipe

log = logging.getLogger(__name__)

MAX_HEADER_BYTES = 1 << 28
"""A text without a #CHROM line in this many bytes is not a VCF; real headers have up to a few megabytes."""

MAX_LINE_BYTES = 1 << 26
"""A longer line is refused: 100,000 samples of a combined gVCF take a quarter of it."""

VCF = b"##fileformat=VCF"
BYTE_ORDER_MARK = b"\xef\xbb\xbf"

RECORD_BYTES = 1000
"""Bytes of a record that hold its contig and position."""


@dataclass(frozen=True, slots=True)
class Stretch:
    """The bases start <= base < end (0-based) of a contig, by the contig's name."""

    contig: str
    start: int
    end: int


class TextPieces:
    """Iterator of a text's pieces, the header before the records.

    `last`: whether the latest piece is known to be the last one, because the whole file had been read.
    """

    def __init__(self, pieces: Iterator[bytes], file: "_ChecksummedStream") -> None:
        self._pieces, self._file = pieces, file
        self._next: bytes | None = None
        self.last = False

    @classmethod
    def of(cls, content: bytes, url: str) -> "TextPieces":
        """The text of a file's bytes, compressed or not."""
        file = _ChecksummedStream(BytesIO(content))
        return cls(_decoded(inflate(file, url), url), file)

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        if self.last:
            raise StopIteration
        piece, self._next = self._next, None
        piece = next(self._pieces) if piece is None else piece
        if self._file.ended:
            self._next = next(self._pieces, None)
            self.last = self._next is None
        return piece

    @property
    def checksum(self) -> int:
        """CRC-32 of the file's bytes read so far, of the whole file after the last piece; 0 for a region."""
        return self._file.checksum

    @property
    def bytes_read(self) -> int:
        """Number of the file's bytes read so far."""
        return self._file.bytes_read


@contextmanager
def open_text(url: str, stretch: Stretch | None = None) -> Iterator[TextPieces]:
    """The text of the file at a path or URL; raises UnreadableFile here, and NotInflated as it is read.

    Of a stretch, the header and then lines of its contig: all records that overlap it, and more on both sides (at least
    all records at the first one's position, and those up to the contig's end, so the caller stops at the first record
    beyond the stretch). With an index (.tbi, .csi) beside the file, reading starts near the stretch; raises BadIndex.
    """
    with open_file(url) as stream:
        file = _ChecksummedStream(stream)
        pieces = _decoded(inflate(file, url), url) if stretch is None else _within(stream, url, stretch)
        with closing(pieces):
            yield TextPieces(pieces, file)


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """The start of an open file: raw `header` bytes, bytes read `beyond` it, and both decoded to VCF `text`.

    `stream` has the bytes of `file`: of a small one in memory, as several look at them. `first` is the first piece.
    """

    file: BinaryIO
    stream: BinaryIO
    url: str
    first: bytes
    header: bytes
    beyond: bytes
    text: bytes

    def check_index(self) -> None:
        """Raise BadIndex if the index beside the file belongs to another file (gvcf.check_index)."""
        index = find_index(self.url, self.file)
        if index:
            _IndexedFile(
                stream=self.stream,
                url=self.url,
                index=index,
                first=self.first,
                header=self.header,
                beyond=self.beyond,
            ).check()


def open_head(url: str) -> Head:
    """Open the file at a path or URL and read its header; raises UnreadableFile or NotInflated."""
    refuse_pipe(url)
    file = open_file(url)
    try:
        return _read_head(file, url)
    except BaseException:
        file.close()
        raise


def _read_head(file: BinaryIO, url: str) -> Head:
    first = read_piece(file, url)
    whole = len(first) < READ_BYTES and not read_piece(file, url)
    stream = BytesIO(first) if whole else file
    stream.seek(0)
    pieces = inflate(stream, url)
    first_text = next(pieces, b"")
    header, beyond = _split(chain([first_text], pieces))
    text = header + beyond
    if binary.is_bcf(header):
        with closing(_decoded(chain([text], pieces), url)) as decoded:
            text = next(decoded)
    return Head(file=file, stream=stream, url=url, first=first_text, header=header, beyond=beyond, text=text)


class _ChecksummedStream:
    """A stream that keeps the CRC-32 and the number of the bytes read from it."""

    def __init__(self, stream: Readable) -> None:
        self.stream, self.checksum, self.bytes_read, self.ended = stream, 0, 0, False

    def read(self, size: int, /) -> bytes:
        data = self.stream.read(size)
        self.checksum = isal_zlib.crc32(data, self.checksum)
        self.bytes_read += len(data)
        self.ended = not data
        return data


Pieces = Generator[bytes, None, None]


def _decoded(pieces: Iterator[bytes], url: str) -> Pieces:
    """Decode BCF to VCF text and remove a byte-order mark; other pieces pass through."""
    first = next(pieces, b"")
    if first.startswith(BYTE_ORDER_MARK):
        log.warning("%s: begins with a byte-order mark, which is ignored", url)
        first = first.removeprefix(BYTE_ORDER_MARK)
    is_binary = binary.is_bcf(first)
    pieces = chain(iter([first]), pieces)
    del first  # a suspended stream must not hold a piece: there are many
    yield from binary.as_text(pieces, url) if is_binary else pieces


def _within(stream: BinaryIO, url: str, stretch: Stretch) -> Pieces:
    index = find_index(url, stream)
    pieces = inflate(stream, url)
    first = next(pieces, b"")
    header, beyond = _split(chain([first], pieces))
    records: Iterator[bytes] = chain(iter([beyond]), pieces)
    if index:
        indexed = _IndexedFile(stream=stream, url=url, index=index, first=first, header=header, beyond=beyond)
        indexed.check()
        records = indexed.records(stretch)
    with closing(_decoded(chain(iter([header]), records), url)) as decoded:
        text = next(decoded)
        size = max(_header_bytes(text), 0)
        yield text[:size]
        yield from _of_contig(chain([text[size:]], decoded), stretch.contig.encode(), url)


def _split(pieces: Iterator[bytes]) -> tuple[bytes, bytes]:
    """Split a file's start into header (text or BCF) and the rest; all is header where no header ends."""
    first = next(pieces, b"")
    if not binary.is_bcf(first):
        return split_text(chain([first], pieces))
    text = bytearray(first)
    while len(text) < binary.header_bytes(text) and len(text) <= MAX_HEADER_BYTES and (piece := next(pieces, b"")):
        text += piece
    size = binary.header_bytes(text)
    return (bytes(text[:size]), bytes(text[size:])) if size <= len(text) else (bytes(text), b"")


def split_text(pieces: Iterator[bytes]) -> tuple[bytes, bytes]:
    """Split a text after its #CHROM line; all is header where there is none within limits.

    Each byte is copied and scanned once, however many pieces there are.
    """
    text, seen = bytearray(), 0
    for piece in pieces:
        text += piece if text else piece.removeprefix(BYTE_ORDER_MARK)
        size = _header_bytes(text, seen)
        if size >= 0:
            return bytes(text[:size]), bytes(text[size:])
        if not text.startswith(VCF[: len(text)]) or len(text) > MAX_HEADER_BYTES:
            break
        title = text.rfind(b"\n#CHROM", seen)
        seen = title if title >= 0 else max(0, len(text) - len(b"\n#CHROM"))
    return bytes(text), b""


def _header_bytes(text: bytes | bytearray, seen: int = 0) -> int:
    """Bytes up to the end of the #CHROM line, searched from `seen` on; -1 if it is not there yet."""
    start = 0 if text.startswith(b"#CHROM") else text.find(b"\n#CHROM", seen) + 1
    end = text.find(b"\n", start) if start or text.startswith(b"#CHROM") else -1
    return end + 1 or -1


def check_line(url: str, unfinished: bytes, place: str) -> None:
    """Raise BadRecord for an unfinished line that is longer than MAX_LINE_BYTES."""
    if len(unfinished) > MAX_LINE_BYTES:
        remedy = "the file may be damaged; split a combined file by samples (bcftools view -s)"
        raise BadRecord(url, place, f"the line is longer than {MAX_LINE_BYTES:,} bytes", remedy)


def _of_contig(pieces: Iterator[bytes], contig: bytes, url: str) -> Iterator[bytes]:
    """The first run of a contig's lines, in pieces of whole lines, from sorted text in arbitrary pieces."""
    mark, rest, started = contig + b"\t", b"", False
    for piece in pieces:
        text = rest + piece
        end = text.rfind(b"\n") + 1
        lines, rest = text[:end], text[end:]
        check_line(url, rest, f"in {contig.decode(errors='replace')}, or on the way to it")
        if not started:
            first = 0 if lines.startswith(mark) else lines.find(b"\n" + mark) + 1 or -1
            started, lines = first >= 0, lines[first:]
        if not started or not lines:
            continue
        last = lines.rfind(b"\n", 0, -1) + 1
        if not lines.startswith((mark, b"#", b"\r", b"\n"), last):
            final = 0 if last == 0 else lines.rfind(b"\n" + mark) + 1
            if final or lines.startswith(mark):
                yield lines[: lines.index(b"\n", final) + 1]
            return
        yield lines
    if rest.startswith(mark):
        yield rest


class _BoundedReads:
    """A stream whose reads stop at a place and are short beyond it, so that little is read past the region."""

    def __init__(self, stream: BinaryIO, place: int) -> None:
        self._stream, self._place = stream, place

    def read(self, size: int, /) -> bytes:
        return self._stream.read(min(size, max(self._place - self._stream.tell(), MAX_BLOCK_BYTES)))


@dataclass(frozen=True, slots=True, kw_only=True)
class _IndexedFile:
    """A file with its index; `first` is its first block's text, `header` are raw bytes, `beyond` those after it."""

    stream: BinaryIO
    url: str
    index: Index
    first: bytes
    header: bytes
    beyond: bytes

    @property
    def _binary(self) -> bool:
        return binary.is_bcf(self.header)

    @property
    def _names(self) -> tuple[str, ...]:
        """Contig names in the index's order."""
        return self.index.names or binary.contig_names(self.header)

    def records(self, stretch: Stretch) -> Iterator[bytes]:
        """The file's records, text or BCF, from the first one needed for a stretch."""
        names = self._names[: self.index.contigs]
        contig = names.index(stretch.contig) if stretch.contig in names else -1
        places = self.index.places(contig, stretch.start, stretch.end) if contig >= 0 else None
        if places:
            begin = self._first_of_position(contig, places[0])
            yield from self._from(begin, places[1])

    def _first_of_position(self, contig: int, begin: int) -> int:
        """An offset at or before all records that start where the record at `begin` starts."""
        start = self._check_record(begin, contig, 0, 1 << 62)
        places = self.index.places(contig, start, start + 1)
        return min(begin, places[0]) if places else begin

    def _from(self, begin: int, end: int) -> Pieces:
        self.stream.seek(begin >> 16)
        pieces = inflate_blocks(_BoundedReads(self.stream, (end >> 16) + MAX_BLOCK_BYTES), self.url, begin >> 16)
        skip = begin & 0xFFFF
        for piece in pieces:
            yield piece[skip:]
            skip = max(skip - len(piece), 0)

    def check(self) -> None:
        """Raise BadIndex if the index belongs to another file."""
        declared = parse_fields(self.header if self._binary else split_title(self.header)[0]).names
        undeclared = [name for name in self.index.names if name not in declared]
        if declared and undeclared:
            raise self.index.bad(f"has the contig {undeclared[0]}, which its data do not declare")
        if self.index.contigs > len(self._names):
            raise self.index.bad("has more contigs than its data")
        last = self.index.last()
        if last:
            contig, start, stop, begin, end = last
            self._check_record(begin, contig, start, stop)
            self._check_end(end)
        elif self.beyond.strip():
            raise self.index.bad("has no records, but its data have some")

    def _check_record(self, begin: int, contig: int, start: int, stop: int) -> int:
        """The start of the record at `begin`; raises BadIndex unless it is on the contig, start <= base < stop."""
        self._check_block(begin >> 16)
        place = self._record(begin)
        if place is None or place[0] != self._names[contig] or not start <= place[1] < stop:
            actual = f"{place[0]}:{place[1] + 1:,}" if place else "no record"
            expected = f"a record of {self._names[contig]}" + f":{start + 1:,}-{stop:,}" * (stop < 1 << 40)
            raise self.index.bad(f"is of another file: where it has {expected} (block {begin >> 16:,}) is {actual}")
        return place[1]

    def _check_block(self, place: int) -> None:
        self.stream.seek(place)
        if not is_bgzf(self.stream.read(18)):
            raise self.index.bad(f"is of another file, or its data are cut off: no BGZF block begins at byte {place:,}")

    def _record(self, begin: int) -> tuple[str, int] | None:
        """Contig and start of the record at `begin`, if there is one."""
        text = self.first[begin:]
        if begin >= MAX_BLOCK_BYTES or not self._begins_record(text):
            text = b""
            with closing(self._from(begin, begin)) as pieces:
                for piece in pieces:
                    text += piece
                    if self._begins_record(text):
                        break
        return self._place(text)

    def _begins_record(self, text: bytes) -> bool:
        """Whether a text has as much of its first record as `_place` needs."""
        return len(text) >= RECORD_BYTES or (b"\n" in text and not self._binary)

    def _place(self, record: bytes) -> tuple[str, int] | None:
        if self._binary:
            number, start = binary.contig_and_start(record)
            return (self._names[number], start) if 0 <= number < len(self._names) else None
        name, pos, *_ = [*record.split(b"\t", 2), b"", b""]
        return (name.decode("utf-8", "replace"), int(pos) - 1) if pos.isdigit() else None

    def _check_end(self, end: int) -> None:
        """Raise BadIndex unless the file's records end where the index says."""
        size = self.stream.seek(0, 2)
        left = end & 0xFFFF
        if end >> 16 < size:
            self._check_block(end >> 16)
        self.stream.seek(end >> 16)
        for text in block_sizes(_BoundedReads(self.stream, end >> 16), self.url, end >> 16):
            left -= text
            if left < 0:
                break
        if left:
            problem = "go on behind" if left < 0 else "end before"
            raise self.index.bad(f"is of another file: its data {problem} the last record that it knows")

"""Decode BCF to VCF text with pysam's htslib."""

import os
import re
import struct
from collections.abc import Iterator
from threading import Thread

from genocloud.gvcf.inflate import TRUNCATED, NotInflated

MAGIC = b"BCF\2"
TEXT_BYTES = 1 << 18
"""Text yielded at a time; decoding costs far more than the overhead of a piece."""

AGAIN = "copy or make the file again"

_CONTIG = re.compile(r"^##contig=<(?=(?:.*?,)?ID=([^,>]+))(?:.*?,IDX=(\d+))?", re.MULTILINE)


def is_bcf(text: bytes) -> bool:
    """Whether inflated bytes are the start of a BCF."""
    return text.startswith(MAGIC)


def header_bytes(text: bytes | bytearray) -> int:
    """Bytes of the BCF header at the start of `text`; more than len(text) while its length field is incomplete."""
    return 9 + int(struct.unpack_from("<I", text, 5)[0]) if len(text) >= 9 else 9


def contig_names(header: bytes) -> tuple[str, ...]:
    """Contig names of a BCF header, indexed by the number (IDX) that records use; "" for unused numbers."""
    declared = _CONTIG.findall(header[9:].decode("utf-8", "replace"))
    numbers = {int(number) if number else place: name for place, (name, number) in enumerate(declared)}
    return tuple(numbers.get(number, "") for number in range(max(numbers, default=-1) + 1))


def contig_and_start(record: bytes) -> tuple[int, int]:
    """Contig number and 0-based start of the record at the start of `record`; (-1, -1) where bytes are missing."""
    contig, start = struct.unpack_from("<2i", record, 8) if len(record) >= 16 else (-1, -1)
    return int(contig), int(start)


def as_text(pieces: Iterator[bytes], url: str) -> Iterator[bytes]:
    """VCF text of a BCF, in pieces; the first has the header and some records.

    Decimals (QUAL, rank sums) come with six digits, as htslib writes them; a BCF holds about seven.

    `pieces` are its inflated bytes. Raises NotInflated, and whatever `pieces` raises.
    """
    reading, writing = os.pipe()
    feeder = _Feeder(_framed(pieces, url), writing)
    feeder.start()
    undecoded = None
    try:
        yield from _decoded(reading, url)
    except NotInflated as error:
        undecoded = error
    finally:
        feeder.join()
    if problem := feeder.error or undecoded:
        raise problem


def _framed(pieces: Iterator[bytes], url: str) -> Iterator[bytes]:
    """Pass the pieces through; raises NotInflated if they end within a record."""
    rest, place, records = b"", -1, 0
    for piece in pieces:
        rest += piece
        if place < 0 and len(rest) >= 9:
            place = header_bytes(rest)
        while 0 <= place <= len(rest) - 8:
            shared, own = struct.unpack_from("<2I", rest, place)
            place += 8 + shared + own
            records += 1
        gone = max(0, min(place, len(rest)))
        rest, place = rest[gone:], place - gone
        yield piece
    if rest or place:
        raise NotInflated(url, f"record {records:,}" if records else "header", "the BCF is incomplete", TRUNCATED)


def _decoded(reading: int, url: str) -> Iterator[bytes]:
    import pysam  # slow to load, and BCF is rare

    place, size = "header", 0
    try:  # htslib reads a copy of the pipe's end
        with pysam.VariantFile(reading) as file:
            texts = [str(file.header)]
            for number, record in enumerate(file, 1):
                place = f"record {number + 1:,} or the one before"
                texts.append(str(record))
                size += len(texts[-1])
                if size >= TEXT_BYTES:
                    size = 0
                    yield _joined(texts)
            yield _joined(texts)
    except (OSError, ValueError) as error:
        raise NotInflated(url, place, f"htslib cannot decode the BCF ({error})", AGAIN) from error
    finally:
        os.close(reading)  # a feeder that still writes ends by this


def _joined(texts: list[str]) -> bytes:
    """Join and clear the list, so that a suspended reader holds no text."""
    text = "".join(texts)
    texts.clear()
    return text.encode()


class _Feeder(Thread):
    """Writes bytes into a pipe until they end or the reader closes it."""

    def __init__(self, pieces: Iterator[bytes], writing: int) -> None:
        super().__init__(daemon=True)
        self._pieces, self._writing = pieces, writing
        self.error: Exception | None = None

    def run(self) -> None:
        try:
            with os.fdopen(self._writing, "wb", buffering=0) as pipe:
                for piece in self._pieces:
                    view = memoryview(piece)
                    while view:
                        view = view[pipe.write(view) :]
        except BrokenPipeError:
            pass
        except Exception as error:  # raised by the reading thread
            self.error = error

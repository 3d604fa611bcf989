"""A gVCF's records as rows of variants and blocks, streamed."""

import logging
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import BinaryIO

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from isal import isal_zlib

from genocloud import schema
from genocloud.errors import UnknownContig, UnreadableFile
from genocloud.gvcf.callers import Caller
from genocloud.gvcf.columns import Columns, Outcome
from genocloud.gvcf.header import Header, split_header
from genocloud.gvcf.inflate import inflate
from genocloud.gvcf.problems import bad_record, cut_off, not_text, unsorted_contig
from genocloud.kernels import parsing
from genocloud.objects import open_file
from genocloud.regions import Contig, check_contigs

log = logging.getLogger(__name__)

DOUBLE = "weaker record at the position of another"
STRAY = "GT names an allele that the record lacks"
"""Why records are dropped."""

NOTHING_THERE = "a whole gVCF has blocks where nothing varies; make it again, or leave the sample out"

SHOWN_BYTES = 1000
"""Enough of a bad record to say its contig and position."""


NO_VARIANTS, NO_BLOCKS = (
    pa.RecordBatch.from_arrays([pa.nulls(0, column.type) for column in table], schema=table)
    for table in (schema.VARIANTS, schema.BLOCKS)
)

_SCRATCH = threading.local()
"""Room to parse in, several times as large as a piece of text: one for each thread, not one for each open file."""


@dataclass(frozen=True, slots=True)
class Rows:
    """Some records of one contig, in file order.

    `variants` and `blocks` are of schema.VARIANTS and schema.BLOCKS; every one of the `read` records is a row of one
    of them or counted in `dropped` by reason. `checksum` is the CRC-32 of the file's bytes up to where it has
    been read: in the last Rows, which may hold no rows, that of the whole file.
    """

    variants: pa.RecordBatch
    blocks: pa.RecordBatch
    read: int
    dropped: dict[str, int]
    checksum: int


def read_rows(url: str, contigs: Sequence[Contig], sample: str | None = None) -> Iterator[Rows]:
    """The records of one sample of a gVCF, in file order, in bounded memory.

    `contigs` are the reference's; `sample` picks one of a multi-sample file.
    Raises UnreadableFile (also for a file without records), NotInflated, SampleNotChosen, MixedContigs, UnknownContig
    or BadRecord.
    """
    with open_file(url) as stream:
        summed = _Summed(stream)
        texts = inflate(summed, url)
        header, caller, text = split_header(texts, url)
        check_contigs(url, _shared(header, contigs), contigs)
        reader = _Reader(url, summed, contigs, header, caller, header.column(url, sample))
        yield from reader.rows(text, texts)


class _Summed:
    """A stream with the checksum of what has been read from it."""

    def __init__(self, stream: BinaryIO) -> None:
        self.stream, self.checksum = stream, 0

    def read(self, size: int) -> bytes:
        data = self.stream.read(size)
        self.checksum = isal_zlib.crc32(data, self.checksum)
        return data


def _shared(header: Header, contigs: Sequence[Contig]) -> Iterator[Contig]:
    """The header's contigs that the reference has; of others (decoys, say) only a record would matter."""
    known = {contig.name for contig in contigs}
    return (contig for contig in header.contigs if contig.name in known)


@dataclass(slots=True)
class _Reader:
    url: str
    file: _Summed
    contigs: Sequence[Contig]
    header: Header
    caller: Caller
    column: int
    numbers: dict[str, int] = field(init=False)
    number: int = -1
    contig: tuple[npt.NDArray[np.uint8], int] = (np.frombuffer(b"", np.uint8), 0)
    lines: int = 0

    @property
    def columns(self) -> Columns:
        """This thread's."""
        columns: Columns | None = getattr(_SCRATCH, "columns", None)
        if columns is None:
            columns = _SCRATCH.columns = Columns()
        return columns

    def __post_init__(self) -> None:
        self.numbers = {contig.name: number for number, contig in enumerate(self.contigs)}

    def rows(self, text: bytes, texts: Iterator[bytes]) -> Iterator[Rows]:
        """Rows of the whole text; what a piece leaves unread is read again together with the next.

        Between rows no piece is kept: many readers run side by side.
        """
        self.lines = self.header.lines
        for piece in texts:
            text += piece
            del piece
            found, text = self._parse(text, final=False)
            yield from found
        self._check_end(text)
        found, _ = self._parse(text + b"\n", final=True)
        if self.number < 0:
            sample = self.header.samples[self.column]
            raise UnreadableFile(self.url, f"holds no record of sample {sample}", NOTHING_THERE)
        yield from found or [Rows(NO_VARIANTS, NO_BLOCKS, 0, {}, self.file.checksum)]

    def _check_end(self, text: bytes) -> None:
        """Refuse a last line without a line end if values are missing; a whole one (DRAGEN's example has it) may be."""
        _, _, last = text.rpartition(b"\n")
        if not last:
            return
        columns = last.split(b"\t")
        short = len(columns) > 9 and columns[-1].count(b":") < columns[8].count(b":")
        if short or last.endswith((b":", b",")):
            raise cut_off(self.url, self.lines + text.count(b"\n") + 1, last)
        log.warning("%s: its last line has no line end; if the file was cut off, a number may lack digits", self.url)

    def _parse(self, text: bytes, final: bool) -> tuple[list[Rows], bytes]:
        """The rows of a text's whole lines, and what must be read again."""
        data = np.frombuffer(text, np.uint8)
        at, end = 0, text.rfind(b"\n") + 1
        found = []
        while at < end:
            outcome = self._records(data, at, end, final)
            at = outcome["consumed"]
            if outcome["read"]:
                found.append(self._rows(data, outcome))
            if outcome["status"] != parsing.OTHER_CONTIG:
                break
            self._enter(text[at : text.index(b"\n", at)])
        return found, text[at:]

    def _records(self, data: npt.NDArray[np.uint8], at: int, end: int, final: bool) -> Outcome:
        """Parse records of the present contig; raises BadRecord."""
        lenient = np.array([self.caller.doubles, self.caller.strays])
        sample = (self.column, len(self.header.samples))
        outcome = self.columns.parse(data, at, end, self.contig, sample, lenient, final)
        if outcome["status"] > parsing.OTHER_CONTIG:
            text = data[outcome["place"] : outcome["place"] + SHOWN_BYTES].tobytes()
            raise bad_record(self.url, self.lines + outcome["lines"] + 1, text, outcome["status"])
        self.lines += outcome["lines"]
        return outcome

    def _rows(self, data: npt.NDArray[np.uint8], outcome: Outcome) -> Rows:
        dropped = {DOUBLE: outcome["doubles"], STRAY: outcome["strays"]}
        try:
            variants = self.columns.variant_rows(data, self.number, outcome)
        except UnicodeDecodeError as error:
            raise not_text(self.url, self.lines) from error
        blocks = self.columns.block_rows(self.number, outcome)
        dropped = {reason: count for reason, count in dropped.items() if count}
        return Rows(variants, blocks, outcome["read"], dropped, self.file.checksum)

    def _enter(self, line: bytes) -> None:
        """Go on to the contig of this record; raises UnknownContig, or BadRecord where the reference's order breaks."""
        chrom = line.split(b"\t")[0]
        name = chrom.decode("utf-8", "replace")
        number = self.numbers.get(name)
        if number is None:
            raise UnknownContig(name, self.url)
        if number <= self.number:
            raise unsorted_contig(self.url, self.lines + 1, line)
        self.number = number
        self.contig = np.frombuffer(chrom, np.uint8), self.contigs[number].length

"""Read small gVCFs one after another into the same buffers, which become Arrow rows together."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from io import BytesIO

import numpy as np
import pyarrow as pa

from genocloud.gvcf.bad_records import REFUSE, RecordPolicy
from genocloud.gvcf.columns import NO_BLOCKS, NO_VARIANTS, Run
from genocloud.gvcf.fingerprint import fingerprint, fingerprint_of
from genocloud.gvcf.header import split_header
from genocloud.gvcf.inflate import CHUNK_BYTES, READ_BYTES, read_piece
from genocloud.gvcf.reference_bases import Bases
from genocloud.gvcf.rows import Expected, RecordCounts, RecordReader, Rows, parse_buffers, read_rows
from genocloud.gvcf.text_source import TextPieces
from genocloud.regions import Contig
from genocloud.storage import open_file

SMALL_BYTES = READ_BYTES
"""A smaller file is read at once; compressed as usual, its text fits the parser's buffers."""

TOGETHER_BYTES = 2 * CHUNK_BYTES
"""Text of files whose rows become Arrow rows together: fifty columns cost as much for one file as for ten."""


@dataclass(frozen=True, slots=True)
class SmallFile:
    """A gVCF's path or URL, and one of its samples (None: its only one)."""

    url: str
    sample: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class RowsTogether:
    """Rows of several files, in the files' order.

    `sample` in `variants` and `blocks` is a file's number; `counts` has that number with each of its RecordCounts.
    `fingerprints` has, by their numbers, the `gvcf.fingerprint` of the files that end with these rows.
    """

    variants: pa.RecordBatch
    blocks: pa.RecordBatch
    counts: tuple[tuple[int, RecordCounts], ...]
    fingerprints: dict[int, str]


def read_together(
    files: Sequence[SmallFile],
    contigs: Sequence[Contig],
    *,
    reference: Bases | None = None,
    policy: RecordPolicy = REFUSE,
) -> Iterator[RowsTogether]:
    """The records of one sample of each file, as `read_rows` gives them of one file after the other."""
    expected = Expected(contigs=contigs, reference=reference, policy=policy)
    parsed = _Parsed(files, expected)
    for number, file in enumerate(files):
        small = _open_small(file, expected)
        if small is None:
            yield from parsed.rows()
            yield from _of_large(number, file, expected)
            continue
        content, reader, text = small
        if not parsed.has_room(text):
            yield from parsed.rows()
        parsed.add(number, reader, text, fingerprint_of(BytesIO(content), file.url, file.sample))
    yield from parsed.rows()


class _Parsed:
    """Files whose records are in this thread's parse buffers, which are not used for others meanwhile."""

    def __init__(self, files: Sequence[SmallFile], expected: Expected) -> None:
        self._files, self._expected = files, expected
        self._runs: list[Run] = []
        self._counts: list[tuple[int, RecordCounts]] = []
        self._fingerprints: dict[int, str] = {}

    def has_room(self, text: bytes) -> bool:
        return not self._counts or parse_buffers().filled + len(text) < TOGETHER_BYTES

    def add(self, number: int, reader: RecordReader, text: bytes, fingerprint: str) -> None:
        """Parse a file's records behind those that are there."""
        if not self._counts:
            parse_buffers().clear(TOGETHER_BYTES)
        counts, runs = reader.whole(text, number)
        self._runs += runs
        self._counts += ((number, each) for each in counts)
        self._fingerprints[number] = fingerprint

    def rows(self) -> Iterator[RowsTogether]:
        """The rows of the files, which are forgotten; none where there is no file."""
        if not self._counts:
            return
        counts, fingerprints = tuple(self._counts), self._fingerprints
        try:
            variants, blocks = parse_buffers().rows(self._runs)
        except pa.ArrowInvalid:
            self._read_alone()
            raise
        self._runs, self._counts, self._fingerprints = [], [], {}
        yield RowsTogether(variants=variants, blocks=blocks, counts=counts, fingerprints=fingerprints)

    def _read_alone(self) -> None:
        """Read each file alone, so that the error says in which there are bytes that are no text."""
        for number in self._fingerprints:
            for _ in _rows_of(self._files[number], self._expected):
                pass


def _open_small(file: SmallFile, expected: Expected) -> tuple[bytes, RecordReader, bytes] | None:
    """A file's bytes, the reader of its records, and their text; None for a file that is not small."""
    with open_file(file.url) as stream:
        content = read_piece(stream, file.url)
        if read_piece(stream, file.url):
            return None
    pieces = TextPieces.of(content, file.url)
    header, dialect, text = split_header(pieces, file.url)
    for piece in pieces:
        text += piece
        if len(text) >= TOGETHER_BYTES:
            return None
    reader = RecordReader(
        url=file.url, file=pieces, expected=expected, header=header, dialect=dialect, sample=file.sample
    )
    return content, reader, text


def _of_large(number: int, file: SmallFile, expected: Expected) -> Iterator[RowsTogether]:
    """As `read_together`, of a file whose text does not fit the buffers."""
    for rows in _rows_of(file, expected):
        variants, blocks = (_numbered(batch, number) for batch in (rows.variants, rows.blocks))
        yield RowsTogether(variants=variants, blocks=blocks, counts=((number, rows),), fingerprints={})
    ends = {number: fingerprint(file.url, file.sample)}
    yield RowsTogether(variants=NO_VARIANTS, blocks=NO_BLOCKS, counts=(), fingerprints=ends)


def _rows_of(file: SmallFile, expected: Expected) -> Iterator[Rows]:
    return read_rows(file.url, expected.contigs, file.sample, reference=expected.reference, policy=expected.policy)


def _numbered(batch: pa.RecordBatch, number: int) -> pa.RecordBatch:
    """Rows as those of the file with this number."""
    place = batch.schema.get_field_index("sample")
    return batch.set_column(place, batch.schema.field(place), pa.array(np.full(batch.num_rows, number, np.int32)))

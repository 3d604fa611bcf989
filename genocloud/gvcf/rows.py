"""Stream a gVCF's records as Arrow rows of variants and reference blocks."""

import logging
import re
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from genocloud.errors import BadRecord, UnknownContig, UnreadableFile
from genocloud.gvcf.bad_records import BAD, BAD_OUTSIDE, OUTSIDE, REFUSE, Losses, RecordPolicy
from genocloud.gvcf.columns import (
    NO_BASES,
    NO_BLOCKS,
    NO_VARIANTS,
    ContigContext,
    FileContext,
    Outcome,
    ParseBuffers,
    Run,
    TextRange,
    padded,
)
from genocloud.gvcf.dialects import UNKNOWN, Dialect
from genocloud.gvcf.header import COLUMNS, Header, shared_contigs, split_header
from genocloud.gvcf.problems import (
    PROBLEMS,
    bad_record,
    cut_off,
    not_text,
    place_of,
    reference_mismatch,
    stretch_of,
    unsorted_contig,
)
from genocloud.gvcf.reference_bases import Bases
from genocloud.gvcf.text_source import MAX_LINE_BYTES, Stretch, TextPieces, check_line, open_text
from genocloud.kernels import record_layout
from genocloud.regions import Contig, Region, check_contigs

log = logging.getLogger(__name__)

WEAKER = "weaker variant at the position of another"
DOUBLE = "reference record at the position of another record"
STRAY = "GT names an allele that the record lacks"
"""Why records are dropped."""

OVERLAP = "block that begins within another, and counts from there on"
PARTIAL = "PL with missing values, taken as no PL"
SYMBOLIC = "symbolic ALT or breakend, which is not genotyped: the sample's genotype is missing there"
"""Oddities of records that are kept, counted and reported."""

NOTHING_THERE = "a whole gVCF has blocks where nothing varies; make it again, or leave the sample out"

TWO_RECORDS = (
    b"1\t1\t.\tA\tC,<NON_REF>\t1\t.\tDP=2\tGT:AD:PL:SB\t0/1:1,1,0:9,0,9,9,9,9:0,1,0,1\n"
    b"1\t2\t.\tA\t.\t.\t.\t.\tGT:DP\t0/0:1\n"
)
"""A variant and a block with values in all fields, to compile and warm the parser."""

SHOWN_BYTES = 4096
"""Bytes of a record that an error needs for its contig and position."""

LONG_RECORD_BYTES = 1 << 20
"""Bytes of a bad record that are searched for its END, enough for most long REFs."""

NO_CONTIG = ContigContext((padded(b""), 0, 0))
"""Before the first record, and after a skipped contig."""

SKIPPED = -1
"""Status of an outcome: a bad record was dropped, and the records above it are parsed."""

NO_SUCH_CONTIG, CONTIG_ORDER = f"{BAD}its contig is not in the reference", f"{BAD}its contig comes too late in the file"

NOTHING_PARSED: Outcome = dict.fromkeys(record_layout.OUTCOME, 0)
"""The counts of buffers without rows."""

COUNTED = ("read", "weaker", "doubles", "strays", "overlaps", "partial", "symbolic")
"""What is counted of a file's rows."""

FIRST_LETTER = ord("#")
"""A line that begins with a contig's name begins beyond this byte; blank lines, header lines and others do not."""

_SCRATCH = threading.local()
"""Parse buffers, several times as large as a piece of text: one per thread, not one per open file."""


def parse_buffers() -> ParseBuffers:
    """This thread's parse buffers."""
    buffers: ParseBuffers | None = getattr(_SCRATCH, "buffers", None)
    if buffers is None:
        buffers = _SCRATCH.buffers = ParseBuffers()
    return buffers


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordCounts:
    """Some of one file's records in numbers.

    Each of the `read` records is a row or counted in `dropped` by reason. `odd` counts kept records by oddity.
    `checksum` is the CRC-32 of the file's bytes read so far, in the file's last counts that of all; `bytes` counts
    these bytes. `holes` are regions whose records were dropped because the policy does not need them: no data.
    """

    read: int
    dropped: dict[str, int]
    checksum: int
    bytes: int = 0
    holes: tuple[Region, ...] = ()
    odd: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rows(RecordCounts):
    """Some records of one file, in its order: `variants` and `blocks` have schema.VARIANTS and schema.BLOCKS.

    The last Rows may have no rows.
    """

    variants: pa.RecordBatch
    blocks: pa.RecordBatch

    @property
    def counts(self) -> tuple[tuple[int, RecordCounts], ...]:
        """Counts of the file, under its number in the rows' `sample`."""
        return ((0, self),)


def read_rows(
    url: str,
    contigs: Sequence[Contig],
    sample: str | None = None,
    *,
    region: Region | None = None,
    reference: Bases | None = None,
    policy: RecordPolicy = REFUSE,
) -> Iterator[Rows]:
    """The records of one sample of a gVCF, in file order, in bounded memory.

    `contigs` are the reference's; `sample` picks one of a multi-sample file. With a `region`, only rows that overlap
    it, each as in the whole file; with an index (.tbi, .csi) beside the file, little else is read. Every record's REF
    is compared with the `reference`. `policy` decides about malformed records.
    Raises UnreadableFile (also for a file without records; BadIndex), NotInflated, SampleNotChosen, MixedContigs,
    UnknownContig, BadRecord or TooManyBadRecords.
    """
    stretch = Stretch(contigs[region.contig].name, region.start, region.end) if region else None
    expected = Expected(contigs=contigs, reference=reference, policy=policy)
    with open_text(url, stretch) as pieces:
        header, dialect, text = split_header(pieces, url)
        reader = RecordReader(url=url, file=pieces, expected=expected, header=header, dialect=dialect, sample=sample)
        rows = reader.rows(text, pieces)
        del text
        yield from _within(rows, region) if region else _require_records(rows, reader)


def load_reader() -> None:
    """Load the parser's kernels (0.1 s), so that processes forked from this one have them."""
    header = Header(contigs=(), samples=("s",), caller=UNKNOWN.name, symbolic="", lines=0)
    expected, file = Expected(contigs=[Contig("1", 2)]), TextPieces.of(b"", "")
    reader = RecordReader(url="", file=file, expected=expected, header=header, dialect=UNKNOWN)
    for _ in reader.rows(TWO_RECORDS, iter(())):
        pass


def _require_records(rows: Iterator[Rows], reader: "RecordReader") -> Iterator[Rows]:
    """Pass a whole file's rows through; raises UnreadableFile if there are none."""
    for each in rows:
        reader.require_record()
        yield each


def _within(rows: Iterator[Rows], region: Region) -> Iterator[Rows]:
    """The rows that overlap a region of their contig; balanced, without a checksum."""
    for each in rows:
        variants, blocks = (_reaching(batch, region) for batch in (each.variants, each.blocks))
        if read := variants.num_rows + blocks.num_rows:
            yield Rows(variants=variants, blocks=blocks, read=read, dropped={}, checksum=0)
        if any(batch.num_rows and batch["start"][-1].as_py() >= region.end for batch in (each.variants, each.blocks)):
            return


def _reaching(batch: pa.RecordBatch, region: Region) -> pa.RecordBatch:
    start, stop = (batch[name].to_numpy() for name in ("start", "stop"))
    return batch.filter(pa.array((start < region.end) & (stop > region.start)))


@dataclass(frozen=True, kw_only=True)
class Expected:
    """What files' records have to fit: the reference's contigs and bases, and the policy for those that do not."""

    contigs: Sequence[Contig]
    reference: Bases | None = None
    policy: RecordPolicy = REFUSE

    @cached_property
    def numbers(self) -> dict[str, int]:
        """The contigs' numbers by name."""
        return {contig.name: number for number, contig in enumerate(self.contigs)}

    def unfit(self, url: str, header: Header) -> frozenset[int]:
        """Contigs to skip; raises MixedContigs. Worked out once for files that declare the same contigs."""
        if not any(contigs is header.contigs for contigs, _ in self._latest):
            check_contigs(url, shared_contigs(header, self.contigs, self.policy), self.contigs)
            self._latest[:] = [(header.contigs, self._unfit(header))]
        return self._latest[0][1]

    @cached_property
    def _latest(self) -> list[tuple[tuple[Contig, ...], frozenset[int]]]:
        """The contigs of the latest header, and those of them that are unfit."""
        return []

    def _unfit(self, header: Header) -> frozenset[int]:
        """Contigs that the policy does not need, and whose length or order differs from the reference's."""
        if self.policy.inside is None:
            return frozenset()
        numbers = self.numbers
        declared = [(numbers[contig.name], contig.length) for contig in header.contigs if contig.name in numbers]
        places = [number for number, _ in declared]
        sorted_ = places == sorted(places) and not self.policy.only
        unfit = (number for number, length in declared if not sorted_ or length != self.contigs[number].length)
        return frozenset(number for number in unfit if not self.policy.wants(number))


@dataclass(slots=True, kw_only=True)
class RecordReader:
    """Parses the records of one sample of a file, a piece of text at a time or all at once."""

    url: str
    file: TextPieces
    expected: Expected
    header: Header
    dialect: Dialect
    sample: str | None = None
    column: int = field(init=False)
    losses: Losses = field(default_factory=Losses)
    records: int = 0
    unfit: frozenset[int] = frozenset()
    file_context: FileContext = field(init=False)
    contig_context: ContigContext = NO_CONTIG
    number: int = -1
    lines: int = 0
    counted: int = 0
    covered: int = 0
    warned_of_tabs: bool = False

    def __post_init__(self) -> None:
        self.unfit = self.expected.unfit(self.url, self.header)
        self.column = self.header.column(self.url, self.sample)
        self.lines = self.header.lines
        title = "\t".join([*COLUMNS, *self.header.samples]).encode()
        rules = np.array([self.dialect.doubles, self.dialect.strays])
        self.file_context = FileContext(padded(title), (self.column, len(self.header.samples)), rules)

    @property
    def columns(self) -> ParseBuffers:
        """This thread's parse buffers."""
        return parse_buffers()

    def rows(self, text: bytes, pieces: Iterator[bytes]) -> Iterator[Rows]:
        """Rows of the whole text; the unparsed end of a piece is parsed with the next one.

        A suspended reader holds no piece: many readers run side by side.
        """
        for piece in pieces:
            if self.file.last:  # parse the rest at once
                text += piece
                del piece
                break
            parsed, text = self._parse(text, piece, final=False)
            del piece
            if len(text) > MAX_LINE_BYTES:
                unfinished = text[text.rfind(b"\n") + 1 :]
                line = self.lines + text.count(b"\n") + 1
                check_line(self.url, unfinished, place_of(line, unfinished[:SHOWN_BYTES]))
            yield from parsed
        parsed, text = self._parse(text, self._line_end(text), final=True)
        self.losses.check(self.url, self.header.samples[self.column], self.records)
        yield from parsed or [self._no_rows()]

    def _line_end(self, text: bytes) -> bytes:
        """The line end that a text lacks.

        Refuses a last line without one if values are missing; a complete one passes (DRAGEN's example).
        """
        _, _, last = text.rpartition(b"\n")
        if not last:
            return b"" if text else b"\n"
        columns = last.split(b"\t")
        short = len(columns) > 9 and columns[-1].count(b":") < columns[8].count(b":")
        if short or last.endswith((b":", b",")):
            raise cut_off(self.url, self.lines + text.count(b"\n") + 1, last)
        log.warning("%s: its last line has no line end; if the file was cut off, a number may lack digits", self.url)
        return b"\n"

    def _parse(self, rest: bytes, piece: bytes, final: bool) -> tuple[list[Rows], bytes]:
        """The rows of the complete lines of `rest + piece`, and the remaining text."""
        self.columns.clear(len(rest) + len(piece))
        self.columns.append(rest)
        data = self.columns.append(piece)
        last = piece.rfind(b"\n")
        end = (len(rest) + last if last >= 0 else rest.rfind(b"\n")) + 1
        dropped, runs, at = self.parse(TextRange(text=data, begin=0, end=end, final=final), 0)
        parsed = [replace(self._no_rows(), read=lost.read, dropped=lost.dropped, holes=lost.holes) for lost in dropped]
        counts = self.counts(NOTHING_PARSED)
        if counts.read:
            self.records += counts.read
            parsed.append(self._rows(counts, runs))
        return parsed, data[at:].tobytes()

    def whole(self, text: bytes, number: int) -> tuple[list[RecordCounts], list[Run]]:
        """Parse all records of a small file into the buffers, behind those that are there: see `parse`.

        There must be room for one more byte than the text has.
        """
        before, begin = self.columns.parsed, self.columns.filled
        data = self.columns.append(text + self._line_end(text))
        dropped, runs, _ = self.parse(TextRange(text=data, begin=begin, end=data.size, final=True), number)
        counts = self.counts(before)
        self.records += counts.read
        self.losses.check(self.url, self.header.samples[self.column], self.records)
        self.require_record()
        return [*dropped, counts], runs

    def require_record(self) -> None:
        """Raise UnreadableFile unless there was a record."""
        if self.number < 0 and not self.losses.skipped:
            sample = self.header.samples[self.column]
            raise UnreadableFile(self.url, f"holds no record of sample {sample}", NOTHING_THERE)

    def parse(self, lines: TextRange, number: int) -> tuple[list[RecordCounts], list[Run], int]:
        """Parse records into the buffers, as those of the sample with this number.

        Returns the counts of those that were dropped one by one, the runs of rows, and the place of what was not
        parsed. Raises BadRecord and its like.
        """
        dropped, runs, at = list[RecordCounts](), list[Run](), lines.begin
        while at < lines.end:
            lines = replace(lines, begin=at)
            if self.contig_context is NO_CONTIG and lines.text[at] > FIRST_LETTER:
                at = self._enter_contig(lines, dropped)
                continue
            outcome = self._records(lines, dropped)
            at = outcome["consumed"]
            runs.append((number, self.number, outcome["variants"], outcome["blocks"]))
            if outcome["status"] == record_layout.OTHER_CONTIG:
                at = self._enter_contig(replace(lines, begin=at), dropped)
            elif outcome["status"] != SKIPPED:
                break
        self.records += sum(counts.read for counts in dropped)
        return dropped, runs, at

    def counts(self, before: Outcome) -> RecordCounts:
        """Counts of the rows parsed since the buffers' counts were these, and of the records that they replace."""
        parsed = self.columns.parsed
        since = {name: parsed[name] - before[name] for name in COUNTED}
        weaker = since["weaker"]
        dropped = {WEAKER: weaker, DOUBLE: since["doubles"] - weaker, STRAY: since["strays"]}
        odd = {OVERLAP: since["overlaps"], PARTIAL: since["partial"], SYMBOLIC: since["symbolic"]}
        return RecordCounts(
            read=since["read"],
            dropped={reason: count for reason, count in dropped.items() if count},
            checksum=self.file.checksum,
            bytes=self.file.bytes_read,
            odd={kind: count for kind, count in odd.items() if count},
        )

    def _records(self, lines: TextRange, dropped: list[RecordCounts]) -> Outcome:
        """Parse records of the current contig, up to one that the policy drops; raises BadRecord."""
        before = self.columns.outcome.copy()
        self.counted = int(before[record_layout.O_LINES])
        outcome = self._parse_lines(lines)
        if outcome["status"] > record_layout.OTHER_CONTIG:
            place = outcome["place"]
            dropped.append(self._drop(lines.text[place : min(lines.end, place + LONG_RECORD_BYTES)], outcome))
            self.columns.outcome[:] = before
            outcome = self._parse_lines(replace(lines, end=place, final=False))
            outcome["status"] = SKIPPED
        self.lines += outcome["lines"] - self.counted
        self.counted = outcome["lines"]
        self.covered = outcome["covered"]
        if outcome["tabs"] > before[record_layout.O_TABS] and not self.warned_of_tabs:
            self.warned_of_tabs = True
            log.warning("%s: lines end with tabs, which are ignored", self.url)
        return outcome

    def _parse_lines(self, lines: TextRange) -> Outcome:
        return self.columns.parse(lines, self.contig_context, self.file_context, self.covered)

    def _drop(self, data: npt.NDArray[np.uint8], outcome: Outcome) -> RecordCounts:
        """Drop the bad record at the start of `data` if the policy allows it; raises BadRecord otherwise."""
        text = data.tobytes()
        error = self._bad_record(text[:SHOWN_BYTES], outcome)
        if self.expected.policy == REFUSE or outcome["status"] == record_layout.BAD_HASH:
            raise error
        stretch = stretch_of(text, self.number, self.expected.contigs[self.number].length)
        if not self.expected.policy.reaches(stretch):
            lost = self._dropped(BAD_OUTSIDE, 1, stretch)
        elif self.expected.policy.drop:
            lost = self._dropped(BAD + PROBLEMS[outcome["status"]][0], 1)
        else:
            raise error
        data[:2] = np.frombuffer(
            b"\r\n" if text[1:2] == b"\n" else b"##", np.uint8
        )  # turned into a line that is ignored
        return lost

    def _dropped(self, reason: str, count: int, *holes: Region) -> RecordCounts:
        self.losses.add(reason, count)
        return RecordCounts(read=count, dropped={reason: count}, checksum=self.file.checksum, holes=holes)

    def _no_rows(self) -> Rows:
        """Rows without a record, with the checksum and bytes of the file so far."""
        checksum, size = self.file.checksum, self.file.bytes_read
        return Rows(variants=NO_VARIANTS, blocks=NO_BLOCKS, read=0, dropped={}, checksum=checksum, bytes=size)

    def _bad_record(self, text: bytes, outcome: Outcome) -> BadRecord:
        line = self.lines + outcome["lines"] - self.counted + 1
        if outcome["status"] == record_layout.BAD_REF and self.expected.reference:
            return reference_mismatch(self.url, line, text, self.expected.reference)
        return bad_record(self.url, line, text, outcome["status"])

    def _rows(self, counts: RecordCounts, runs: Sequence[Run]) -> Rows:
        try:
            variants, blocks = self.columns.rows(runs)
        except pa.ArrowInvalid as error:
            raise not_text(self.url, self.lines) from error
        return replace(
            self._no_rows(), variants=variants, blocks=blocks, read=counts.read, dropped=counts.dropped, odd=counts.odd
        )

    def _enter_contig(self, lines: TextRange, dropped: list[RecordCounts]) -> int:
        """Enter the contig of the first record, or skip its records; returns where parsing continues.

        Raises UnknownContig, or BadRecord where contigs are not in the reference's order.
        """
        line = lines.text[lines.begin : lines.begin + SHOWN_BYTES].tobytes()
        chrom = line.split(b"\n", 1)[0].split(b"\t", 1)[0]
        number = self.expected.numbers.get(chrom.decode("utf-8", "replace"))
        reason = self._skip_reason(line, chrom, number)
        if reason:
            return self._skip_contig(lines, chrom, number, reason, dropped)
        assert number is not None
        self.number, self.covered = number, 0
        sequence = (
            self.expected.reference.sequences.get(self.expected.contigs[number].name)
            if self.expected.reference
            else None
        )
        bases = (sequence.data, sequence.line_bases, sequence.line_bytes) if sequence else NO_BASES
        self.contig_context = ContigContext((padded(chrom), len(chrom), self.expected.contigs[number].length), bases)
        return lines.begin

    def _skip_reason(self, line: bytes, chrom: bytes, number: int | None) -> str:
        """Why a contig's records are dropped; empty if they are parsed."""
        inside = self.expected.policy.inside is None
        if number is None:
            if inside and not self.expected.policy.drop:
                name = chrom.decode("utf-8", "replace")
                raise UnknownContig(name, f"{self.url}: {place_of(self.lines + 1, line)}")
            return NO_SUCH_CONTIG if inside else OUTSIDE
        if number in self.unfit or (number <= self.number and not self.expected.policy.wants(number)):
            return OUTSIDE
        if self.expected.policy.only and not self.expected.policy.wants(number):
            return OUTSIDE
        if number > self.number:
            return ""
        if not self.expected.policy.drop:
            raise unsorted_contig(self.url, self.lines + 1, line)
        return CONTIG_ORDER

    def _skip_contig(
        self, lines: TextRange, chrom: bytes, number: int | None, reason: str, dropped: list[RecordCounts]
    ) -> int:
        """Skip a contig's records and count them; returns where the next contig starts."""
        mark = re.escape(chrom)
        match = re.match(
            rb"(?:%b(?:\t[^\n]*+)?+\n|#[^\n]*+\n|\r?\n)++" % mark, lines.text[lines.begin : lines.end].tobytes()
        )
        assert match is not None
        text = match[0]
        self.lines += text.count(b"\n")
        hole = () if number is None or reason != OUTSIDE else (Region(number, 0, self.expected.contigs[number].length),)
        dropped.append(self._dropped(reason, len(re.findall(rb"(?m)^%b[\t\n]" % mark, text)), *hole))
        self.contig_context = NO_CONTIG  # so that the contig before is refused if it continues after this one
        return lines.begin + len(text)

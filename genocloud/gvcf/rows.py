"""Stream a gVCF's records as Arrow rows of variants and reference blocks."""

import logging
import re
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

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

NOTHING_READ: Outcome = dict.fromkeys(record_layout.OUTCOME, 0)

_SCRATCH = threading.local()
"""Parse buffers, several times as large as a piece of text: one per thread, not one per open file."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rows:
    """Some records, in file order.

    `variants` and `blocks` have schema.VARIANTS and schema.BLOCKS; each of the `read` records is a row of one of them
    or counted in `dropped` by reason. `odd` counts kept records by oddity. `checksum` is the CRC-32 of the file's bytes
    read so far: in the last Rows, which may have no rows, that of the whole file. `bytes` counts these bytes. `holes`
    are regions whose records were dropped because the policy does not need them: they count as no data.
    """

    variants: pa.RecordBatch
    blocks: pa.RecordBatch
    read: int
    dropped: dict[str, int]
    checksum: int
    bytes: int = 0
    holes: tuple[Region, ...] = ()
    odd: dict[str, int] = field(default_factory=dict)


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
    with open_text(url, stretch) as pieces:
        header, dialect, text = split_header(pieces, url)
        check_contigs(url, shared_contigs(header, contigs, policy), contigs)
        reader = _Reader(
            url=url,
            file=pieces,
            contigs=contigs,
            header=header,
            dialect=dialect,
            column=header.column(url, sample),
            reference=reference,
            policy=policy,
        )
        rows = reader.rows(text, pieces)
        del text
        yield from _within(rows, region) if region else _require_records(rows, reader)


def load_reader() -> None:
    """Load the parser's kernels (0.1 s), so that processes forked from this one have them."""
    header = Header(contigs=(), samples=("s",), caller=UNKNOWN.name, symbolic="", lines=0)
    reader = _Reader(
        url="", file=TextPieces.of(b""), contigs=[Contig("1", 2)], header=header, dialect=UNKNOWN, column=0
    )
    for _ in reader.rows(TWO_RECORDS, iter(())):
        pass


def _require_records(rows: Iterator[Rows], reader: "_Reader") -> Iterator[Rows]:
    """Pass a whole file's rows through; raises UnreadableFile if there are none."""
    for each in rows:
        if reader.number < 0 and not reader.losses.skipped:
            sample = reader.header.samples[reader.column]
            raise UnreadableFile(reader.url, f"holds no record of sample {sample}", NOTHING_THERE)
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


def _unfit_contigs(header: Header, contigs: Sequence[Contig], policy: RecordPolicy) -> frozenset[int]:
    """Contigs to skip: the policy does not need them, and their length or order differs from the reference's."""
    if policy.inside is None:
        return frozenset()
    numbers = {contig.name: number for number, contig in enumerate(contigs)}
    declared = [(numbers[contig.name], contig.length) for contig in header.contigs if contig.name in numbers]
    places = [number for number, _ in declared]
    sorted_ = places == sorted(places) and not policy.only
    unfit = (number for number, length in declared if not sorted_ or length != contigs[number].length)
    return frozenset(number for number in unfit if not policy.wants(number))


@dataclass(slots=True, kw_only=True)
class _Reader:
    url: str
    file: TextPieces
    contigs: Sequence[Contig]
    header: Header
    dialect: Dialect
    column: int
    reference: Bases | None = None
    policy: RecordPolicy = REFUSE
    losses: Losses = field(default_factory=Losses)
    records: int = 0
    unfit: frozenset[int] = frozenset()
    numbers: dict[str, int] = field(init=False)
    file_context: FileContext = field(init=False)
    contig_context: ContigContext = NO_CONTIG
    number: int = -1
    lines: int = 0
    counted: int = 0
    covered: int = 0
    warned_of_tabs: bool = False

    def __post_init__(self) -> None:
        self.numbers = {contig.name: number for number, contig in enumerate(self.contigs)}
        title = "\t".join([*COLUMNS, *self.header.samples]).encode()
        self.unfit = _unfit_contigs(self.header, self.contigs, self.policy)
        rules = np.array([self.dialect.doubles, self.dialect.strays])
        self.file_context = FileContext(padded(title), (self.column, len(self.header.samples)), rules)

    @property
    def columns(self) -> ParseBuffers:
        """This thread's parse buffers."""
        columns: ParseBuffers | None = getattr(_SCRATCH, "columns", None)
        if columns is None:
            columns = _SCRATCH.columns = ParseBuffers()
        return columns

    def rows(self, text: bytes, pieces: Iterator[bytes]) -> Iterator[Rows]:
        """Rows of the whole text; the unparsed end of a piece is parsed with the next one.

        A suspended reader holds no piece: many readers run side by side.
        """
        self.lines = self.header.lines
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
        end = b"" if text.endswith(b"\n") else b"\n"
        if end:
            self._check_end(text)
        parsed, text = self._parse(text, end, final=True)
        self.losses.check(self.url, self.header.samples[self.column], self.records)
        yield from parsed or [self._no_rows()]

    def _check_end(self, text: bytes) -> None:
        """Refuse a last line without a line end if values are missing; a complete one passes (DRAGEN's example)."""
        _, _, last = text.rpartition(b"\n")
        if not last:
            return
        columns = last.split(b"\t")
        short = len(columns) > 9 and columns[-1].count(b":") < columns[8].count(b":")
        if short or last.endswith((b":", b",")):
            raise cut_off(self.url, self.lines + text.count(b"\n") + 1, last)
        log.warning("%s: its last line has no line end; if the file was cut off, a number may lack digits", self.url)

    def _parse(self, rest: bytes, piece: bytes, final: bool) -> tuple[list[Rows], bytes]:
        """The rows of the complete lines of `rest + piece`, and the remaining text."""
        data = self.columns.load(rest, piece)
        last = piece.rfind(b"\n")
        at, end = 0, (len(rest) + last if last >= 0 else rest.rfind(b"\n")) + 1
        outcome, parsed = NOTHING_READ, list[Rows]()
        runs: list[tuple[int, int, int]] = []
        while at < end:
            lines = TextRange(text=data, begin=at, end=end, final=final)
            outcome = self._records(lines, parsed, further=bool(runs))
            at = outcome["consumed"]
            runs.append((self.number, outcome["variants"], outcome["blocks"]))
            if outcome["status"] == record_layout.OTHER_CONTIG:
                at = self._enter_contig(replace(lines, begin=at), parsed)
            elif outcome["status"] != SKIPPED:
                break
        if outcome["read"]:
            parsed.append(self._rows(data, outcome, runs))
        self.records += sum(rows.read for rows in parsed)
        return parsed, data[at:].tobytes()

    def _records(self, lines: TextRange, dropped: list[Rows], further: bool) -> Outcome:
        """Parse records of the current contig, up to one that the policy drops; raises BadRecord.

        further  whether the outcome includes the contigs parsed before from the same text
        """
        self.counted = self.counted if further else 0
        before = self.columns.outcome.copy()
        outcome = self._parse_lines(lines, further)
        if outcome["status"] > record_layout.OTHER_CONTIG:
            place = outcome["place"]
            dropped.append(self._drop(lines.text[place : min(lines.end, place + LONG_RECORD_BYTES)], outcome))
            self.columns.outcome[:] = before
            outcome = self._parse_lines(replace(lines, end=place, final=False), further)
            outcome["status"] = SKIPPED
        self.lines += outcome["lines"] - self.counted
        self.counted = outcome["lines"]
        self.covered = outcome["covered"]
        if outcome["tabs"] and not self.warned_of_tabs:
            self.warned_of_tabs = True
            log.warning("%s: lines end with tabs, which are ignored", self.url)
        return outcome

    def _parse_lines(self, lines: TextRange, further: bool) -> Outcome:
        return self.columns.parse(lines, self.contig_context, self.file_context, covered=self.covered, further=further)

    def _drop(self, data: npt.NDArray[np.uint8], outcome: Outcome) -> Rows:
        """Drop the bad record at the start of `data` if the policy allows it; raises BadRecord otherwise."""
        text = data.tobytes()
        error = self._bad_record(text[:SHOWN_BYTES], outcome)
        if self.policy == REFUSE or outcome["status"] == record_layout.BAD_HASH:
            raise error
        stretch = stretch_of(text, self.number, self.contigs[self.number].length)
        if not self.policy.reaches(stretch):
            lost = self._dropped_rows(BAD_OUTSIDE, 1, stretch)
        elif self.policy.drop:
            lost = self._dropped_rows(BAD + PROBLEMS[outcome["status"]][0], 1)
        else:
            raise error
        data[:2] = np.frombuffer(
            b"\r\n" if text[1:2] == b"\n" else b"##", np.uint8
        )  # turned into a line that is ignored
        return lost

    def _dropped_rows(self, reason: str, count: int, *holes: Region) -> Rows:
        self.losses.add(reason, count)
        return replace(self._no_rows(), read=count, dropped={reason: count}, holes=holes)

    def _no_rows(self) -> Rows:
        """Rows without a record, with the checksum and bytes of the file so far."""
        checksum, size = self.file.checksum, self.file.bytes_read
        return Rows(variants=NO_VARIANTS, blocks=NO_BLOCKS, read=0, dropped={}, checksum=checksum, bytes=size)

    def _bad_record(self, text: bytes, outcome: Outcome) -> BadRecord:
        line = self.lines + outcome["lines"] - self.counted + 1
        if outcome["status"] == record_layout.BAD_REF and self.reference:
            return reference_mismatch(self.url, line, text, self.reference)
        return bad_record(self.url, line, text, outcome["status"])

    def _rows(self, data: npt.NDArray[np.uint8], outcome: Outcome, runs: Sequence[tuple[int, int, int]]) -> Rows:
        """The rows of a text; runs: each contig's number, and the numbers of variants and blocks up to its end."""
        contigs, *ends = np.array(runs, np.int32).T
        of_variants, of_blocks = (np.repeat(contigs, np.diff(each, prepend=0)) for each in ends)
        try:
            variants = self.columns.variant_rows(data, of_variants, outcome)
        except pa.ArrowInvalid as error:
            raise not_text(self.url, self.lines) from error
        blocks = self.columns.block_rows(of_blocks, outcome)
        weaker = outcome["weaker"]
        dropped = {WEAKER: weaker, DOUBLE: outcome["doubles"] - weaker, STRAY: outcome["strays"]}
        dropped = {reason: count for reason, count in dropped.items() if count}
        odd = {OVERLAP: outcome["overlaps"], PARTIAL: outcome["partial"], SYMBOLIC: outcome["symbolic"]}
        odd = {kind: count for kind, count in odd.items() if count}
        return Rows(
            variants=variants,
            blocks=blocks,
            read=outcome["read"],
            dropped=dropped,
            checksum=self.file.checksum,
            bytes=self.file.bytes_read,
            odd=odd,
        )

    def _enter_contig(self, lines: TextRange, dropped: list[Rows]) -> int:
        """Enter the contig of the first record, or skip its records; returns where parsing continues.

        Raises UnknownContig, or BadRecord where contigs are not in the reference's order.
        """
        line = lines.text[lines.begin : lines.begin + SHOWN_BYTES].tobytes()
        chrom = line.split(b"\n", 1)[0].split(b"\t", 1)[0]
        number = self.numbers.get(chrom.decode("utf-8", "replace"))
        reason = self._skip_reason(line, chrom, number)
        if reason:
            return self._skip_contig(lines, chrom, number, reason, dropped)
        assert number is not None
        self.number, self.covered = number, 0
        sequence = self.reference.sequences.get(self.contigs[number].name) if self.reference else None
        bases = (sequence.data, sequence.line_bases, sequence.line_bytes) if sequence else NO_BASES
        self.contig_context = ContigContext((padded(chrom), len(chrom), self.contigs[number].length), bases)
        return lines.begin

    def _skip_reason(self, line: bytes, chrom: bytes, number: int | None) -> str:
        """Why a contig's records are dropped; empty if they are parsed."""
        inside = self.policy.inside is None
        if number is None:
            if inside and not self.policy.drop:
                name = chrom.decode("utf-8", "replace")
                raise UnknownContig(name, f"{self.url}: {place_of(self.lines + 1, line)}")
            return NO_SUCH_CONTIG if inside else OUTSIDE
        if number in self.unfit or (number <= self.number and not self.policy.wants(number)):
            return OUTSIDE
        if self.policy.only and not self.policy.wants(number):
            return OUTSIDE
        if number > self.number:
            return ""
        if not self.policy.drop:
            raise unsorted_contig(self.url, self.lines + 1, line)
        return CONTIG_ORDER

    def _skip_contig(self, lines: TextRange, chrom: bytes, number: int | None, reason: str, dropped: list[Rows]) -> int:
        """Skip a contig's records and count them; returns where the next contig starts."""
        mark = re.escape(chrom)
        match = re.match(
            rb"(?:%b(?:\t[^\n]*+)?+\n|#[^\n]*+\n|\r?\n)++" % mark, lines.text[lines.begin : lines.end].tobytes()
        )
        assert match is not None
        text = match[0]
        self.lines += text.count(b"\n")
        hole = () if number is None or reason != OUTSIDE else (Region(number, 0, self.contigs[number].length),)
        dropped.append(self._dropped_rows(reason, len(re.findall(rb"(?m)^%b[\t\n]" % mark, text)), *hole))
        self.contig_context = NO_CONTIG  # so that the contig before is refused if it continues after this one
        return lines.begin + len(text)

"""A gVCF's records as rows of variants and blocks, streamed."""

import logging
import re
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from genocloud.errors import BadRecord, UnknownContig, UnreadableFile
from genocloud.gvcf.bad_records import BAD, BAD_OUTSIDE, OUTSIDE, REFUSE, Losses, RecordPolicy
from genocloud.gvcf.columns import NO_BASES, NO_BLOCKS, NO_VARIANTS, Columns, File, Ground, Outcome, padded
from genocloud.gvcf.dialects import UNKNOWN, Caller
from genocloud.gvcf.header import COLUMNS, Header, shared_contigs, split_header
from genocloud.gvcf.problems import (
    PROBLEMS,
    bad_record,
    contradiction,
    cut_off,
    not_text,
    place_of,
    stretch_of,
    unsorted_contig,
)
from genocloud.gvcf.reference_bases import Bases
from genocloud.gvcf.text_source import MAX_LINE_BYTES, Stretch, Texts, check_line, open_texts
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
"""What is odd about records that are kept."""

NOTHING_THERE = "a whole gVCF has blocks where nothing varies; make it again, or leave the sample out"

TWO_RECORDS = (
    b"1\t1\t.\tA\tC,<NON_REF>\t1\t.\tDP=2\tGT:AD:PL:SB\t0/1:1,1,0:9,0,9,9,9,9:0,1,0,1\n"
    b"1\t2\t.\tA\t.\t.\t.\t.\tGT:DP\t0/0:1\n"
)
"""A variant and a block, with values of every kind."""

SHOWN_BYTES = 4096
"""Enough of a record to say its contig and position."""

LONG_RECORD_BYTES = 1 << 20
"""Enough of a bad record to tell where it ends, also of most with a long REF."""

NOWHERE = Ground((padded(b""), 0, 0))
"""Before the first record: its contig is not entered yet."""

SKIPPED = -1
"""An outcome's status: a bad record was dropped, and what stands above it is parsed."""

NO_SUCH_CONTIG, CONTIG_ORDER = f"{BAD}its contig is not in the reference", f"{BAD}its contig comes too late in the file"

NOTHING_READ: Outcome = dict.fromkeys(record_layout.OUTCOME, 0)

_SCRATCH = threading.local()
"""Room to parse in, several times as large as a piece of text: one for each thread, not one for each open file."""


@dataclass(frozen=True, slots=True)
class Rows:
    """Some records, in file order.

    `variants` and `blocks` are of schema.VARIANTS and schema.BLOCKS; every one of the `read` records is a row of one
    of them or counted in `dropped` by reason. `odd` counts those that stay by what is odd about them. `checksum` is
    the CRC-32 of the file's bytes up to where it has been read: in the last Rows, which may hold no rows, that of the
    whole file. `bytes` counts them. `holes` are where records are lacking that do not matter by the policy: nothing is
    known of these bases.
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
    region: Region | None = None,
    reference: Bases | None = None,
    policy: RecordPolicy = REFUSE,
) -> Iterator[Rows]:
    """The records of one sample of a gVCF, in file order, in bounded memory.

    `contigs` are the reference's; `sample` picks one of a multi-sample file. With a `region`, only the rows that reach
    into it, each as the whole file has it; where an index (.tbi, .csi) lies beside the file, little else is read. Every
    record's REF is held to the `reference`. `policy` says what becomes of records that cannot be used.
    Raises UnreadableFile (also for a file without records; BadIndex), NotInflated, SampleNotChosen, MixedContigs,
    UnknownContig, BadRecord or TooManyBadRecords.
    """
    stretch = Stretch(contigs[region.contig].name, region.start, region.end) if region else None
    with open_texts(url, stretch) as texts:
        header, caller, text = split_header(texts, url)
        check_contigs(url, shared_contigs(header, contigs, policy), contigs)
        reader = _Reader(url, texts, contigs, header, caller, header.column(url, sample), reference, policy)
        rows = reader.rows(text, texts)
        del text
        yield from _within(rows, region) if region else _some(rows, reader)


def load_reader() -> None:
    """Read two records: processes forked from this one then have the kernels, which load in a tenth of a second."""
    header = Header((), ("s",), UNKNOWN.name, "", 0)
    reader = _Reader("", Texts.of(b""), [Contig("1", 2)], header, UNKNOWN, 0)
    for _ in reader.rows(TWO_RECORDS, iter(())):
        pass


def _some(rows: Iterator[Rows], reader: "_Reader") -> Iterator[Rows]:
    """Rows of a whole file; raises UnreadableFile if there are none."""
    for each in rows:
        if reader.number < 0 and not reader.losses.skipped:
            sample = reader.header.samples[reader.column]
            raise UnreadableFile(reader.url, f"holds no record of sample {sample}", NOTHING_THERE)
        yield each


def _within(rows: Iterator[Rows], region: Region) -> Iterator[Rows]:
    """Of sorted rows of the region's contig those that reach into it; balanced, without a checksum."""
    for each in rows:
        variants, blocks = (_reaching(batch, region) for batch in (each.variants, each.blocks))
        if read := variants.num_rows + blocks.num_rows:
            yield Rows(variants, blocks, read, {}, 0)
        if any(batch.num_rows and batch["start"][-1].as_py() >= region.end for batch in (each.variants, each.blocks)):
            return


def _reaching(batch: pa.RecordBatch, region: Region) -> pa.RecordBatch:
    start, stop = (batch[name].to_numpy() for name in ("start", "stop"))
    return batch.filter(pa.array((start < region.end) & (stop > region.start)))


def _unfit_contigs(header: Header, contigs: Sequence[Contig], policy: RecordPolicy) -> frozenset[int]:
    """Contigs that cannot be read and need not be: they do not matter, and have another length or another order."""
    if policy.inside is None:
        return frozenset()
    numbers = {contig.name: number for number, contig in enumerate(contigs)}
    declared = [(numbers[contig.name], contig.length) for contig in header.contigs if contig.name in numbers]
    places = [number for number, _ in declared]
    sorted_ = places == sorted(places) and not policy.only
    unfit = (number for number, length in declared if not sorted_ or length != contigs[number].length)
    return frozenset(number for number in unfit if not policy.wants(number))


@dataclass(slots=True)
class _Reader:
    url: str
    file: Texts
    contigs: Sequence[Contig]
    header: Header
    caller: Caller
    column: int
    reference: Bases | None = None
    policy: RecordPolicy = REFUSE
    losses: Losses = field(default_factory=Losses)
    records: int = 0
    unfit: frozenset[int] = frozenset()
    numbers: dict[str, int] = field(init=False)
    source: File = field(init=False)
    ground: Ground = NOWHERE
    number: int = -1
    lines: int = 0
    counted: int = 0
    covered: int = 0
    tabs_said: bool = False

    def __post_init__(self) -> None:
        self.numbers = {contig.name: number for number, contig in enumerate(self.contigs)}
        title = "\t".join([*COLUMNS, *self.header.samples]).encode()
        self.unfit = _unfit_contigs(self.header, self.contigs, self.policy)
        rules = np.array([self.caller.doubles, self.caller.strays])
        self.source = File(padded(title), (self.column, len(self.header.samples)), rules)

    @property
    def columns(self) -> Columns:
        """This thread's."""
        columns: Columns | None = getattr(_SCRATCH, "columns", None)
        if columns is None:
            columns = _SCRATCH.columns = Columns()
        return columns

    def rows(self, text: bytes, texts: Iterator[bytes]) -> Iterator[Rows]:
        """Rows of the whole text; what a piece leaves unread is read again together with the next.

        Between rows no piece is kept: many readers run side by side.
        """
        self.lines = self.header.lines
        for piece in texts:
            if self.file.last:  # a short file's rows come all at once
                text += piece
                del piece
                break
            found, text = self._parse(text, piece, final=False)
            del piece
            if len(text) > MAX_LINE_BYTES:
                begun = text[text.rfind(b"\n") + 1 :]
                line = self.lines + text.count(b"\n") + 1
                check_line(self.url, begun, place_of(line, begun[:SHOWN_BYTES]))
            yield from found
        end = b"" if text.endswith(b"\n") else b"\n"
        if end:
            self._check_end(text)
        found, text = self._parse(text, end, final=True)
        self.losses.check(self.url, self.header.samples[self.column], self.records)
        yield from found or [Rows(NO_VARIANTS, NO_BLOCKS, 0, {}, self.file.checksum, self.file.taken)]

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

    def _parse(self, rest: bytes, piece: bytes, final: bool) -> tuple[list[Rows], bytes]:
        """The rows of two texts' whole lines, and what must be read again."""
        data = self.columns.load(rest, piece)
        last = piece.rfind(b"\n")
        at, end = 0, (len(rest) + last if last >= 0 else rest.rfind(b"\n")) + 1
        outcome, found = NOTHING_READ, list[Rows]()
        runs: list[tuple[int, int, int]] = []
        while at < end:
            outcome = self._records(data, at, end, final, found, further=bool(runs))
            at = outcome["consumed"]
            runs.append((self.number, outcome["variants"], outcome["blocks"]))
            if outcome["status"] == record_layout.OTHER_CONTIG:
                at = self._enter(data, at, end, found)
            elif outcome["status"] != SKIPPED:
                break
        if outcome["read"]:
            found.append(self._rows(data, outcome, runs))
        self.records += sum(rows.read for rows in found)
        return found, data[at:].tobytes()

    def _records(
        self, data: npt.NDArray[np.uint8], at: int, end: int, final: bool, dropped: list[Rows], further: bool
    ) -> Outcome:
        """Parse records of the present contig, up to one that the policy drops; raises BadRecord.

        further  whether the outcome counts those read of the same text before
        """
        self.counted = self.counted if further else 0
        before = self.columns.outcome.copy()
        outcome = self.columns.parse(data, at, end, self.ground, self.source, self.covered, final, further)
        if outcome["status"] > record_layout.OTHER_CONTIG:
            place = outcome["place"]
            dropped.append(self._drop(data[place : min(end, place + LONG_RECORD_BYTES)], outcome))
            self.columns.outcome[:] = before
            outcome = self.columns.parse(data, at, place, self.ground, self.source, self.covered, False, further)
            outcome["status"] = SKIPPED
        self.lines += outcome["lines"] - self.counted
        self.counted = outcome["lines"]
        self.covered = outcome["covered"]
        if outcome["tabs"] and not self.tabs_said:
            self.tabs_said = True
            log.warning("%s: lines end with tabs, which are passed over", self.url)
        return outcome

    def _drop(self, data: npt.NDArray[np.uint8], outcome: Outcome) -> Rows:
        """Take the bad record that `data` begins with out of it, and count it; raises BadRecord where it matters."""
        text = data.tobytes()
        error = self._bad_record(text[:SHOWN_BYTES], outcome)
        if self.policy == REFUSE or outcome["status"] == record_layout.BAD_HASH:
            raise error
        stretch = stretch_of(text, self.number, self.contigs[self.number].length)
        if not self.policy.reaches(stretch):
            lost = self._lost(BAD_OUTSIDE, 1, stretch)
        elif self.policy.drop:
            lost = self._lost(BAD + PROBLEMS[outcome["status"]][0], 1)
        else:
            raise error
        data[:2] = np.frombuffer(b"\r\n" if text[1:2] == b"\n" else b"##", np.uint8)  # a line that is passed over
        return lost

    def _lost(self, reason: str, count: int, *holes: Region) -> Rows:
        self.losses.add(reason, count)
        file = self.file.checksum, self.file.taken
        return Rows(NO_VARIANTS, NO_BLOCKS, count, {reason: count}, *file, holes)

    def _bad_record(self, text: bytes, outcome: Outcome) -> BadRecord:
        line = self.lines + outcome["lines"] - self.counted + 1
        if outcome["status"] == record_layout.BAD_REF and self.reference:
            return contradiction(self.url, line, text, self.reference)
        return bad_record(self.url, line, text, outcome["status"])

    def _rows(self, data: npt.NDArray[np.uint8], outcome: Outcome, runs: Sequence[tuple[int, int, int]]) -> Rows:
        """The rows of a text; runs: each contig's number, and how many variants and blocks there are up to its end."""
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
        return Rows(variants, blocks, outcome["read"], dropped, self.file.checksum, self.file.taken, odd=odd)

    def _enter(self, data: npt.NDArray[np.uint8], at: int, end: int, found: list[Rows]) -> int:
        """Go on to the contig of the record here, or past its records if they are not read; where parsing goes on.

        Raises UnknownContig, or BadRecord where the reference's order breaks.
        """
        line = data[at : at + SHOWN_BYTES].tobytes()
        chrom = line.split(b"\n", 1)[0].split(b"\t", 1)[0]
        number = self.numbers.get(chrom.decode("utf-8", "replace"))
        reason = self._reason_to_pass(line, chrom, number)
        if reason:
            return self._pass(data, at, end, chrom, number, reason, found)
        assert number is not None
        self.number, self.covered = number, 0
        sequence = self.reference.sequences.get(self.contigs[number].name) if self.reference else None
        bases = (sequence.letters, sequence.line_bases, sequence.line_bytes) if sequence else NO_BASES
        self.ground = Ground((padded(chrom), len(chrom), self.contigs[number].length), bases)
        return at

    def _reason_to_pass(self, line: bytes, chrom: bytes, number: int | None) -> str:
        """Why a contig's records are dropped; empty if they are not."""
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

    def _pass(
        self,
        data: npt.NDArray[np.uint8],
        at: int,
        end: int,
        chrom: bytes,
        number: int | None,
        reason: str,
        found: list[Rows],
    ) -> int:
        """Pass over a contig's records and count them; returns the place behind them."""
        mark = re.escape(chrom)
        lines = re.match(rb"(?:%b(?:\t[^\n]*+)?+\n|#[^\n]*+\n|\r?\n)++" % mark, data[at:end].tobytes())
        assert lines is not None
        text = lines[0]
        self.lines += text.count(b"\n")
        hole = () if number is None or reason != OUTSIDE else (Region(number, 0, self.contigs[number].length),)
        found.append(self._lost(reason, len(re.findall(rb"(?m)^%b[\t\n]" % mark, text)), *hole))
        self.ground = NOWHERE  # should the contig before go on behind it, that is noticed
        return at + len(text)

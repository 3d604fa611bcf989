"""Problems of malformed records and their remedies, and the BadRecord errors made of them."""

import re

from genocloud.errors import BadRecord
from genocloud.gvcf.reference_bases import Bases
from genocloud.kernels import plausibility, record_layout
from genocloud.regions import Region

CALL_AGAIN = "call the sample again, or mend the record"
OTHER_REFERENCE = "use the reference that the sample was called against"
SORT = "sort the file in the reference's order (bcftools sort, gatk SortVcf)"

SHOWN_BASES = 100
"""Longer REFs are truncated in messages."""

PROBLEMS = {
    record_layout.BAD_COLUMNS: ("it has too few or too many columns", "check how the file was made; it may be cut off"),
    record_layout.BAD_NUMBER: ("a number is malformed or beyond 32 bits", CALL_AGAIN),
    record_layout.BAD_POSITION: ("POS lies before the contig's first base", CALL_AGAIN),
    record_layout.BAD_END: (
        "it ends before it begins or beyond the contig's last base",
        f"correct END, or {OTHER_REFERENCE}",
    ),
    record_layout.BAD_ORDER: ("it begins before the record above it", SORT),
    record_layout.BAD_DOUBLE: (
        "a second record of the sample at this position, which this caller never writes",
        "merge the two, or remove one",
    ),
    record_layout.BAD_GT: ("GT is malformed", CALL_AGAIN),
    record_layout.BAD_STRAY: ("GT names an allele that the record lacks", CALL_AGAIN),
    record_layout.BAD_AD: ("AD has not one value for each allele", CALL_AGAIN),
    record_layout.BAD_PL: ("PL has not one value for each genotype", CALL_AGAIN),
    record_layout.BAD_VALUES: ("the sample has more values than FORMAT has keys", CALL_AGAIN),
    record_layout.BAD_ALLELE: ("REF or an ALT is empty", CALL_AGAIN),
    record_layout.BAD_HASH: (
        "it begins with # but is neither a ## line nor the title of the same samples",
        "the file may be damaged, or strung together from several samples' files; make it again",
    ),
    record_layout.BAD_REPEAT: (
        "a second record with the same REF and ALT at this position",
        "merge the two, or remove one",
    ),
    plausibility.BAD_ALT_LETTERS: ("an ALT has letters that a VCF does not allow (A, C, G, T, N, * are)", CALL_AGAIN),
    plausibility.BAD_ALT_REF: ("an ALT is equal to REF", CALL_AGAIN),
    plausibility.BAD_ALT_TWICE: ("an ALT is there twice", CALL_AGAIN),
    plausibility.BAD_ALT_COUNT: (
        f"it has more than {plausibility.MAX_ALTS:,} ALTs",
        "remove ALTs without a carrier (bcftools view --trim-alt-alleles), or leave the record out",
    ),
    plausibility.BAD_NEGATIVE: (
        "a depth, a quality or a likelihood (DP, MIN_DP, AD, SB, GQ, PL) is negative",
        CALL_AGAIN,
    ),
    record_layout.BAD_REF: ("REF is not what the reference has there", OTHER_REFERENCE),
}


def bad_record(url: str, line: int, text: bytes, status: int) -> BadRecord:
    """The error for the record at the start of `text`, at a 1-based line; `status` is the kernel's."""
    problem, remedy = PROBLEMS[status]
    return record_error(url, line, text, problem, remedy)


def reference_mismatch(url: str, line: int, text: bytes, reference: Bases) -> BadRecord:
    """The error for a record whose REF differs from the reference's bases, which are shown."""
    chrom, pos, _, ref = text.decode("utf-8", "replace").split("\t")[:4]
    start = int(pos) - 1
    expected = reference.sequences[chrom].between(start, start + len(ref))
    problem = f"REF is {_shown(ref)}, but the reference has {_shown(expected)} there"
    return record_error(url, line, text, problem, OTHER_REFERENCE)


def _shown(bases: str) -> str:
    return bases if len(bases) <= SHOWN_BASES else f"{bases[:SHOWN_BASES]}..."


def unsorted_contig(url: str, line: int, text: bytes) -> BadRecord:
    """The error for a record on a contig that comes earlier in the reference than the record above it."""
    return record_error(url, line, text, "its contig comes before that of the record above it", SORT)


def not_text(url: str, line: int) -> BadRecord:
    """The error for bytes that are not UTF-8, in the piece of text that ends with a line."""
    return BadRecord(url, f"shortly before line {line:,}", "a string is not UTF-8", CALL_AGAIN)


def cut_off(url: str, line: int, text: bytes) -> BadRecord:
    """The error for a truncated last line."""
    return record_error(
        url,
        line,
        text,
        "the last line has no line end and lacks values",
        "the file may be cut off; copy or make it again",
    )


def record_error(url: str, line: int, text: bytes, problem: str, remedy: str) -> BadRecord:
    """A BadRecord at a line, with the record's CHROM and POS."""
    return BadRecord(url, place_of(line, text), problem, remedy)


def stretch_of(text: bytes, contig: int, length: int) -> Region:
    """The region of a bad record as far as it can be parsed; its whole contig where POS is not a number."""
    columns = text.split(b"\n", 1)[0].split(b"\t")
    pos = int(columns[1]) if len(columns) > 3 and re.fullmatch(rb"\d{1,10}", columns[1]) else 0
    if not 0 < pos <= length:
        return Region(contig, 0, length)
    end = re.match(rb"(?:[^\t]*\t){7}(?:[^\t]*;)?END=(\d{1,10})[;\t]", text)
    stop = max(pos - 1 + len(columns[3]), int(end[1]) if end else 0, pos)
    return Region(contig, pos - 1, min(stop, length))


def place_of(line: int, text: bytes) -> str:
    """A record's place for messages: its line, CHROM and POS."""
    where = b":".join(text.split(b"\n", 1)[0].split(b"\t")[:2]).decode("utf-8", "replace")
    return f"line {line:,} ({where[:1000]})"

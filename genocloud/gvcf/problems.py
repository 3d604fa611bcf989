"""What can be wrong with a record, and what to do about it."""

from genocloud.errors import BadRecord
from genocloud.kernels import parsing

CALL_AGAIN = "call the sample again, or mend the record"
SORT = "sort the file in the reference's order (bcftools sort, gatk SortVcf)"

PROBLEMS = {
    parsing.BAD_COLUMNS: ("it has too few or too many columns", "check how the file was made; it may be cut off"),
    parsing.BAD_NUMBER: ("a number is malformed or beyond 32 bits", CALL_AGAIN),
    parsing.BAD_POSITION: ("POS lies before the contig's first base", CALL_AGAIN),
    parsing.BAD_END: (
        "it ends before it begins or beyond the contig's last base",
        "correct END, or use the reference that the sample was called against",
    ),
    parsing.BAD_ORDER: ("it begins before the record above it", SORT),
    parsing.BAD_DOUBLE: (
        "a second record of the sample at this position, which this caller never writes",
        "merge the two, or remove one",
    ),
    parsing.BAD_GT: ("GT is malformed", CALL_AGAIN),
    parsing.BAD_STRAY: ("GT names an allele that the record lacks", CALL_AGAIN),
    parsing.BAD_AD: ("AD has not one value for each allele", CALL_AGAIN),
    parsing.BAD_PL: ("PL has not one value for each genotype", CALL_AGAIN),
    parsing.BAD_VALUES: ("the sample has more values than FORMAT has keys", CALL_AGAIN),
    parsing.BAD_ALLELE: ("REF or an ALT is empty", CALL_AGAIN),
}


def bad_record(url: str, line: int, text: bytes, status: int) -> BadRecord:
    """The error for a record that starts `text`, at a line (1-based) of the file; `status` is the kernel's."""
    problem, remedy = PROBLEMS[status]
    return record_error(url, line, text, problem, remedy)


def unsorted_contig(url: str, line: int, text: bytes) -> BadRecord:
    """The error for a record on a contig that comes earlier in the reference than the record above it."""
    return record_error(url, line, text, "its contig comes before that of the record above it", SORT)


def not_text(url: str, line: int) -> BadRecord:
    """The error for bytes that are no text, somewhere in the piece that ends with a line."""
    return BadRecord(url, f"shortly before line {line:,}", "a string is not UTF-8", CALL_AGAIN)


def cut_off(url: str, line: int, text: bytes) -> BadRecord:
    """The error for a last line that is the first part of a longer one."""
    return record_error(
        url,
        line,
        text,
        "the last line has no line end and lacks values",
        "the file may be cut off; copy or make it again",
    )


def record_error(url: str, line: int, text: bytes, problem: str, remedy: str) -> BadRecord:
    """A BadRecord whose place is the line and the record's own CHROM and POS."""
    where = b":".join(text[:1000].split(b"\n", 1)[0].split(b"\t")[:2]).decode("utf-8", "replace")
    return BadRecord(url, f"line {line:,} ({where})", problem, remedy)

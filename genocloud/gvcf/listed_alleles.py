"""Read the alleles that a VCF or BCF lists, whatever its samples, FILTER and INFO are."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from genocloud.errors import BadRecord
from genocloud.gvcf.text_source import check_line, open_text

REMEDY = "give a VCF with CHROM, POS, ID, REF and ALT, tabs between"


class ListedRecord(NamedTuple):
    """A record: `line` and `pos` are 1-based, alleles in upper case; without an ALT `alts` is empty."""

    line: int
    contig: str
    pos: int
    ref: str
    alts: tuple[str, ...]


def read_listed_alleles(url: str) -> Iterator[ListedRecord]:
    """The records of a VCF or BCF, compressed or not, in file order. Raises UnreadableFile or BadRecord."""
    read, rest = 0, b""
    with open_text(url) as pieces:
        for piece in pieces:
            *lines, rest = (rest + piece).split(b"\n")
            check_line(url, rest, f"line {read + len(lines) + 1}")
            yield from _records(url, read, lines)
            read += len(lines)
    yield from _records(url, read, [rest])


def _records(url: str, before: int, lines: Sequence[bytes]) -> Iterator[ListedRecord]:
    """The records among lines that have so many lines before them."""
    for number, line in enumerate(lines, before + 1):
        if line.strip() and not line.startswith(b"#"):
            yield _listed(url, number, line)


def _listed(url: str, number: int, line: bytes) -> ListedRecord:
    try:
        contig, pos, _, ref, alts = (cell.decode() for cell in line.rstrip(b"\r").split(b"\t", 5)[:5])
        names = () if alts == "." else tuple(alts.upper().split(","))
        return ListedRecord(number, contig, int(pos), ref.upper(), names)
    except ValueError as error:
        raise BadRecord(url, f"line {number}", "it is no record of a VCF", REMEDY) from error

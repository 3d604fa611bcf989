"""Read frequencies of REF at common single-base variants from an indexed sites VCF (INFO/AF)."""

import math
import re
from collections.abc import Iterator
from itertools import groupby
from typing import NamedTuple

from genocloud.errors import BadRecord
from genocloud.gvcf.known import records_within
from genocloud.gvcf.text_source import Stretch

_AF = re.compile(rb"(?:^|;)AF=([^;]+)")
_BASES = frozenset(b"ACGT")


class CommonSite(NamedTuple):
    """A base with single-base variants: `start` is 0-based, `ref_frequency` 1 less the frequencies of all `alts`."""

    start: int
    ref: str
    alts: tuple[str, ...]
    ref_frequency: float


def read_frequencies(url: str, contig: str, length: int, least: float, most: float) -> Iterator[CommonSite]:
    """Sites of a contig with least < frequency of REF < most, in order; records of one base count together.

    Filtered records, and those without AF, are left out. Raises UnreadableFile, BadIndex or BadRecord.
    """
    variants = (site for line in records_within(url, Stretch(contig, 0, length)) for site in _variants(url, line))
    for (start, ref), same in groupby(variants, key=lambda each: each[:2]):
        frequencies: dict[str, float] = {}
        for _, _, alt, frequency in same:
            frequencies.setdefault(alt, frequency)
        p = 1 - math.fsum(frequencies.values())
        if least < p < most:
            yield CommonSite(start, ref, tuple(frequencies), p)


def _variants(url: str, line: bytes) -> Iterator[tuple[int, str, str, float]]:
    """(start, REF, ALT, AF) of a line's single-base variants."""
    try:
        _, pos, _, ref, alts, _, filters, info = line.split(b"\t", 8)[:8]
        if len(ref) != 1 or filters not in (b".", b"PASS") or (match := _AF.search(info)) is None:
            return
        for alt, text in zip(alts.upper().split(b","), match[1].split(b","), strict=False):
            if len(alt) == 1 and alt[0] in _BASES and text != b".":
                yield int(pos) - 1, ref.decode().upper(), alt.decode(), float(text)
    except ValueError as error:
        place = ":".join(line.decode(errors="replace").split("\t", 2)[:2])
        raise BadRecord(url, place, str(error), "give a VCF with a number for each ALT in INFO/AF") from error

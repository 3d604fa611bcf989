"""Read allele counts of known variants from an indexed VCF: MLEAC or AC with AN, or its genotypes."""

import re
from collections.abc import Sequence
from typing import NamedTuple

from genocloud.errors import BadRecord
from genocloud.gvcf.known import records_within
from genocloud.gvcf.text_source import Stretch


class KnownCounts(NamedTuple):
    """A record, filtered or not: `pos` is 1-based; how often each ALT was seen, among how many called alleles."""

    pos: int
    ref: str
    alts: tuple[str, ...]
    counts: tuple[int, ...]
    called: int


def read_known_counts(url: str, contig: str, positions: Sequence[int], keys: Sequence[str]) -> list[KnownCounts]:
    """The records of a contig that start at `positions` (1-based, ascending), in file order.

    keys  of INFO that have counts by ALT, of which a record's first one is taken; its genotypes where it has none

    Raises UnreadableFile, BadIndex, BadRecord.
    """
    if not positions:
        return []
    wanted = {b"%d" % position for position in positions}
    stretch = Stretch(contig, positions[0] - 1, positions[-1])
    return [_counts(url, line, keys) for line in records_within(url, stretch) if line.split(b"\t", 2)[1] in wanted]


def _counts(url: str, line: bytes, keys: Sequence[str]) -> KnownCounts:
    cells = line.decode().rstrip("\r").split("\t")
    _, pos, _, ref, alts, _, _, info = cells[:8]
    names = () if alts == "." else tuple(alts.upper().split(","))
    values = dict(item.partition("=")[::2] for item in info.split(";"))
    texts = [values[key] for key in keys if key in values]
    try:
        called = [int(number) for cell in cells[9:] for number in _NUMBER.findall(cell.partition(":")[0])]
        counts = [int(text) for text in texts[0].split(",")] if texts else _carried(called, len(names))
        if len(counts) != len(names):
            raise ValueError(f"{len(counts)} counts for {len(names)} ALTs")
        total = int(values["AN"]) if "AN" in values else len(called)
    except ValueError as error:
        remedy = "give a VCF with AC and AN of each record, such as `bcftools +fill-tags -- -t AN,AC` makes"
        raise BadRecord(url, ":".join(cells[:2]), str(error), remedy) from error
    return KnownCounts(int(pos), ref.upper(), names, tuple(counts), total)


_NUMBER = re.compile(r"\d+")


def _carried(called: Sequence[int], alts: int) -> list[int]:
    return [called.count(alt) for alt in range(1, alts + 1)]

"""Parse a header's ##contig lines, cached because files of a cohort share them."""

import re
from dataclasses import dataclass
from functools import lru_cache

from genocloud.regions import Contig

CONTIG = re.compile(r"^##contig=<(?=(?:.*?,)?ID=([^,>]+))(?=(?:.*?,)?length=(\d+))", re.MULTILINE)
NAMED = re.compile(r"^##contig=<(?:.*?,)?ID=([^,>]+)", re.MULTILINE)
MARK = "\n##contig=<"

CACHED_BLOCKS = 8
"""Cached contig blocks: files of one cohort have the same one, and thousands of decoys take milliseconds to parse."""


@dataclass(frozen=True, slots=True)
class HeaderFields:
    """`contigs`: those with a length; `names`: all contig names; `others`: the text of all other lines."""

    contigs: tuple[Contig, ...]
    names: frozenset[str]
    others: str


def parse_fields(header: str) -> HeaderFields:
    """Parse a header's text."""
    first = header.find(MARK) + 1
    end = header.find("\n", header.rfind(MARK) + 1) + 1 or len(header)
    if not first:
        return HeaderFields((), frozenset(), header)
    block = _contig_block(header[first:end])
    return HeaderFields(block.contigs, block.names, header[:first] + block.others + header[end:])


@lru_cache(CACHED_BLOCKS)
def _contig_block(lines: str) -> HeaderFields:
    """Parse the lines from the first ##contig to the last."""
    contigs = tuple(Contig(name, int(length)) for name, length in CONTIG.findall(lines))
    others = "".join(line for line in lines.splitlines(keepends=True) if not line.startswith(MARK[1:]))
    return HeaderFields(contigs, frozenset(NAMED.findall(lines)), others)

"""Parse a header's lines above its title, cached because files of a cohort share them."""

import re
from dataclasses import dataclass
from functools import lru_cache

from genocloud.regions import Contig

CONTIG = re.compile(r"^##contig=<(?=(?:.*?,)?ID=([^,>]+))(?=(?:.*?,)?length=(\d+))", re.MULTILINE)
NAMED = re.compile(r"^##contig=<(?:.*?,)?ID=([^,>]+)", re.MULTILINE)
MARK = "\n##contig=<"

CACHED = 8
"""Cached headers, and contig blocks of headers: files of one cohort have the same lines above the title or, where these
hold the command that made the file, the same contigs, of which thousands of decoys take milliseconds to parse."""


@dataclass(frozen=True, slots=True)
class HeaderFields:
    """`contigs`: those with a length; `names`: all contig names; `others`: the text of all other lines."""

    contigs: tuple[Contig, ...]
    names: frozenset[str]
    others: str


def split_title(head: bytes) -> tuple[bytes, bytes]:
    """Split a header into the lines above its title, which files share, and the title, without their line end."""
    above, _, title = head.removesuffix(b"\n").rpartition(b"\n")
    return above, title


@lru_cache(CACHED)
def parse_fields(above: bytes) -> HeaderFields:
    """Parse a header's lines above its title."""
    header = above.decode("utf-8", "replace")
    first = header.find(MARK) + 1
    end = header.find("\n", header.rfind(MARK) + 1) + 1 or len(header)
    if not first:
        return HeaderFields((), frozenset(), header)
    block = _contig_block(header[first:end])
    return HeaderFields(block.contigs, block.names, header[:first] + block.others + header[end:])


@lru_cache(CACHED)
def _contig_block(lines: str) -> HeaderFields:
    """Parse the lines from the first ##contig to the last."""
    contigs = tuple(Contig(name, int(length)) for name, length in CONTIG.findall(lines))
    others = "".join(line for line in lines.splitlines(keepends=True) if not line.startswith(MARK[1:]))
    return HeaderFields(contigs, frozenset(NAMED.findall(lines)), others)

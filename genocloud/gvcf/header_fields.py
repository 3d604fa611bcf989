"""What a header declares line by line, worked out once for files that say the same."""

import re
from dataclasses import dataclass
from functools import lru_cache

from genocloud.regions import Contig

CONTIG = re.compile(r"^##contig=<(?=(?:.*?,)?ID=([^,>]+))(?=(?:.*?,)?length=(\d+))", re.MULTILINE)
NAMED = re.compile(r"^##contig=<(?:.*?,)?ID=([^,>]+)", re.MULTILINE)
MARK = "\n##contig=<"

STRETCHES = 8
"""Files of one cohort have the same contigs: of references with decoys thousands, which take milliseconds to read."""


@dataclass(frozen=True, slots=True)
class Declared:
    """`contigs`: those with a length; `names`: of all contigs; `others`: the text of all other lines."""

    contigs: tuple[Contig, ...]
    names: frozenset[str]
    others: str


def declared(header: str) -> Declared:
    """What a header's text says."""
    first = header.find(MARK) + 1
    end = header.find("\n", header.rfind(MARK) + 1) + 1 or len(header)
    if not first:
        return Declared((), frozenset(), header)
    found = _in_stretch(header[first:end])
    return Declared(found.contigs, found.names, header[:first] + found.others + header[end:])


@lru_cache(STRETCHES)
def _in_stretch(lines: str) -> Declared:
    """What some lines say: from the first that declares a contig to the last."""
    contigs = tuple(Contig(name, int(length)) for name, length in CONTIG.findall(lines))
    others = "".join(line for line in lines.splitlines(keepends=True) if not line.startswith(MARK[1:]))
    return Declared(contigs, frozenset(NAMED.findall(lines)), others)

"""The index of a BGZF-compressed VCF: tabix, or CSI where a contig is too long for tabix."""

import struct
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from genocloud.callset.bgzf import END, compress
from genocloud.regions import Contig

_WINDOW_BITS = 14
_TABIX_DEPTH = 5
_VCF = (2, 1, 2, 0, ord("#"), 0)
"""Format VCF; columns of name, begin, end; comment letter; lines to skip."""

Offsets = npt.NDArray[np.int64]


@dataclass
class _ContigIndex:
    """Runs of neighbouring records in one bin, each (bin, begin, end), and the first record of each window."""

    records: int = 0
    runs: list[tuple[int, int, int]] = field(default_factory=list)
    windows: dict[int, int] = field(default_factory=dict)


class Index:
    """Gathers where records lie, piece by piece in file order, holding one entry for some 16 kb of genome.

    Source: SAM specification, section 5.2; tabix and CSI v1 specifications (samtools/hts-specs).
    """

    def __init__(self, contigs: Sequence[Contig]) -> None:
        self._depth = _depth(max((contig.length for contig in contigs), default=0))
        self._contigs: dict[str, _ContigIndex] = {}

    @property
    def suffix(self) -> str:
        """`.tbi` or `.csi`."""
        return ".tbi" if self._depth == _TABIX_DEPTH else ".csi"

    def add(self, contig: str, begin: Offsets, end: Offsets, places: Offsets) -> None:
        """Add records of one contig that follow those added before.

        begin, end  (records,) int64, 0-based half-open bases
        places      (records + 1,) int64; virtual offsets: record i is places[i] to places[i + 1]
        """
        if not len(begin):
            return
        held = self._contigs.setdefault(contig, _ContigIndex())
        held.records += len(begin)
        bins = _bins(begin, end, self._depth)
        first = np.flatnonzero(np.diff(bins, prepend=-1))
        last = np.append(first[1:], len(bins))
        for number, start, stop in zip(
            bins[first].tolist(), places[first].tolist(), places[last].tolist(), strict=True
        ):
            _extend(held.runs, number, start, stop)
        for window, place in _first_places(begin, end, places):
            held.windows.setdefault(window, place)

    def encode(self) -> bytes:
        """The index file."""
        names = b"".join(name.encode() + b"\0" for name in self._contigs)
        setup = struct.pack("<7i", *_VCF, len(names)) + names
        if self.suffix == ".tbi":
            head = b"TBI\1" + struct.pack("<i", len(self._contigs)) + setup
        else:
            head = b"CSI\1" + struct.pack("<3i", _WINDOW_BITS, self._depth, len(setup)) + setup
            head += struct.pack("<i", len(self._contigs))
        return compress(head + b"".join(map(self._encode_contig, self._contigs.values()))).data + END

    def _encode_contig(self, held: _ContigIndex) -> bytes:
        bins: dict[int, list[tuple[int, int]]] = {}
        for number, start, stop in held.runs:
            bins.setdefault(number, []).append((start, stop))
        linear = _linear(held.windows)
        bins[_statistics_bin(self._depth)] = [(held.runs[0][1], held.runs[-1][2]), (held.records, 0)]
        tabix = self.suffix == ".tbi"
        parts = [struct.pack("<i", len(bins))]
        for number, chunks in sorted(bins.items()):
            lowest = b"" if tabix else struct.pack("<Q", _lowest(number, self._depth, linear))
            parts.append(struct.pack("<I", number) + lowest + struct.pack("<i", len(chunks)))
            parts.append(struct.pack(f"<{2 * len(chunks)}Q", *(place for chunk in chunks for place in chunk)))
        if tabix:
            parts.append(struct.pack(f"<i{len(linear)}Q", len(linear), *linear))
        return b"".join(parts)


def _depth(longest: int) -> int:
    """Levels of bins below the one that holds the whole contig; 5 is all that tabix has (2 ** 29 bases)."""
    depth = _TABIX_DEPTH
    while longest > 1 << (_WINDOW_BITS + 3 * depth):
        depth += 1
    return depth


def _level_start(level: int) -> int:
    return ((1 << 3 * level) - 1) // 7


def _statistics_bin(depth: int) -> int:
    """The bin after the last, and one more, in which htslib keeps the numbers of records."""
    return _level_start(depth + 1) + 1


def _bins(begin: Offsets, end: Offsets, depth: int) -> Offsets:
    """The smallest bin that holds each begin <= base < end."""
    bins = np.zeros(len(begin), np.int64)
    for level in range(1, depth + 1):
        shift = _WINDOW_BITS + 3 * (depth - level)
        within = begin >> shift == (end - 1) >> shift
        bins[within] = _level_start(level) + (begin[within] >> shift)
    return bins


def _extend(runs: list[tuple[int, int, int]], number: int, start: int, stop: int) -> None:
    """Lengthen the last run if it is of the same bin."""
    if runs and runs[-1][0] == number:
        runs[-1] = (number, runs[-1][1], stop)
    else:
        runs.append((number, start, stop))


def _first_places(begin: Offsets, end: Offsets, places: Offsets) -> Iterator[tuple[int, int]]:
    """Each window that records touch, with the place of the first of them."""
    first, last = begin >> _WINDOW_BITS, (end - 1) >> _WINDOW_BITS
    _, opening = np.unique(first, return_index=True)
    for record in sorted({*opening.tolist(), *np.flatnonzero(last > first).tolist()}):
        for window in range(int(first[record]), int(last[record]) + 1):
            yield window, int(places[record])


def _linear(windows: dict[int, int]) -> list[int]:
    """For each window the place of its first record; where it has none that of the window before, as in htslib."""
    linear: list[int] = []
    for window, place in sorted(windows.items()):
        linear.extend([linear[-1] if linear else 0] * (window - len(linear)))
        linear.append(place)
    return linear


def _lowest(number: int, depth: int, linear: Sequence[int]) -> int:
    """CSI's loffset: the first place at which a record that reaches into the bin can be."""
    level = next(level for level in range(depth, -1, -1) if number >= _level_start(level))
    window = (number - _level_start(level)) << 3 * (depth - level)
    return linear[window] if window < len(linear) else 0


def index_names(name: str) -> Iterable[str]:
    """Every name under which a reader would look for the index of a VCF."""
    return (f"{name}.tbi", f"{name}.csi")

"""The index of a BGZF-compressed VCF or BCF, merged from its parts: tabix, or CSI for BCF and long contigs."""

import struct
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from operator import attrgetter
from typing import Any

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
class ContigIndex:
    """Bins and linear index of one contig's records, in file order.

    depth    levels of bins below the one that holds the whole contig (see index_depth)
    records  number of records
    runs     neighbouring records in one bin: (bin, begin, end), virtual offsets
    windows  virtual offset of the first record that overlaps each 16 kb window
    """

    depth: int
    records: int = 0
    runs: list[tuple[int, int, int]] = field(default_factory=list)
    windows: dict[int, int] = field(default_factory=dict)

    def add(self, begin: Offsets, end: Offsets, places: Offsets) -> None:
        """Add records that follow those added before.

        begin, end  (records,) int64, 0-based half-open bases
        places      (records + 1,) int64; virtual offsets: record i is places[i] to places[i + 1]
        """
        if len(end) and end.max() <= 1 << _WINDOW_BITS:  # short contigs: one bin has all
            first_place, last_place = int(places[0]), int(places[-1])
            self._extend(len(end), [(_level_start(self.depth), first_place, last_place)], [(0, first_place)])
            return
        bins = _bins(begin, end, self.depth)
        first = np.flatnonzero(np.diff(bins, prepend=-1))
        last = np.append(first[1:], len(bins))
        runs = zip(bins[first].tolist(), places[first].tolist(), places[last].tolist(), strict=True)
        self._extend(len(begin), runs, _first_places(begin, end, places))

    def follow(self, part: "ContigIndex", shift: int) -> None:
        """Add the records of a part that begins `shift` bytes into the file."""
        runs = ((number, start + (shift << 16), stop + (shift << 16)) for number, start, stop in part.runs)
        self._extend(part.records, runs, ((window, at + (shift << 16)) for window, at in part.windows.items()))

    def _extend(self, records: int, runs: Iterable[tuple[int, int, int]], windows: Iterable[tuple[int, int]]) -> None:
        self.records += records
        for number, start, stop in runs:
            if self.runs and self.runs[-1][0] == number:
                start = self.runs.pop()[1]
            self.runs.append((number, start, stop))
        for window, place in windows:
            self.windows.setdefault(window, place)

    def as_json(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return {"depth": self.depth, "records": self.records, "runs": self.runs, "windows": [*self.windows.items()]}

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> "ContigIndex":
        """The reverse of `as_json`."""
        return cls(values["depth"], values["records"], [tuple(run) for run in values["runs"]], dict(values["windows"]))


class VcfIndex:
    """The index of a file, put together from its parts' in file order.

    A BCF's has an entry for every contig by its number and is CSI; a VCF's names the contigs that have records.

    Source: SAM specification, section 5.2; tabix and CSI v1 specifications (samtools/hts-specs).
    """

    def __init__(self, contigs: Sequence[Contig], bcf: bool = False) -> None:
        self._depth, self._bcf = index_depth(contigs), bcf
        names = [contig.name for contig in contigs] if bcf else []
        self._contigs = {name: ContigIndex(self._depth) for name in names}

    @property
    def suffix(self) -> str:
        """`.tbi` or `.csi`."""
        return ".csi" if self._bcf or self._depth > _TABIX_DEPTH else ".tbi"

    def follow(self, contig: str, part: ContigIndex, shift: int) -> None:
        """Add a part's records of one contig; the part begins `shift` bytes into the file."""
        if part.records:
            self._contigs.setdefault(contig, ContigIndex(self._depth)).follow(part, shift)

    def encode(self) -> bytes:
        """The index file."""
        names = b"".join(name.encode() + b"\0" for name in self._contigs)
        setup = b"" if self._bcf else struct.pack("<7i", *_VCF, len(names)) + names
        if self.suffix == ".tbi":
            head = b"TBI\1" + struct.pack("<i", len(self._contigs)) + setup
        else:
            head = b"CSI\1" + struct.pack("<3i", _WINDOW_BITS, self._depth, len(setup)) + setup
            head += struct.pack("<i", len(self._contigs))
        return compress(head + b"".join(map(self._encode_contig, self._contigs.values()))).data + END

    def _encode_contig(self, held: ContigIndex) -> bytes:
        bins: dict[int, list[tuple[int, int]]] = {}
        for number, start, stop in held.runs:
            bins.setdefault(number, []).append((start, stop))
        linear = _linear(held.windows)
        if held.records:
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


def index_depth(contigs: Sequence[Contig]) -> int:
    """Levels of bins below the one that holds the longest contig; 5 is all that tabix has (2 ** 29 bases)."""
    longest = max(map(attrgetter("length"), contigs), default=0)
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

"""Read tabix and CSI indexes of BGZF-compressed gVCFs."""

import os
import struct
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

import numpy as np
import numpy.typing as npt

from genocloud.errors import InputError, UnreadableFile
from genocloud.gvcf.inflate import inflate
from genocloud.storage import ObjectMissing, Store, StoreFailed, UnknownScheme, join, open_store, split
from genocloud.storage.urls import is_local

MAKERS = {".tbi": "tabix -f", ".csi": "bcftools index -f"}
"""Suffixes of indexes, in the order in which they are tried, and the command that makes each."""

LATE_SECONDS = 60.0
"""How much older than its data an index may be: parallel copies end in any order, and clocks differ."""

LATE_UPLOAD_SECONDS = 3600.0
"""The same in an object store, whose time is the upload's end: data take far longer than an index."""

TABIX_SHIFT, TABIX_DEPTH = 14, 5
MAX_DEPTH = 10
"""With this many levels bin numbers no longer fit in 32 bits."""

SENSELESS = "its numbers make no sense"


class BadIndex(UnreadableFile):
    """An index that does not belong to the file beside it: outdated, of another file, or damaged."""

    def __init__(self, index: str, data: str, problem: str) -> None:
        self.index, self.data = index, data
        maker = next(maker for suffix, maker in MAKERS.items() if index.endswith(suffix))
        super().__init__(index, f"{problem} (its data: {data})", f"make the index again: {maker} {data}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Chunks:
    """All contigs' chunks: for each bin the ranges of the file that hold its records.

    firsts        (contigs + 1,): where each contig's chunks begin in the next three
    bins          (chunks,)
    begins, ends  (chunks,) int64, virtual offsets: offset of a BGZF block << 16 | offset in its text
    floors        tabix: for each contig the index in `numbers`, and how many there are, of the smallest offsets of the
                  records in each 16 kb window
    least         CSI: for each contig the smallest offset of the records in each bin
    """

    firsts: list[int]
    bins: list[int]
    begins: npt.NDArray[np.int64]
    ends: npt.NDArray[np.int64]
    numbers: "_Numbers"
    floors: list[tuple[int, int]]
    least: list[dict[int, int]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Index:
    """An index file. `names`: its contigs in order; empty where the header has them (BCF).

    A bin of level k is 2 ** (shift + 3 * (depth - k)) bases long; level 0 is one bin, each next has 8 times as many.
    Source: SAM specification, section 5; tabix and CSI v1 specifications (samtools/hts-specs).
    """

    url: str
    data: str
    names: tuple[str, ...]
    shift: int
    depth: int
    chunks: Chunks

    @property
    def contigs(self) -> int:
        """Number of contigs."""
        return len(self.chunks.firsts) - 1

    def places(self, contig: int, start: int, end: int) -> tuple[int, int] | None:
        """Virtual offsets that enclose all records overlapping start <= base < end; None if there are none."""
        of_contig = slice(*self.chunks.firsts[contig : contig + 2])
        bins = np.array(self.chunks.bins[of_contig], np.int64)
        begins, ends = self.chunks.begins[of_contig], self.chunks.ends[of_contig]
        selected = np.zeros(bins.size, bool)
        for level in range(self.depth + 1):
            first, bits = _level_start(level), self.shift + 3 * (self.depth - level)
            selected |= (bins >= first + (start >> bits)) & (bins <= first + (end - 1 >> bits))
        floor = self._floor(contig, start)
        selected &= ends > floor
        if not selected.any():
            return None
        return max(int(begins[selected].min()), floor), int(ends[selected].max())

    def last(self) -> tuple[int, int, int, int, int] | None:
        """(contig, first base, last base + 1, begin, end): the bin of the file's last chunk, and the last record's end.

        None for an index without records.
        """
        chunks = self.chunks
        if not chunks.bins:
            return None
        final = int(chunks.ends.argmax())
        contig = bisect_right(chunks.firsts, final) - 1
        first, past = chunks.firsts[contig : contig + 2]
        at = first + int(chunks.begins[first:past].argmax())
        start, stop = self._bases(chunks.bins[at])
        return contig, start, stop, int(chunks.begins[at]), int(chunks.ends[final])

    def bad(self, problem: str) -> BadIndex:
        """The error for this index."""
        return BadIndex(self.url, self.data, problem)

    def _floor(self, contig: int, start: int) -> int:
        if self.chunks.floors:
            place, count = self.chunks.floors[contig]
            return self.chunks.numbers.long(place + 2 * min(start >> self.shift, count - 1)) if count else 0
        least = self.chunks.least[contig]
        bin_ = _level_start(self.depth) + (start >> self.shift)
        while bin_ and bin_ not in least:  # the next bin to the left, or the one around it
            parent = (bin_ - 1) >> 3
            bin_ = bin_ - 1 if bin_ > (parent << 3) + 1 else parent
        return least.get(bin_, 0)

    def _bases(self, bin_: int) -> tuple[int, int]:
        level = max(level for level in range(self.depth + 1) if bin_ >= _level_start(level))
        bits = self.shift + 3 * (self.depth - level)
        start = (bin_ - _level_start(level)) << bits
        return start, start + (1 << bits)


def find_index(data: str, stream: BinaryIO) -> Index | None:
    """The index beside an open file, or None; raises BadIndex for one that is outdated or damaged."""
    try:
        folder, name = split(data)
        store = open_store(folder)
        for suffix in MAKERS:
            try:
                index = store.open(name + suffix)
            except ObjectMissing:
                continue
            url = join(folder, name + suffix)
            with index:
                content = index.read()
                late = LATE_SECONDS if is_local(store.url) else LATE_UPLOAD_SECONDS
                if _modified(store, name + suffix, index) + late < _modified(store, name, stream):
                    raise BadIndex(url, data, "is older than its data")
            return read_index(content, url, data)
    except (StoreFailed, UnknownScheme) as error:
        raise UnreadableFile(data, error.problem, error.remedy) from error
    return None


def _modified(store: Store, name: str, stream: BinaryIO) -> float:
    """`Store.modified` of an object that is open: a local file is not opened once more."""
    return os.fstat(stream.fileno()).st_mtime if is_local(store.url) else store.modified(name)


def read_index(content: bytes, url: str, data: str) -> Index:
    """Parse an index file's bytes; raises BadIndex."""
    try:
        text = b"".join(inflate(_Content(content), url))
        if text[:4] == b"TBI\1":
            return _tabix(text, url, data)
        if text[:4] == b"CSI\1":
            return _csi(text, url, data)
    except (InputError, struct.error, IndexError, ValueError) as error:
        raise BadIndex(url, data, f"is damaged ({error})") from error
    raise BadIndex(url, data, "is no index of the tabix or CSI kind")


class _Content:
    def __init__(self, content: bytes) -> None:
        self._left = content

    def read(self, size: int, /) -> bytes:
        piece, self._left = self._left[:size], self._left[size:]
        return piece


def _tabix(text: bytes, url: str, data: str) -> Index:
    count, names, at = *struct.unpack_from("<i", text, 4), *_names(text, 8)
    chunks = _chunks(_Numbers(text[at:]), _natural(count), TABIX_DEPTH, tabix=True)
    if len(names) != count:
        raise ValueError("names are missing")
    return Index(url=url, data=data, names=names, shift=TABIX_SHIFT, depth=TABIX_DEPTH, chunks=chunks)


def _csi(text: bytes, url: str, data: str) -> Index:
    shift, depth, setup = struct.unpack_from("<3i", text, 4)
    if not (0 < shift < 32 and 0 < depth < MAX_DEPTH and 0 <= setup <= len(text)):
        raise ValueError(SENSELESS)
    names = _names(text, 16)[0] if setup >= 28 else ()
    numbers = _Numbers(text[16 + setup :])
    count = _natural(numbers.take())
    chunks = _chunks(numbers, count, depth, tabix=False)
    if names and len(names) != count:
        raise ValueError("names are missing")
    return Index(url=url, data=data, names=names, shift=shift, depth=depth, chunks=chunks)


def _names(text: bytes, at: int) -> tuple[tuple[str, ...], int]:
    """Contig names from tabix's header (seven numbers, then NUL-terminated names), and the offset after it."""
    size = _natural(struct.unpack_from("<i", text, at + 24)[0])
    names = text[at + 28 : at + 28 + size].decode("utf-8", "replace").split("\0")
    return tuple(names[:-1]), at + 28 + size


class _Numbers:
    """The index's body as 32-bit integers, and 64-bit ones made of two of these."""

    def __init__(self, text: bytes) -> None:
        whole = text[: len(text) // 4 * 4]
        self.at, self.view, self.array = 0, memoryview(whole).cast("i"), np.frombuffer(whole, "<i4")

    def take(self) -> int:
        self.at += 1
        return self.view[self.at - 1]

    def long(self, place: int) -> int:
        """The 64-bit integer at an index."""
        return self.view[place + 1] << 32 | self.view[place] & 0xFFFFFFFF

    def pairs(self, places: list[int]) -> npt.NDArray[np.int64]:
        """The two 64-bit integers at each of these indices: (places, 2)."""
        four: npt.NDArray[np.int32] = self.array[np.array(places, np.int64)[:, None] + np.arange(4)]
        return four.view(np.int64)


def _natural(number: int) -> int:
    if number < 0:
        raise ValueError(SENSELESS)
    return number


def _chunks(numbers: _Numbers, contigs: int, depth: int, tabix: bool) -> Chunks:
    """Parse all contigs' bins, and tabix's windows behind those of each contig."""
    past = _level_start(depth + 1)  # the pseudo-bin beyond all levels holds record counts
    firsts, bins, places = [0], list[int](), list[int]()
    floors, least = list[tuple[int, int]](), list[dict[int, int]]()
    for _ in range(contigs):
        smallest: dict[int, int] = {}
        for bin_, at, chunks in _bins(numbers, 0 if tabix else 2):
            if bin_ < past:
                bins += [bin_] * len(chunks)
                places += chunks
                if not tabix:
                    smallest[bin_] = numbers.long(at + 1)
        firsts.append(len(bins))
        if tabix:
            floors.append(_windows(numbers))
        else:
            least.append(smallest)
    begins, ends = numbers.pairs(places).T
    if (begins < 0).any() or (begins > ends).any():
        raise ValueError(SENSELESS)
    return Chunks(firsts=firsts, bins=bins, begins=begins, ends=ends, numbers=numbers, floors=floors, least=least)


def _bins(numbers: _Numbers, extra: int) -> Iterator[tuple[int, int, range]]:
    """(bin, its index in the numbers, those of its chunks) of each bin of a contig.

    extra  32-bit integers between a bin's number and its chunk count
    """
    view = numbers.view
    for _ in range(_natural(numbers.take())):
        at = numbers.at
        bin_, count = _natural(view[at]), view[at + extra + 1]
        first = at + extra + 2
        numbers.at = first + 4 * count
        if count < 0 or numbers.at > len(view):
            raise ValueError("it is cut off")
        yield bin_, at, range(first, numbers.at, 4)


def _windows(numbers: _Numbers) -> tuple[int, int]:
    """(index in the numbers, count) of a contig's offsets by window."""
    count = _natural(numbers.take())
    place = numbers.at
    numbers.at += 2 * count
    if numbers.at > len(numbers.view):
        raise ValueError("it is cut off")
    return place, count


def _level_start(level: int) -> int:
    return ((1 << 3 * level) - 1) // 7

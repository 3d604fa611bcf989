"""Read tabix and CSI indexes of BGZF-compressed gVCFs."""

import struct
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from genocloud.errors import InputError, UnreadableFile
from genocloud.gvcf.inflate import inflate
from genocloud.storage import ObjectMissing, StoreFailed, UnknownScheme, join, open_store, split
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
    """One contig's chunks: for each bin the ranges of the file that hold its records.

    bins          (chunks,) int64
    begins, ends  (chunks,) int64, virtual offsets: offset of a BGZF block << 16 | offset in its text
    floors        tabix: (windows,) int64, for each 16 kb window the smallest offset of its records
    least         CSI: the same, by bin
    """

    bins: npt.NDArray[np.int64]
    begins: npt.NDArray[np.int64]
    ends: npt.NDArray[np.int64]
    floors: npt.NDArray[np.int64]
    least: dict[int, int]


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
    contigs: tuple[Chunks, ...]

    def places(self, contig: int, start: int, end: int) -> tuple[int, int] | None:
        """Virtual offsets that enclose all records overlapping start <= base < end; None if there are none."""
        chunks = self.contigs[contig]
        selected = np.zeros(chunks.bins.size, bool)
        for level in range(self.depth + 1):
            first, bits = _level_start(level), self.shift + 3 * (self.depth - level)
            selected |= (chunks.bins >= first + (start >> bits)) & (chunks.bins <= first + (end - 1 >> bits))
        floor = self._floor(chunks, start)
        selected &= chunks.ends > floor
        if not selected.any():
            return None
        return max(int(chunks.begins[selected].min()), floor), int(chunks.ends[selected].max())

    def last(self) -> tuple[int, int, int, int, int] | None:
        """(contig, first base, last base + 1, begin, end): the bin of the file's last chunk, and the last record's end.

        None for an index without records.
        """
        filled = [number for number, chunks in enumerate(self.contigs) if chunks.bins.size]
        if not filled:
            return None
        contig = max(filled, key=lambda number: int(self.contigs[number].ends.max()))
        chunks = self.contigs[contig]
        at = int(chunks.begins.argmax())
        start, stop = self._bases(int(chunks.bins[at]))
        return contig, start, stop, int(chunks.begins[at]), int(chunks.ends.max())

    def bad(self, problem: str) -> BadIndex:
        """The error for this index."""
        return BadIndex(self.url, self.data, problem)

    def _floor(self, chunks: Chunks, start: int) -> int:
        if chunks.floors.size:
            return int(chunks.floors[min(start >> self.shift, chunks.floors.size - 1)])
        bin_ = _level_start(self.depth) + (start >> self.shift)
        while bin_ and bin_ not in chunks.least:  # the next bin to the left, or the one around it
            parent = (bin_ - 1) >> 3
            bin_ = bin_ - 1 if bin_ > (parent << 3) + 1 else parent
        return chunks.least.get(bin_, 0)

    def _bases(self, bin_: int) -> tuple[int, int]:
        level = max(level for level in range(self.depth + 1) if bin_ >= _level_start(level))
        bits = self.shift + 3 * (self.depth - level)
        start = (bin_ - _level_start(level)) << bits
        return start, start + (1 << bits)


def find_index(data: str) -> Index | None:
    """The index beside a file, or None; raises BadIndex for one that is outdated or damaged."""
    try:
        folder, name = split(data)
        store = open_store(folder)
        for suffix in MAKERS:
            try:
                content = store.read(name + suffix)
            except ObjectMissing:
                continue
            url = join(folder, name + suffix)
            late = LATE_SECONDS if is_local(store.url) else LATE_UPLOAD_SECONDS
            if store.modified(name + suffix) + late < store.modified(name):
                raise BadIndex(url, data, "is older than its data")
            return read_index(content, url, data)
    except (StoreFailed, UnknownScheme) as error:
        raise UnreadableFile(data, error.problem, error.remedy) from error
    return None


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
    numbers = _Numbers(text[at:])
    contigs = tuple(_chunks(numbers, 0, TABIX_DEPTH, tabix=True) for _ in range(_natural(count)))
    if len(names) != count:
        raise ValueError("names are missing")
    return Index(url=url, data=data, names=names, shift=TABIX_SHIFT, depth=TABIX_DEPTH, contigs=contigs)


def _csi(text: bytes, url: str, data: str) -> Index:
    shift, depth, setup = struct.unpack_from("<3i", text, 4)
    if not (0 < shift < 32 and 0 < depth < MAX_DEPTH and 0 <= setup <= len(text)):
        raise ValueError(SENSELESS)
    names = _names(text, 16)[0] if setup >= 28 else ()
    numbers = _Numbers(text[16 + setup :])
    count = _natural(numbers.take())
    contigs = tuple(_chunks(numbers, 2, depth, tabix=False) for _ in range(count))
    if names and len(names) != count:
        raise ValueError("names are missing")
    return Index(url=url, data=data, names=names, shift=shift, depth=depth, contigs=contigs)


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

    def longs(self, places: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """The 64-bit integers at these indices."""
        pairs: npt.NDArray[np.int32] = self.array[places[:, None] + np.arange(2)]
        return pairs.reshape(-1).view(np.int64)


def _natural(number: int) -> int:
    if number < 0:
        raise ValueError(SENSELESS)
    return number


def _chunks(numbers: _Numbers, extra: int, depth: int, tabix: bool) -> Chunks:
    """Parse one contig's bins; `extra` 32-bit integers lie between a bin's number and its chunk count."""
    entries = list(_bins(numbers, extra))
    past = _level_start(depth + 1)  # the pseudo-bin beyond all levels holds record counts
    kept = np.array([each for each in entries if each[0] < past], np.int64).reshape(-1, 3)
    bins, places, counts = kept.T
    within = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
    at = np.repeat(places + extra + 2, counts) + 4 * within
    least = {} if tabix else dict(zip(bins.tolist(), numbers.longs(places + 1).tolist(), strict=True))
    chunks = Chunks(
        bins=np.repeat(bins, counts),
        begins=numbers.longs(at),
        ends=numbers.longs(at + 2),
        floors=np.zeros(0, np.int64),
        least=least,
    )
    if (bins < 0).any() or (chunks.begins < 0).any() or (chunks.begins > chunks.ends).any():
        raise ValueError(SENSELESS)
    if tabix:
        windows = _natural(numbers.take())
        if numbers.at + 2 * windows > len(numbers.view):
            raise ValueError("it is cut off")
        floors = numbers.longs(numbers.at + 2 * np.arange(windows, dtype=np.int64))
        numbers.at += 2 * windows
        return replace(chunks, floors=floors)
    return chunks


def _bins(numbers: _Numbers, extra: int) -> Iterator[tuple[int, int, int]]:
    """(bin, place, number of chunks) of each bin of a contig."""
    view = numbers.view
    for _ in range(_natural(numbers.take())):
        at = numbers.at
        count = view[at + extra + 1]
        if count < 0 or at + extra + 2 + 4 * count > len(view):
            raise ValueError("it is cut off")
        numbers.at = at + extra + 2 + 4 * count
        yield view[at], at, count


def _level_start(level: int) -> int:
    return ((1 << 3 * level) - 1) // 7

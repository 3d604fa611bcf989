"""Genome coordinates, 0-based and half-open: contigs, regions, shards, parts, and a part's linear axis."""

import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from genocloud.errors import InputError, MixedContigs, UnknownContig

PART_BP = 10_000_000
"""Contigs shorter than this share a part, so that thousands of decoys cost few objects."""

SHARD_BP = 1_000_000
"""Default shard length: one window of a store's row groups; a compromise between task overhead and memory."""


@dataclass(frozen=True, slots=True)
class Contig:
    """A sequence of the reference; `length` in bases."""

    name: str
    length: int


@dataclass(frozen=True, slots=True, order=True)
class Region:
    """The bases start <= base < end of one contig (`contig` is its index in the reference's order)."""

    contig: int
    start: int
    end: int


@dataclass(frozen=True, slots=True, order=True)
class Extent:
    """A range over consecutive contigs: from base `start` of `contig` up to, excluding, base `end` of `last`."""

    contig: int
    start: int
    last: int
    end: int

    @classmethod
    def of(cls, region: Region) -> "Extent":
        """A region as an extent."""
        return cls(region.contig, region.start, region.contig, region.end)

    def regions(self, contigs: Sequence[Contig]) -> Iterator[Region]:
        """Its region on each contig."""
        for number in range(self.contig, self.last + 1):
            start = self.start if number == self.contig else 0
            end = self.end if number == self.last else contigs[number].length
            if start < end:
                yield Region(number, start, end)

    def meets(self, region: Region) -> bool:
        """Whether a region overlaps it."""
        begins_before = (region.contig, region.start) < (self.last, self.end)
        return begins_before and (self.contig, self.start) < (region.contig, region.end)

    def met_by(self, regions: Sequence[Region]) -> Sequence[Region]:
        """Those of sorted, disjoint regions that overlap it."""
        first = bisect_right(regions, (self.contig, self.start), key=lambda each: (each.contig, each.end))
        end = bisect_right(regions, (self.last, self.end - 1), key=lambda each: (each.contig, each.start))
        return regions[first:end]


@dataclass(frozen=True, slots=True)
class Part:
    """The contigs that share the files of one part: a long contig alone, or many short ones.

    `name` starts with the part's number, so that names are unique and sort in genome order.
    """

    name: str
    contigs: tuple[int, ...]


def contigs_from_fai(text: str) -> tuple[Contig, ...]:
    """The contigs that a FASTA index (.fai) lists, in its order."""
    rows = (line.split("\t") for line in text.splitlines() if line)
    return tuple(Contig(row[0], int(row[1])) for row in rows)


Places = npt.NDArray[np.integer[Any]]
"""Arrays of contig numbers, bases, or coordinates."""


class Axis:
    """The contigs of a part laid end to end, so that each of its bases has one coordinate.

    A Region on the axis has the number of the part's first contig. No record crosses a contig's end, so results for a
    range of the axis are those of each contig alone.
    """

    def __init__(self, contigs: Sequence[Contig], part: Part) -> None:
        self.first, self.alone = part.contigs[0], len(part.contigs) == 1
        self._names = [contigs[number].name for number in part.contigs]
        lengths = [contigs[number].length for number in part.contigs]
        self._starts: Places = np.concatenate([[0], np.cumsum(lengths, dtype=np.int64)])

    def onto(self, contigs: Any, bases: Any) -> Places:
        """Axis coordinates of bases; contigs are numbered as in a Region."""
        return np.asarray(bases) if self.alone else self._starts[np.asarray(contigs) - self.first] + bases

    def places(self, coordinates: Any) -> tuple[Places, Places]:
        """(contig number, base) of each coordinate."""
        if self.alone:
            return np.full(len(coordinates), self.first), coordinates
        rows = np.searchsorted(self._starts, coordinates, side="right") - 1
        return rows + self.first, coordinates - self._starts[rows]

    def named(self, coordinates: Any) -> tuple[Places, list[str], Places]:
        """(indices into names, names of the contigs present, bases) of the coordinates."""
        contigs, bases = self.places(coordinates)
        numbers, which = np.unique(contigs, return_inverse=True)
        return which.astype(np.int32), [self._names[number - self.first] for number in numbers.tolist()], bases

    def contigs_at(self, names: Sequence[str]) -> Places:
        """Contig numbers by name; -1 for contigs of other parts."""
        known = {name: number for number, name in enumerate(self._names, self.first)}
        return np.array([known.get(name, -1) for name in names], np.int64)

    def starts(self, region: Region) -> tuple[Places, Places]:
        """(numbers of the contigs that overlap a range of the axis, coordinates of their first bases)."""
        first = int(np.searchsorted(self._starts, region.start, side="right")) - 1
        end = max(first + 1, int(np.searchsorted(self._starts[:-1], region.end)))
        return np.arange(first, end) + self.first, self._starts[first:end]

    def on(self, region: Region) -> Region:
        """A contig's region in axis coordinates."""
        begin = int(self._starts[region.contig - self.first])
        return Region(self.first, begin + region.start, begin + region.end)

    def extent(self, stretch: Region) -> Extent:
        """A range of the axis as contigs and bases."""
        (first, last), (start, end) = self.places(np.array([stretch.start, stretch.end - 1]))
        return Extent(int(first), int(start), int(last), int(end) + 1)


def parts(contigs: Sequence[Contig], part_bp: int = PART_BP) -> tuple[Part, ...]:
    """Cut the reference into parts: each contig of `part_bp` and more alone; runs of shorter ones together.

    A run ends when it has grown to `part_bp`, so that no part of short contigs becomes much longer than that.
    """
    runs = _runs(contigs, part_bp)
    return tuple(Part(_part_name(number, run, contigs), run) for number, run in enumerate(runs))


MOST_BP = (1 << 31) - 1
"""Bases of a part at most: tables have coordinates as int32."""


def _runs(contigs: Sequence[Contig], part_bp: int) -> Iterator[tuple[int, ...]]:
    run: list[int] = []
    bases = 0
    for index, contig in enumerate(contigs):
        if run and (contig.length >= part_bp or bases >= part_bp or bases + contig.length > MOST_BP):
            yield tuple(run)
            run, bases = [], 0
        run.append(index)
        bases += contig.length
    if run:
        yield tuple(run)


def _part_name(number: int, run: Sequence[int], contigs: Sequence[Contig]) -> str:
    """A name from the number and first contig, without characters unsafe in stores and shells (HLA has `*`, `:`)."""
    first = re.sub(r"[^A-Za-z0-9._]", "_", contigs[run[0]].name)
    more = f"-and-{len(run) - 1}-more" if len(run) > 1 else ""
    return f"{number:03d}-{first}{more}"


def shards(contigs: Sequence[Contig], part: Part, shard_bp: int = SHARD_BP) -> tuple[Region, ...]:
    """Cut a part's contigs into regions of at most `shard_bp`; a shard owns a site iff start <= pos < end."""
    return tuple(
        Region(index, start, min(start + shard_bp, contigs[index].length))
        for index in part.contigs
        for start in range(0, contigs[index].length, shard_bp)
    )


def parse_region(text: str, contigs: Sequence[Contig], *, clip: bool = False) -> Region:
    """Parse `chr1`, `chr1:1,000-2,000` (1-based, inclusive), `chr1:1,000-` (to the contig's end) as a region.

    With `clip` an end beyond the contig is clipped, as in tabix; without, it is refused, as in GATK. A contig whose
    name has a colon (HLA alleles) is recognised by its whole name first. Raises UnknownContig, and InputError for a
    region outside its contig.
    """
    names = {contig.name: index for index, contig in enumerate(contigs)}
    if text in names:
        return Region(names[text], 0, contigs[names[text]].length)
    match = re.fullmatch(r"(.+):(\d[\d,]*)(?:(-)(\d[\d,]*)?)?", text)
    name = match[1] if match else text.rpartition(":")[0] or text
    if name not in names:
        raise UnknownContig(name, f"region {text}", _twin(name, names))
    if match is None:
        raise InputError(f"region {text}: START-END cannot be read; write it as {name}:1001-2000")
    index = names[match[1]]
    start = int(match[2].replace(",", "")) - 1
    last = (match[4] or str(contigs[index].length)) if match[3] else match[2]
    end = int(last.replace(",", ""))
    end = min(end, contigs[index].length) if clip else end
    if not 0 <= start < end <= contigs[index].length:
        raise InputError(
            f"region {text}: not inside {match[1]}, which has {contigs[index].length:,} bases; give START-END within it"
        )
    return Region(index, start, end)


def joined(regions: Sequence[Region]) -> list[Region]:
    """Sort regions in genome order and merge overlapping and adjacent ones."""
    apart: list[Region] = []
    for region in sorted(regions):
        last = apart[-1] if apart else None
        if last and last.contig == region.contig and region.start <= last.end:
            apart[-1] = Region(last.contig, last.start, max(last.end, region.end))
        else:
            apart.append(region)
    return apart


def _twin(name: str, names: Iterable[str]) -> str:
    """The contig of the same name in another convention (`1`, `chr1`; `MT`, `chrM`) or case; empty for none."""
    return next((each for each in names if _bare(each) == _bare(name)), "")


def _bare(name: str) -> str:
    bare = name.lower().removeprefix("chr")
    return "m" if bare == "mt" else bare


def region_text(region: Region, contigs: Sequence[Contig]) -> str:
    """A region as samtools writes it: 1-based, inclusive."""
    return f"{contigs[region.contig].name}:{region.start + 1}-{region.end}"


def extent_text(extent: Extent, contigs: Sequence[Contig]) -> str:
    """An extent as a region, or as its first and its last base."""
    if extent.contig == extent.last:
        return region_text(Region(extent.contig, extent.start, extent.end), contigs)
    first, last = contigs[extent.contig].name, contigs[extent.last].name
    return f"{first}:{extent.start + 1} to {last}:{extent.end}"


def check_contigs(source: str, declared: Iterable[Contig], reference: Sequence[Contig]) -> None:
    """Refuse a file whose header declares a contig that the reference lacks or has in another length.

    Raises UnknownContig or MixedContigs.
    """
    lengths = {contig.name: contig.length for contig in reference}
    for contig in declared:
        if contig.name not in lengths:
            raise UnknownContig(contig.name, source)
        if contig.length != lengths[contig.name]:
            raise MixedContigs(contig.name, {source: contig.length, "reference": lengths[contig.name]})

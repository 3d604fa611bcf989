"""The reference FASTA: contigs, a checksum of its index, and bases."""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from genocloud import reads, storage
from genocloud.errors import UnreadableFile
from genocloud.gvcf import Bases, Sequence
from genocloud.regions import Contig, Region, contigs_from_fai
from genocloud.storage.urls import is_local

GZIP, LINE_END = b"\x1f\x8b", ord("\n")


@dataclass(frozen=True, slots=True)
class FastaLines:
    """Where a contig's bases are in a FASTA: byte of the first one, bases and bytes of a line (.fai, columns 3-5)."""

    offset: int
    bases: int
    bytes: int


@dataclass(frozen=True, kw_only=True)
class Reference:
    """A FASTA by URL: the contigs of its .fai, where each one's bases are, and the sha256 of the .fai."""

    url: str
    contigs: tuple[Contig, ...]
    lines: tuple[FastaLines, ...]
    checksum: str

    @property
    def index(self) -> str:
        """The URL of the index."""
        return f"{self.url}.fai"

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle the URL, not thousands of contigs; each process reads the index once."""
        return _read_again, (self.url, self.checksum)

    def unusable(self, problem: str) -> UnreadableFile:
        """The error for an index that does not match the FASTA."""
        return UnreadableFile(self.index, problem, f"index the reference: samtools faidx {self.url}")


def read_reference(url: str) -> Reference:
    """Read REF.fa.fai. Raises UnreadableFile where the FASTA or its index is missing or empty."""
    storage.open_file(url).close()
    reference = _indexed(url, _read_index(url))
    if not reference.contigs:
        raise reference.unusable("it lists no contigs")
    return reference


def _read_again(url: str, checksum: str) -> Reference:
    reference = _indexed(url, _read_index(url))
    if reference.checksum != checksum:
        raise reference.unusable("it changed while this ran")
    return reference


def _read_index(url: str) -> bytes:
    try:
        with storage.open_file(f"{url}.fai") as file:
            return file.read()
    except UnreadableFile as error:
        raise UnreadableFile(f"{url}.fai", error.problem, f"index the reference: samtools faidx {url}") from error


@lru_cache(1)
def _indexed(url: str, index: bytes) -> Reference:
    checksum = f"sha256:{hashlib.sha256(index).hexdigest()}"
    try:
        return Reference(
            url=url, contigs=contigs_from_fai(index.decode()), lines=tuple(_lines(index.decode())), checksum=checksum
        )
    except (ValueError, IndexError):
        return Reference(url=url, contigs=(), lines=(), checksum=checksum)


def _lines(index: str) -> Iterator[FastaLines]:
    for row in index.splitlines():
        if row:
            offset, bases, size = (int(field) for field in row.split("\t")[2:5])
            yield FastaLines(offset, bases, size)


def read_bases(reference: Reference) -> Bases | None:
    """The reference's bases, to compare REF with; raises UnreadableFile where the index does not match the FASTA.

    A plain FASTA is memory-mapped; of one compressed by bgzip, a contig is inflated when it is needed. None where it is
    compressed otherwise, lacks its .gzi, or is no local file.
    """
    if not is_local(reference.url):
        return None
    data = np.frombuffer(storage.map_file(reference.url), np.uint8)
    if data[:2].tobytes() == GZIP:
        indexed = Path(f"{reference.url.removeprefix('file://')}.gzi").exists()
        return Bases(_Inflated(reference)) if indexed else None
    return Bases(dict(_sequences(reference, data)))


def bases_of(reference: Reference, region: Region) -> str:
    """The bases of a region, as the FASTA has them: from a local file, compressed or not, or from a URL.

    Raises UnreadableFile.
    """
    contig, lines = reference.contigs[region.contig], reference.lines[region.contig]
    if (bases := read_bases(reference)) is not None:
        return bases.sequences[contig.name].between(region.start, region.end)
    with storage.open_file(reference.url) as stream:
        if stream.read(len(GZIP)) == GZIP:
            return reads.compressed_bases(reference.url, contig.name, region.start, region.end)
        first, last = (lines.offset + _place(base, lines) for base in (region.start, region.end - 1))
        stream.seek(first)
        return stream.read(last + 1 - first).translate(None, b"\r\n").decode("ascii", "replace")


class _Inflated(Mapping[str, Sequence]):
    """A bgzipped FASTA's contigs, each inflated on access; two are cached, for samples read in parallel."""

    def __init__(self, reference: Reference) -> None:
        self._url, self._lengths = reference.url, {each.name: each.length for each in reference.contigs if each.length}

    def __getitem__(self, name: str) -> Sequence:
        return _inflated(self._url, name, self._lengths[name])

    def __iter__(self) -> Iterator[str]:
        return iter(self._lengths)

    def __len__(self) -> int:
        return len(self._lengths)


@lru_cache(2)
def _inflated(url: str, contig: str, length: int) -> Sequence:
    """A contig's bases as one line. Raises UnreadableFile."""
    letters = np.frombuffer(reads.compressed_bases(url, contig, 0, length).encode(), np.uint8)
    if letters.size != length:
        problem = f"it is of another FASTA: contig {contig} has {letters.size:,} bases there, not {length:,}"
        raise UnreadableFile(f"{url}.fai", problem, f"index the reference: samtools faidx {url}")
    return Sequence(letters, length, length)


def _place(base: int, lines: FastaLines) -> int:
    """Bytes from a contig's first base to base number `base`."""
    rows, rest = divmod(base, lines.bases)
    return rows * lines.bytes + rest


def _sequences(reference: Reference, data: npt.NDArray[np.uint8]) -> Iterator[tuple[str, Sequence]]:
    for contig, lines in zip(reference.contigs, reference.lines, strict=True):
        if not contig.length:
            continue
        if not 0 < lines.bases <= lines.bytes or not 0 < lines.offset <= data.size - _size(contig, lines):
            raise reference.unusable(f"it is of another FASTA: contig {contig.name} does not fit into this one")
        if data[lines.offset - 1] != LINE_END:
            raise reference.unusable(f"it is of another FASTA: contig {contig.name} begins elsewhere in this one")
        yield contig.name, Sequence(data[lines.offset :][: _size(contig, lines)], lines.bases, lines.bytes)


def _size(contig: Contig, lines: FastaLines) -> int:
    """Bytes from a contig's first base to its last."""
    return _place(contig.length - 1, lines) + 1

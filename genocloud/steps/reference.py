"""The reference that every sample was called against: its contigs, a fingerprint of them, and its bases."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from genocloud import objects
from genocloud.errors import UnreadableFile
from genocloud.gvcf import Bases, Sequence
from genocloud.objects.urls import scheme
from genocloud.regions import Contig, contigs_from_fai

GZIP, LINE_END = b"\x1f\x8b", ord("\n")


@dataclass(frozen=True, slots=True)
class Lines:
    """Where a contig's bases stand in a FASTA: byte of the first one, bases and bytes of a line (.fai, columns 3-5)."""

    offset: int
    bases: int
    bytes: int


@dataclass(frozen=True)
class Reference:
    """A FASTA by URL; its index's contigs, where each one's bases stand, and the index's sha256 (no path in it)."""

    url: str
    contigs: tuple[Contig, ...]
    lines: tuple[Lines, ...]
    checksum: str

    @property
    def index(self) -> str:
        """The URL of the index."""
        return f"{self.url}.fai"

    def unusable(self, problem: str) -> UnreadableFile:
        """The error for an index that is not the FASTA's."""
        return UnreadableFile(self.index, problem, f"index the reference: samtools faidx {self.url}")


def read_reference(url: str) -> Reference:
    """Read REF.fa.fai. Raises UnreadableFile where the FASTA or its index is missing or empty."""
    objects.open_file(url).close()
    try:
        with objects.open_file(f"{url}.fai") as file:
            index = file.read()
    except UnreadableFile as error:
        raise UnreadableFile(f"{url}.fai", error.problem, f"index the reference: samtools faidx {url}") from error
    checksum = f"sha256:{hashlib.sha256(index).hexdigest()}"
    try:
        reference = Reference(url, contigs_from_fai(index.decode()), tuple(_lines(index.decode())), checksum)
    except (ValueError, IndexError):
        reference = Reference(url, (), (), checksum)
    if not reference.contigs:
        raise reference.unusable("it lists no contigs")
    return reference


def _lines(index: str) -> Iterator[Lines]:
    for row in index.splitlines():
        if row:
            offset, bases, size = (int(field) for field in row.split("\t")[2:5])
            yield Lines(offset, bases, size)


def read_bases(reference: Reference) -> Bases | None:
    """The reference's bases, mapped, not read, to hold REF to; raises UnreadableFile where the index is not its own.

    Nothing where the FASTA is compressed or no file of this machine: it would take as much memory as it has bases.
    """
    if scheme(reference.url) not in ("", "file"):
        return None
    data = np.frombuffer(objects.map_file(reference.url), np.uint8)
    if data[:2].tobytes() == GZIP:
        return None
    return Bases(dict(_sequences(reference, data)))


def _sequences(reference: Reference, data: npt.NDArray[np.uint8]) -> Iterator[tuple[str, Sequence]]:
    for contig, lines in zip(reference.contigs, reference.lines, strict=True):
        if not contig.length:
            continue
        if not 0 < lines.bases <= lines.bytes or not 0 < lines.offset <= data.size - _size(contig, lines):
            raise reference.unusable(f"it is of another FASTA: contig {contig.name} does not fit into this one")
        if data[lines.offset - 1] != LINE_END:
            raise reference.unusable(f"it is of another FASTA: contig {contig.name} begins elsewhere in this one")
        yield contig.name, Sequence(data[lines.offset :][: _size(contig, lines)], lines.bases, lines.bytes)


def _size(contig: Contig, lines: Lines) -> int:
    """Bytes from a contig's first base to its last."""
    rows, rest = divmod(contig.length - 1, lines.bases)
    return rows * lines.bytes + rest + 1

"""Probe a gVCF before reading it: header, index check, fingerprint, size, in one opening of the file."""

import io
from dataclasses import dataclass
from typing import Self

from genocloud.gvcf.fingerprint import fingerprint_of
from genocloud.gvcf.header import Header, split_header
from genocloud.gvcf.text_source import Head, open_head


@dataclass(frozen=True, slots=True)
class Probe:
    """An open gVCF: its header, with its index, fingerprint and size on request; closed by `with`."""

    header: Header
    head: Head

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.head.file.close()

    def check_index(self) -> None:
        """`gvcf.check_index` of this file."""
        self.head.check_index()

    def fingerprint(self, sample: str | None) -> str:
        """`gvcf.fingerprint` of this file."""
        return fingerprint_of(self.head.stream, self.head.url, sample)

    def bytes(self) -> int:
        """Bytes in the file."""
        return self.head.stream.seek(0, io.SEEK_END)


def open_probe(url: str) -> Probe:
    """Open the gVCF at a path or URL and read its header.

    Raises UnreadableFile (NotVcf, NoSamples) or NotInflated.
    """
    head = open_head(url)
    try:
        return Probe(split_header(iter([head.text]), url)[0], head)
    except BaseException:
        head.file.close()
        raise


def read_header(url: str) -> Header:
    """The header of the gVCF at a path or URL; raises UnreadableFile (NotVcf, NoSamples) or NotInflated."""
    with open_probe(url) as probe:
        return probe.header


def check_index(url: str) -> None:
    """Refuse an index (.tbi or .csi beside the file) of another file; a file without an index passes.

    Compares the index's age and contigs, the record at the start of its last chunk, and the end of the file: three
    short reads and the index itself. Raises BadIndex, UnreadableFile or NotInflated.
    """
    head = open_head(url)
    with head.file:
        head.check_index()

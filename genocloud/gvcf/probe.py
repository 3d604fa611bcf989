"""A look at a gVCF before it is read: its header, whether its index is its own, a name for its content."""

import io
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from genocloud.gvcf.fingerprint import fingerprint_of
from genocloud.gvcf.header import Header, split_header
from genocloud.gvcf.text_source import Head, open_head


@dataclass(frozen=True, slots=True)
class Look:
    """A gVCF that is open: its header, and what else can be asked of it."""

    header: Header
    head: Head

    def check_index(self) -> None:
        """As `gvcf.check_index`."""
        self.head.check_index()

    def fingerprint(self, sample: str | None) -> str:
        """As `gvcf.fingerprint`."""
        return fingerprint_of(self.head.stream, self.head.url, sample)

    def bytes(self) -> int:
        """Bytes in the file."""
        return self.head.stream.seek(0, io.SEEK_END)


@contextmanager
def look_at(url: str) -> Iterator[Look]:
    """Open the gVCF at a path or URL once for all that is asked of it before it is read.

    Raises UnreadableFile (NotVcf, NoSamples) or NotInflated.
    """
    with open_head(url) as head:
        yield Look(split_header(iter([head.text]), url)[0], head)


def read_header(url: str) -> Header:
    """The header of the gVCF at a path or URL; raises UnreadableFile (NotVcf, NoSamples) or NotInflated."""
    with look_at(url) as look:
        return look.header


def check_index(url: str) -> None:
    """Refuse a file's index (.tbi or .csi beside it) that is not its own; a file without an index is fine.

    Looks at the index's age and contigs, at the record with which its last chunk begins, and whether the file ends
    where the index says: three short reads besides the index itself. Raises BadIndex, UnreadableFile or NotInflated.
    """
    with open_head(url) as head:
        head.check_index()

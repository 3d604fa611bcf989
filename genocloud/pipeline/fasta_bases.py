"""The bases that exported records are left-aligned to, and that filters look at: those of a FASTA."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from genocloud.callset import Callset
from genocloud.pipeline.reference import Reference, bases_of, read_reference
from genocloud.regions import Region, check_contigs


@dataclass(frozen=True, kw_only=True)
class FastaBases:
    """A callset.ReferenceBases: those of a FASTA that every worker can read."""

    reference: Reference

    @classmethod
    def of(cls, url: str) -> "FastaBases":
        """Those of a FASTA with its .fai beside it. Raises UnreadableFile."""
        return cls(reference=read_reference(url))

    @property
    def settings(self) -> Any:
        """The checksum of the index."""
        return self.reference.checksum

    def check(self, callset: Callset) -> None:
        """Raise UnknownContig or MixedContigs for a FASTA of another genome."""
        check_contigs(callset.url, callset.contigs, self.reference.contigs)

    def between(self, contig: str, start: int, end: int) -> str:
        """The bases start <= base < end of a contig. Raises UnreadableFile."""
        names = [each.name for each in self.reference.contigs]
        return bases_of(self.reference, Region(names.index(contig), start, end))

    def letters(self, contig: str, start: int, end: int) -> npt.NDArray[np.uint8]:
        """The bases that a contig has of start <= base < end, as ASCII. Raises UnreadableFile."""
        length = next(each.length for each in self.reference.contigs if each.name == contig)
        stop = min(end, length)
        return np.frombuffer(
            self.between(contig, start, stop).encode("ascii", "replace") if start < stop else b"", np.uint8
        )

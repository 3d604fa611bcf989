"""The bases that exported records are left-aligned to: those of a FASTA."""

from dataclasses import dataclass
from typing import Any

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

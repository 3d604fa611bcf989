"""What exports a callset with other genotypes than it was called with: from likelihoods and other samples, say."""

from typing import Any, NamedTuple, Protocol

from genocloud import schema
from genocloud.callset.local_genotypes import GenotypeMatrix

REVISED_FROM = ("GT", "DP", "GQ", "PL")
SITES_FROM = ("contig", "pos", "ref", "alts", "MLEAC")
"""What a revision sees of genotypes and of sites, at least."""


class RevisedGenotypes(NamedTuple):
    """Genotypes of all samples at some sites, with further FORMAT columns, and columns of SITES that follow from them.

    sites  as many rows; columns that SITES has in the place of its own, and further ones of INFO
    """

    genotypes: GenotypeMatrix
    sites: schema.Sites


class GenotypeRevision(Protocol):
    """A rule by which genotypes become others when a callset is exported; it is sent to workers."""

    @property
    def settings(self) -> Any:
        """All that it follows from, as JSON."""

    def revise(self, sites: schema.Sites, genotypes: GenotypeMatrix) -> RevisedGenotypes:
        """Genotypes of all samples at a span of SITES, at all alleles: REVISED_FROM and SITES_FROM at least."""

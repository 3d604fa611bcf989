"""Sites named after known variants, such as dbSNP's."""

from collections.abc import Sequence

import pyarrow as pa

from genocloud import genotypes, gvcf
from genocloud.errors import InputError
from genocloud.regions import Contig
from genocloud.schema import numbers


class OtherContigs(InputError):
    """Known variants that lie on none of the reference's contigs, so that no site could ever be named."""

    def __init__(self, url: str, theirs: Sequence[str], ours: Sequence[str]) -> None:
        self.url, self.theirs, self.ours = url, tuple(theirs), tuple(ours)
        super().__init__(
            f"{url}: none of its contigs ({_few(theirs)}) is the reference's ({_few(ours)}); give one made for this "
            "reference, or rename its contigs (bcftools annotate --rename-chrs)"
        )


def _few(names: Sequence[str]) -> str:
    return ", ".join(names[:3]) + ", ..." * (len(names) > 3)


def known_variants(url: str) -> str:
    """The fingerprint of a VCF of known variants. Raises UnreadableFile."""
    return gvcf.fingerprint(url)


def check_contigs(dbsnp_url: str | None, contigs: Sequence[Contig]) -> None:
    """Raise OtherContigs where known variants share no contig with the reference, or what known_contigs raises."""
    if dbsnp_url is None:
        return
    theirs, ours = gvcf.known_contigs(dbsnp_url), [contig.name for contig in contigs]
    if not set(theirs) & set(ours):
        raise OtherContigs(dbsnp_url, theirs, ours)


def named(sites: pa.Table, dbsnp_url: str | None) -> pa.Table:
    """SITES of a shard named after known variants, if there are any to name them after."""
    if dbsnp_url is None or not len(sites):
        return sites
    contig, positions = sites["contig"][0].as_py(), numbers(sites["pos"]).tolist()
    return genotypes.with_names(sites, gvcf.read_known(dbsnp_url, contig, positions))

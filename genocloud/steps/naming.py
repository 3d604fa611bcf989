"""Sites named after known variants, such as dbSNP's."""

import pyarrow as pa

from genocloud import genotypes, gvcf
from genocloud.schema import numbers


def known_variants(url: str) -> str:
    """The fingerprint of a VCF of known variants, which is read by its index. Raises UnreadableFile or BadIndex."""
    gvcf.check_known(url)
    return gvcf.fingerprint(url)


def named(sites: pa.Table, dbsnp_url: str | None) -> pa.Table:
    """SITES of a shard named after known variants, if there are any to name them after."""
    if dbsnp_url is None or not len(sites):
        return sites
    contig, positions = sites["contig"][0].as_py(), numbers(sites["pos"]).tolist()
    return genotypes.with_names(sites, gvcf.read_known(dbsnp_url, contig, positions))

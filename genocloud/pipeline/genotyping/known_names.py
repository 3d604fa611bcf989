"""Set the ID of sites from known variants, such as dbSNP's."""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from genocloud import genotypes, gvcf
from genocloud.cohort import Layout
from genocloud.errors import InputError
from genocloud.pipeline.sharding import Shard
from genocloud.regions import Contig
from genocloud.schema import Sites, numbers, with_column


class OtherContigs(InputError):
    """Known variants whose contigs are none of the reference's."""

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


def with_dbsnp_ids(sites: Sites, layout: Layout, shard: Shard, dbsnp_url: str | None) -> Sites:
    """SITES of a shard, on its axis, with IDs of known variants where `dbsnp_url` is set."""
    if dbsnp_url is None or not len(sites):
        return sites
    which, names, starts = layout.axis(shard.region.contig).named(numbers(sites["pos"]) - 1)
    edges = np.searchsorted(which, np.arange(len(names) + 1)).tolist()
    tables = [
        _with_ids_on(sites.slice(first, end - first), name, (starts[first:end] + 1).tolist(), dbsnp_url)
        for name, first, end in zip(names, edges, edges[1:], strict=False)
    ]
    return pa.concat_tables(tables).unify_dictionaries()


def _with_ids_on(sites: Sites, contig: str, positions: list[int], dbsnp_url: str) -> Sites:
    """SITES of one contig, at these positions of it, with IDs."""
    there = with_column(sites, "pos", pa.array(positions, pa.int32()))
    known = genotypes.with_names(there, gvcf.read_known(dbsnp_url, contig, positions))
    return with_column(known, "pos", sites["pos"])

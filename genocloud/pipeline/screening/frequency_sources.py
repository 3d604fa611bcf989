"""Frequencies of REF at common single-base variants: of a sites VCF, or of a callset."""

import hashlib
from collections.abc import Iterator, Sequence

import numpy as np
import pyarrow.compute as pc

from genocloud import gvcf, schema
from genocloud.callset import Callset, NoCallset, open_callset
from genocloud.pipeline.genotyping.known_names import OtherContigs, check_contigs
from genocloud.regions import Contig, Region
from genocloud.schema import ragged

STRETCH_BP = 10_000_000
"""Bases of a callset's sites that are read together: half a million sites of 10,000 genomes."""


def content_of(url: str | None, contigs: Sequence[Contig]) -> str:
    """A fingerprint of a source of frequencies; empty for none.

    Raises UnreadableFile or StoreError, or OtherContigs where the source is of another reference.
    """
    if url is None:
        return ""
    callset = _callset(url)
    if callset is None:
        check_contigs(url, contigs)
        return gvcf.fingerprint(url)
    theirs, ours = ([contig.name for contig in some] for some in (callset.contigs, contigs))
    if set(theirs).isdisjoint(ours):
        raise OtherContigs(url, theirs, ours)
    return hashlib.sha256("".join(shard.sites.sha256 for shard in callset.shards).encode()).hexdigest()


def common_sites(url: str, contig: Contig, least: float, most: float) -> Iterator[gvcf.CommonSite]:
    """Sites of a contig with least < frequency of REF < most, in order; none where the source lacks the contig.

    Filtered records are left out. Raises what reading the source raises.
    """
    callset = _callset(url)
    if callset is None:
        yield from gvcf.read_frequencies(url, contig.name, contig.length, least, most)
    elif contig.name in (names := [each.name for each in callset.contigs]):
        for start in range(0, contig.length, STRETCH_BP):
            region = Region(names.index(contig.name), start, min(start + STRETCH_BP, contig.length))
            table = callset.sites(region, columns=["pos", "ref", "alts", "filter", "AF"])
            yield from _common(table, least, most)


def _callset(url: str) -> Callset | None:
    try:
        return open_callset(url)
    except NoCallset:
        return None


def _common(sites: schema.Sites, least: float, most: float) -> Iterator[gvcf.CommonSite]:
    """The common sites among SITES; alleles are looked at one by one where REF is not nearly everybody's."""
    sites = sites.filter(pc.and_(pc.equal(pc.binary_length(sites["ref"]), 1), pc.is_null(sites["filter"])))
    at, frequencies = ragged(sites["AF"])
    totals = np.append(0, np.cumsum(np.nan_to_num(frequencies)))
    varied = np.flatnonzero(totals[at[1:]] - totals[at[:-1]] >= 1 - most)
    for row in sites.take(varied).to_pylist():
        by_alt = dict(zip(row["alts"], row["AF"], strict=True))
        bases = {alt: frequency for alt, frequency in by_alt.items() if alt in ("A", "C", "G", "T")}
        p = 1 - sum(frequency or 0 for frequency in bases.values())
        if bases and least < p < most:
            yield gvcf.CommonSite(row["pos"] - 1, row["ref"], tuple(bases), p)

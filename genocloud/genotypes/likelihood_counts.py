"""A batch's likelihoods at each site as distinct keys with counts: the input of the cohort's estimates."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from genocloud import schema
from genocloud.genotypes.aligned_rows import AlignedRows, site_arrays
from genocloud.kernels.likelihood_keys import merge_keys, summarise_sites


@dataclass(frozen=True, slots=True, kw_only=True)
class LikelihoodCounts:
    """Distinct keys of each site of a shard with their numbers of samples; merging is exact integer addition.

    site_offsets  (sites + 1,) int64; the sites' slices of the keys
    offsets       (keys + 1,) int64; the keys' slices of values, int32
    counts        (keys,) int64; samples
    totals        (sites, 3) int64; depth; samples with PL; samples with a variant genotype but no PL

    A key is ploidy, then the sample's own number of each merged allele and its own PL; or ploidy, -1 and the PL of REF
    against anything else. Ploidy is negative for a sample without information (kernels.likelihood_keys.REF_OR_OTHER).
    The keys of a site are sorted.
    """

    site_offsets: npt.NDArray[np.int64]
    offsets: npt.NDArray[np.int64]
    values: npt.NDArray[np.int32]
    counts: npt.NDArray[np.int64]
    totals: npt.NDArray[np.int64]


def summarise(rows: AlignedRows, alleles: schema.Alleles) -> LikelihoodCounts:
    """Reduce one batch, whose rows are aligned to the sites of ALLELES or more."""
    sites, aligned = site_arrays(alleles), rows.at_sites(alleles)
    (site_offsets, offsets, values, counts), totals = summarise_sites(
        aligned.facts,
        aligned.pl,
        aligned.own,
        aligned.covering_row,
        sites.positions,
        sites.alleles,
        sites.stars,
        len(aligned.variants),
    )
    return LikelihoodCounts(site_offsets=site_offsets, offsets=offsets, values=values, counts=counts, totals=totals)


def merge(summaries: Sequence[LikelihoodCounts]) -> LikelihoodCounts:
    """Add up batches' summaries of one shard; their order and grouping do not matter."""
    if len(summaries) == 1:
        return summaries[0]
    per_site = [np.diff(summary.site_offsets) for summary in summaries]
    site = np.concatenate([np.repeat(np.arange(len(keys)), keys) for keys in per_site])
    site_offsets, offsets, values, counts = merge_keys(
        _offsets(np.sum(per_site, axis=0)),
        np.argsort(site, kind="stable"),
        _offsets(np.concatenate([np.diff(summary.offsets) for summary in summaries])),
        np.concatenate([summary.values for summary in summaries]),
        np.concatenate([summary.counts for summary in summaries]),
    )
    return LikelihoodCounts(
        site_offsets=site_offsets,
        offsets=offsets,
        values=values,
        counts=counts,
        totals=np.sum([summary.totals for summary in summaries], axis=0),
    )


def cut(summary: LikelihoodCounts, first: int, sites: int) -> LikelihoodCounts:
    """The summary of `sites` sites from `first` on."""
    site_offsets = summary.site_offsets[first : first + sites + 1]
    keys = slice(site_offsets[0], site_offsets[-1])
    offsets = summary.offsets[site_offsets[0] : site_offsets[-1] + 1]
    return LikelihoodCounts(
        site_offsets=site_offsets - site_offsets[0],
        offsets=offsets - offsets[0],
        values=summary.values[offsets[0] : offsets[-1]],
        counts=summary.counts[keys],
        totals=summary.totals[first : first + sites],
    )


def _offsets(lengths: Any) -> npt.NDArray[np.int64]:
    return np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)

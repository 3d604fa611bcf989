"""Estimates by surest carriers from maxima over each source's samples, for models that judge ALTs by these.

maxima = [carrier_maxima(summary, alleles) for each source]          at the sources
estimates_by_maxima(alleles, maxima, model)                          at the coordinator; equal to `estimate`
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from genocloud import schema
from genocloud.genotypes.aligned_rows import site_arrays
from genocloud.genotypes.estimation import EstimatedArrays, allele_offsets, tabulate
from genocloud.genotypes.likelihood_counts import LikelihoodCounts
from genocloud.genotypes.model import Model
from genocloud.kernels import site_estimates

Array = npt.NDArray[Any]


def carrier_maxima(summary: LikelihoodCounts, alleles: schema.Alleles) -> schema.Maxima:
    """A source's maxima, one row for each site of ALLELES: MAXIMA."""
    sites = site_arrays(alleles)
    at = allele_offsets(sites)
    known, _, absent, copies = site_estimates.judge_carriers(summary.site_keys, summary.totals, at, sites.stars)
    offsets, alts = (at - np.arange(len(at))).astype(np.int32), _alts(at)
    lists = (np.rint(absent * -10).astype(np.int32), copies.astype(np.int64))
    return pa.table([known, *(pa.ListArray.from_arrays(offsets, each[alts]) for each in lists)], schema.MAXIMA)


def estimates_by_maxima(alleles: schema.Alleles, maxima: Sequence[schema.Maxima], model: Model) -> schema.Estimates:
    """ESTIMATES of the sites of ALLELES from the MAXIMA of all sources, in any order."""
    sites = site_arrays(alleles)
    at = allele_offsets(sites)
    absent, copies = np.zeros(at[-1]), np.zeros(at[-1])
    alts = _alts(at)
    absent[alts] = np.max([schema.ragged(each["qualities"])[1] for each in maxima], axis=0) / -10.0
    copies[alts] = np.sum([schema.ragged(each["copies"])[1] for each in maxima], axis=0)
    counted = alts.copy()
    starred = np.flatnonzero(sites.stars > 0)
    counted[at[starred] + sites.stars[starred]] = False
    least = np.where(counted, absent, 0.0)
    variant = np.minimum.reduceat(least, at[:-1]) if len(alleles) else np.zeros(0)
    known = np.bitwise_or.reduce([schema.numbers(each["known"]) for each in maxima])
    return tabulate(alleles, EstimatedArrays(known, variant, absent, copies), model)


def _alts(at: Array) -> Array:
    """Mask of the ALTs; at: the sites' slices of the alleles, REF first."""
    out = np.ones(at[-1], bool)
    out[at[:-1]] = False
    return out

"""The cohort's estimates at each site: allele frequencies, which alleles are likely, how sure a variant is."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from genocloud import schema
from genocloud.genotypes.alignment import Places, places
from genocloud.genotypes.model import Model
from genocloud.genotypes.summaries import Summary, merge
from genocloud.kernels import frequencies

REASONS = {
    frequencies.CARRIER_WITHOUT_PL: "a carrier has no likelihoods",
    frequencies.NOBODY_WITH_PL: "nobody has likelihoods",
    frequencies.NO_DEPTH: "no depth",
}
"""Why a site cannot be genotyped."""
_SLACK = 1e-10
"""AFCalculationResult.passesThreshold: an allele's absence must be less likely than the threshold by this much."""
Array = npt.NDArray[Any]


def estimate(summaries: Sequence[Summary], alleles: pa.Table, model: Model) -> pa.Table:
    """Estimate each site of a shard (ALLELES) from all batches' summaries: ESTIMATES. `*` is still undecided.

    However many ALTs a site has, the best `max_alternate_alleles` are chosen from the samples' own vectors. GATK has
    limits: it skips sites of more than 50 alleles, and a sample's likelihoods where they would be more than 1,024 (a
    diploid's from 43 ALTs on); such sites are `beyond`.
    """
    sites, summary = places(alleles), merge(summaries)
    allele_offsets = np.concatenate([[0], np.cumsum(sites.alleles)])
    verdicts, beyond, absent, each_absent, copies = frequencies.estimate_sites(
        summary.site_offsets,
        summary.offsets,
        summary.values,
        summary.counts,
        summary.totals,
        allele_offsets,
        _pseudocounts(sites, allele_offsets, model),
        sites.stars,
        model.max_alternate_alleles,
    )
    number = np.arange(allele_offsets[-1]) - np.repeat(allele_offsets[:-1], sites.alleles)
    threshold = model.stand_call_conf * -0.1
    plausible = (number > 0) & (each_absent + _SLACK < threshold)
    site = np.repeat(np.arange(len(alleles)), sites.alleles)
    offsets = np.concatenate([[0], np.cumsum(np.bincount(site[plausible], minlength=len(alleles)))])
    genotyped = np.bincount(site[(number > 0) & ~np.isnan(each_absent)], minlength=len(alleles))
    return pa.table(
        [
            *(alleles[name] for name in ("contig", "start", "ref", "alts", "forced")),
            genotyped.astype(np.int32),
            beyond,
            pa.array(absent, mask=verdicts != frequencies.GENOTYPED),
            _lists(offsets, number[plausible]),
            _lists(offsets, np.floor(copies[plausible] + 0.5)),
            pa.ListArray.from_arrays(offsets.astype(np.int32), each_absent[plausible]),
            pa.array([REASONS.get(verdict) for verdict in verdicts.tolist()], pa.string()).dictionary_encode(),
        ],
        schema.ESTIMATES,
    )


def _lists(offsets: Array, values: Array) -> pa.Array:
    return pa.ListArray.from_arrays(offsets.astype(np.int32), values.astype(np.int32))


def _pseudocounts(sites: Places, allele_offsets: Array, model: Model) -> Array:
    """The Dirichlet prior of every allele: (alleles,) float64; an ALT of REF's length is a SNP, `*` has length 1."""
    alt_lengths = np.diff(sites.alts[1])
    ref_lengths = np.repeat(np.diff(sites.refs[0]), sites.alleles - 1)
    out = np.full(allele_offsets[-1], model.ref_pseudocount)
    is_alt = np.ones(len(out), bool)
    is_alt[allele_offsets[:-1]] = False
    out[is_alt] = np.where(alt_lengths == ref_lengths, model.snp_pseudocount, model.indel_pseudocount)
    return out

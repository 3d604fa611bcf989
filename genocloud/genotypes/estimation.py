"""The cohort's estimates at each site: allele frequencies, plausible alleles, confidence in a variant."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from genocloud import schema
from genocloud.genotypes.aligned_rows import SiteArrays, site_arrays
from genocloud.genotypes.likelihood_counts import LikelihoodCounts, merge
from genocloud.genotypes.model import Model
from genocloud.kernels import site_estimates

CARRIER_WITHOUT_PL, NO_LIKELIHOODS = "a carrier has no likelihoods", "no sample has likelihoods"
NO_DEPTH = "no depth"
_SLACK = 1e-10
"""AFCalculationResult.passesThreshold: an allele's absence must be less likely than the threshold by this much."""
Array = npt.NDArray[Any]


class EstimatedArrays(NamedTuple):
    """The arrays of `kernels.site_estimates.estimate_sites`: by site `known` and `variant`, by allele the others."""

    known: Array
    variant: Array
    absent: Array
    copies: Array


def estimate(summaries: Sequence[LikelihoodCounts], alleles: schema.Alleles, model: Model) -> schema.Estimates:
    """Estimate each site of a shard (ALLELES) from all batches' summaries: ESTIMATES. `*` is still undecided.

    However many ALTs a site has, the best `max_alternate_alleles` are chosen from the samples' own vectors. GATK has
    limits: it skips sites of more than 50 alleles, and a sample's likelihoods where they would be more than 1,024 (a
    diploid's from 43 ALTs on); such sites are `beyond`.
    """
    sites, summary = site_arrays(alleles), merge(summaries)
    if model.rules.by_carriers:
        judged = site_estimates.judge_carriers(summary.site_keys, summary.totals, allele_offsets(sites), sites.stars)
        return tabulate(alleles, EstimatedArrays(*judged), model)
    estimated = site_estimates.estimate_sites(
        summary.track,
        summary.site_keys,
        summary.totals,
        allele_offsets(sites),
        pseudocounts(sites, model),
        sites.stars,
        model.max_alternate_alleles,
    )
    return tabulate(alleles, EstimatedArrays(*estimated), model)


def can_be_genotyped(known: Array) -> Array:
    """Mask of the sites that can be genotyped, from their bits: (sites,) bool."""
    return np.asarray((known & ~site_estimates.BEYOND) == site_estimates.GENOTYPED)


def tabulate(alleles: schema.Alleles, estimated: EstimatedArrays, model: Model) -> schema.Estimates:
    """ESTIMATES of the sites of ALLELES. Forced ALTs stand with the plausible ones, those without an estimate as 0."""
    known, variant, absent, copies = estimated
    counts = np.diff(schema.string_lists(alleles["alts"])[0]) + 1
    site = np.repeat(np.arange(len(alleles)), counts)
    number = np.arange(len(site)) - np.repeat(np.cumsum(counts) - counts, counts)
    forced_at, forced = schema.ragged(alleles["forced_alts"])
    kept = (number > 0) & is_plausible(absent, model)
    kept[(np.cumsum(counts) - counts)[np.repeat(np.arange(len(alleles)), np.diff(forced_at))] + forced] = True
    offsets = np.concatenate([[0], np.cumsum(np.bincount(site[kept], minlength=len(alleles)))])
    entries = np.flatnonzero(kept)
    if model.rules.alts_by_bases:
        entries = entries[np.lexsort((_by_bases(alleles)[(entries - site[entries]) - 1], site[entries]))]
    genotyped = np.bincount(site[(number > 0) & ~np.isnan(absent)], minlength=len(alleles))
    return pa.table(
        [
            *(alleles[name] for name in schema.MERGED_NAMES),
            genotyped.astype(np.int32),
            known & site_estimates.BEYOND > 0,
            pa.array(variant, mask=~can_be_genotyped(known)),
            _lists(offsets, number[entries]),
            _lists(offsets, np.floor(np.nan_to_num(copies[entries]) + 0.5)),
            pa.ListArray.from_arrays(offsets.astype(np.int32), np.nan_to_num(absent[entries])),
            pa.array([_reason(bits) for bits in known.tolist()], pa.string()).dictionary_encode(),
        ],
        schema.ESTIMATES,
    )


def is_plausible(absent: Array, model: Model) -> Array:
    """Whether each allele is likely enough to be emitted, from the log10 probability that no sample carries it.

    Not where that is NaN, for alleles left out of the estimate.
    """
    return np.asarray(absent + _SLACK < model.emitted_from * -0.1)


def _by_bases(alleles: schema.Alleles) -> Array:
    """The rank of each ALT of ALLELES by its bases, `*` behind all others: (ALTs,) int64."""
    words = pc.list_flatten(alleles["alts"]).combine_chunks().dictionary_encode()
    texts = words.dictionary.to_pylist()
    ranks = np.empty(len(texts), np.int64)
    ranks[sorted(range(len(texts)), key=lambda place: (texts[place] == "*", texts[place]))] = np.arange(len(texts))
    return np.asarray(ranks[words.indices.to_numpy()])


def _reason(known: int) -> str | None:
    """The reason why a site cannot be genotyped, if any (gatk-model.md, section 2)."""
    if not known & site_estimates.DEPTH:
        return NO_DEPTH
    if known & site_estimates.BARE_CARRIER:
        return CARRIER_WITHOUT_PL
    return None if known & site_estimates.LIKELIHOODS else NO_LIKELIHOODS


def _lists(offsets: Array, values: Array) -> pa.Array:
    return pa.ListArray.from_arrays(offsets.astype(np.int32), values.astype(np.int32))


def allele_offsets(sites: SiteArrays) -> Array:
    """The sites' slices of all alleles, REF first: (sites + 1,) int64."""
    return np.concatenate([[0], np.cumsum(sites.alleles)])


def pseudocounts(sites: SiteArrays, model: Model) -> Array:
    """The Dirichlet prior of every allele: (alleles,) float64; an ALT of REF's length is a SNP, `*` has length 1."""
    alt_lengths = np.diff(sites.alts[1])
    ref_lengths = np.repeat(np.diff(sites.refs[0]), sites.alleles - 1)
    out = np.full(sites.alleles.sum(), model.ref_pseudocount)
    is_alt = np.ones(len(out), bool)
    is_alt[allele_offsets(sites)[:-1]] = False
    out[is_alt] = np.where(alt_lengths == ref_lengths, model.snp_pseudocount, model.indel_pseudocount)
    return out

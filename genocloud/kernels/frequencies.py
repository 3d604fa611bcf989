"""Allele frequencies by expectation and maximisation, and what they say about each allele."""

import math

import numpy as np
from numba import njit

from genocloud.kernels.genotype_order import advance, count_genotypes, write_genotype
from genocloud.kernels.likelihoods import project, tell_apart
from genocloud.kernels.summaries import REF_OR_OTHER

STOP = 0.1
"""The EM ends when no allele's expected count moved by more than this (AlleleFrequencyCalculator)."""
LN10 = math.log(10.0)
GENOTYPED, CARRIER_WITHOUT_PL, NOBODY_WITH_PL, NO_DEPTH = 0, 1, 2, 3
GATK_ALLELES, GATK_GENOTYPES = 50, 1024
"""GATK's limits, which are not ours: alleles at a site; genotypes, with NON_REF, in a sample's vector.

Source: gatk-model.md, section 2 (GenotypingEngine.hasTooManyAlternativeAlleles; --max-genotype-count in GenomicsDB).
"""


@njit(cache=True, nogil=True)
def _own_of_key(values, begin, alleles, own):
    """Fill own[:alleles] from the key that begins at `begin`; return where its PL begins."""
    plain = values[begin + 1] == REF_OR_OTHER
    own[0] = 0
    for k in range(1, alleles):
        own[k] = 1 if plain else values[begin + 1 + k]
    return begin + 2 if plain else begin + 1 + alleles


@njit(cache=True, nogil=True)
def _smallest(pl, count):
    """Place of the smallest of pl[:count], the first on ties."""
    best = 0
    for g in range(1, count):
        if pl[g] < pl[best]:
            best = g
    return best


@njit(cache=True, nogil=True)
def likelihood_scores(offsets, values, counts, first, last, alleles):
    """How much better than hom-ref each allele's carriers are, log10: (alleles,) float64.

    offsets, values, counts   keys of a site: those from `first` up to `last`

    A sample adds |GL[hom-ref] - GL[best]| to every ALT of its best genotype (the first on ties). They are added as GATK
    does, in doubles, one sample after the other: of sums that are equal on paper, rounding makes one the larger. (Of
    three carriers and more, GATK's order is that of their names; here it is that of the keys.)
    Source: gatk-model.md, section 3 (AlleleSubsettingUtils.calculateLikelihoodSums).
    """
    scores = np.zeros(alleles)
    own = np.empty(alleles, np.int32)
    for k in range(first, last):
        ploidy = np.int64(abs(values[offsets[k]]))
        at = _own_of_key(values, offsets[k], alleles, own)
        firsts, numbers = tell_apart(own, alleles)
        pl = np.empty(count_genotypes(len(numbers), ploidy), np.int32)
        best = _smallest(pl, project(values, at, numbers, len(numbers), ploidy, pl, np.int64(0)))
        gain = pl[best] / -10.0 - pl[0] / -10.0
        genotype = np.zeros(ploidy, np.int64)
        write_genotype(best, ploidy, genotype, 0)
        for i in range(ploidy):
            if genotype[i] > 0 and (i == 0 or genotype[i] != genotype[i - 1]):
                for _ in range(counts[k]):
                    scores[firsts[genotype[i]]] += gain
    return scores


@njit(cache=True, nogil=True)
def without_frail(offsets, values, counts, first, last):
    """The samples of each key from `first` up to `last`, 0 for frail ones (summaries.REF_OR_OTHER)."""
    out = np.empty(last - first, np.int64)
    for k in range(first, last):
        out[k - first] = counts[k] if values[offsets[k]] > 0 else 0
    return out


@njit(cache=True, nogil=True)
def best_alleles(scores, most):
    """REF and the `most` ALTs of highest score, lower number first on ties, in their own order: int64."""
    out, kept = np.zeros(min(len(scores), most + 1), np.int64), 1
    for a in range(1, len(scores)):
        better = 0
        for b in range(1, len(scores)):
            better += scores[b] > scores[a] or (scores[b] == scores[a] and b < a)
        if better < most:
            out[kept] = a
            kept += 1
    return out


@njit(cache=True, nogil=True)
def genotype_counts(alleles, ploidy):
    """Copies of each allele in each genotype, (genotypes, alleles) float64, and ln of the multinomial, (genotypes,)."""
    genotypes = count_genotypes(alleles, ploidy)
    copies = np.zeros((genotypes, alleles))
    ways = np.empty(genotypes)
    genotype = np.zeros(ploidy, np.int64)
    for g in range(genotypes):
        for k in range(ploidy):
            copies[g, genotype[k]] += 1
        ways[g] = math.lgamma(ploidy + 1.0)
        for a in range(alleles):
            ways[g] -= math.lgamma(copies[g, a] + 1.0)
        if g + 1 < genotypes:
            advance(genotype, ploidy)
    return copies, ways


@njit(cache=True, nogil=True)
def expand_keys(offsets, values, first, last, alleles, chosen):
    """Natural-log likelihoods of the chosen alleles' genotypes, key after key: (ploidies, at, likelihoods).

    offsets, values, first, last   keys of a site
    chosen      (chosen alleles,) int64; merged allele numbers, REF first
    ploidies    (keys,) int64; at (keys + 1,) int64; the keys' slices of likelihoods; each key's best is 0
    """
    keys, most = last - first, 0
    ploidies, at = np.empty(keys, np.int64), np.zeros(keys + 1, np.int64)
    for k in range(keys):
        ploidies[k] = abs(values[offsets[first + k]])
        genotypes = count_genotypes(len(chosen), ploidies[k])
        at[k + 1] = at[k] + genotypes
        most = max(most, genotypes)
    out = np.empty(at[keys])
    own, kept, pl = np.empty(alleles, np.int32), np.empty(len(chosen), np.int32), np.empty(most, np.int32)
    for k in range(keys):
        begin = _own_of_key(values, offsets[first + k], alleles, own)
        for j in range(len(chosen)):
            kept[j] = own[chosen[j]]
        genotypes = project(values, begin, kept, len(chosen), ploidies[k], pl, np.int64(0))
        best = pl[_smallest(pl, genotypes)]
        for g in range(genotypes):
            out[at[k] + g] = (best - pl[g]) * (LN10 / 10.0)
    return ploidies, at, out


@njit(cache=True, nogil=True)
def _log_priors(copies, ways, frequencies):
    """ln probability of each genotype before its likelihood: (genotypes,) float64."""
    out = np.empty(len(ways))
    for g in range(len(ways)):
        out[g] = ways[g]
        for a in range(len(frequencies)):
            if copies[g, a] > 0:
                out[g] += copies[g, a] * math.log(frequencies[a])
    return out


@njit(cache=True, nogil=True)
def _add_posteriors(prior, likelihoods, at, count, mass):
    """Add `count` samples' posteriors to mass, (genotypes,) float64; their likelihoods begin at `at`."""
    highest = -math.inf
    for g in range(len(prior)):
        highest = max(highest, prior[g] + likelihoods[at + g])
    total = 0.0
    for g in range(len(prior)):
        total += math.exp(prior[g] + likelihoods[at + g] - highest)
    for g in range(len(prior)):
        mass[g] += count * (math.exp(prior[g] + likelihoods[at + g] - highest) / total)


@njit(cache=True, nogil=True)
def _add_copies(mass, copies, expected):
    for g in range(len(mass)):
        for a in range(len(expected)):
            expected[a] += mass[g] * copies[g, a]


@njit(cache=True, nogil=True)
def _update(pseudocounts, expected, before, frequencies):
    """Set the frequencies from the expected copies, and `before` to these; return how far the farthest moved."""
    moved, total = 0.0, 0.0
    for a in range(len(expected)):
        moved = max(moved, abs(expected[a] - before[a]))
        before[a] = expected[a]
        total += pseudocounts[a] + expected[a]
    for a in range(len(expected)):
        frequencies[a] = (pseudocounts[a] + expected[a]) / total
    return moved


@njit(cache=True, nogil=True)
def estimate_counts(ploidies, at, likelihoods, counts, pseudocounts):
    """Expected copies of each allele and the frequencies they come from: (copies, frequencies), (alleles,) float64.

    ploidies, at, likelihoods   as `expand_keys` gives them, keys of a ploidy together
    counts        (keys,) int64; samples of each key
    pseudocounts  (alleles,) float64; Dirichlet prior

    Source: gatk-model.md, section 4 (AlleleFrequencyCalculator.calculate).
    """
    alleles = len(pseudocounts)
    frequencies, before = np.full(alleles, 1.0 / alleles), np.zeros(alleles)
    ploidy = np.int64(0)
    copies, ways = genotype_counts(alleles, ploidy)
    moved = math.inf
    while moved > STOP:
        expected, k = np.zeros(alleles), 0
        while k < len(ploidies):
            if ploidies[k] != ploidy:
                ploidy = ploidies[k]
                copies, ways = genotype_counts(alleles, ploidy)
            prior, mass = _log_priors(copies, ways, frequencies), np.zeros(len(ways))
            while k < len(ploidies) and ploidies[k] == ploidy:
                _add_posteriors(prior, likelihoods, at[k], counts[k], mass)
                k += 1
            _add_copies(mass, copies, expected)
        moved = _update(pseudocounts, expected, before, frequencies)
    return before, frequencies


@njit(cache=True, nogil=True)
def _log_sum_without(prior, likelihoods, at, copies, banned):
    """ln of the summed probability of the genotypes that hold no banned allele.

    prior as `_log_priors` gives it; likelihoods of one sample begin at `at`; banned (alleles,) bool
    """
    highest, total = -math.inf, 0.0
    for last in (False, True):
        for g in range(len(prior)):
            held = False
            for a in range(len(banned)):
                held |= banned[a] and copies[g, a] > 0
            if held:
                continue
            if last:
                total += math.exp(prior[g] + likelihoods[at + g] - highest)
            else:
                highest = max(highest, prior[g] + likelihoods[at + g])
    return highest + math.log(total)


@njit(cache=True, nogil=True)
def absence(ploidies, at, likelihoods, counts, frequencies, star):
    """log10 probabilities that nobody carries an allele: (anything but REF and `*`, each allele) float64.

    star  place of `*` among the alleles, -1 if it is not one of them

    Source: gatk-model.md, section 4 (lp0 and lpa). The entry of REF is 0.
    """
    alleles = len(frequencies)
    variant, absent, ploidy = 0.0, np.zeros(alleles), np.int64(0)
    copies, ways = genotype_counts(alleles, ploidy)
    prior, banned = ways, np.zeros(alleles, np.bool_)
    for k in range(len(ploidies)):
        if ploidies[k] != ploidy:
            ploidy = ploidies[k]
            copies, ways = genotype_counts(alleles, ploidy)
            prior = _log_priors(copies, ways, frequencies)
        banned[:] = False
        total = _log_sum_without(prior, likelihoods, at[k], copies, banned)
        for a in range(1, alleles):
            banned[a] = True
            if alleles > 2 or star >= 0:
                absent[a] += counts[k] * min(0.0, _log_sum_without(prior, likelihoods, at[k], copies, banned) - total)
            banned[a] = False
        for a in range(1, alleles):
            banned[a] = a != star
        variant += counts[k] * min(0.0, _log_sum_without(prior, likelihoods, at[k], copies, banned) - total)
    if alleles == 2 and star < 0:
        absent[1] = variant
    for a in range(alleles):
        absent[a] /= LN10
    return variant / LN10, absent


@njit(cache=True, nogil=True)
def _verdict(totals):
    """Why a site cannot be genotyped, or GENOTYPED (gatk-model.md, section 2)."""
    if totals[0] <= 0:
        return NO_DEPTH
    if totals[2] > 0:
        return CARRIER_WITHOUT_PL
    return GENOTYPED if totals[1] > 0 else NOBODY_WITH_PL


@njit(cache=True, nogil=True)
def _is_beyond(offsets, values, first, last, alleles):
    """Whether GATK would drop some sample's likelihoods, or the site, for the number of its alleles."""
    beyond = alleles > GATK_ALLELES
    for k in range(first, last):
        beyond |= count_genotypes(alleles + 1, np.int64(abs(values[offsets[k]]))) > GATK_GENOTYPES
    return beyond


@njit(cache=True, nogil=True)
def estimate_sites(site_offsets, offsets, values, counts, totals, allele_offsets, pseudocounts, stars, most):
    """The estimates of each site.

    site_offsets, offsets, values, counts   as `summaries.merge_keys`; totals (sites, 3) int64, as `summarise_sites`
    allele_offsets  (sites + 1,) int64; the sites' slices of pseudocounts, float64; REF first
    stars           (sites,) int64; merged number of `*`, -1 if none
    most            ALTs that go into the EM

    Returns (verdicts (sites,) int8, beyond (sites,) bool: past GATK's limits; variant (sites,) float64, absent float64,
    copies float64): log10 probabilities as `absence`, expected copies; one per allele in the order of pseudocounts, NaN
    for alleles left out of the EM.
    """
    sites = len(stars)
    verdicts, beyond, variant = np.zeros(sites, np.int8), np.zeros(sites, np.bool_), np.zeros(sites)
    absent, copies = np.full(allele_offsets[sites], np.nan), np.full(allele_offsets[sites], np.nan)
    for site in range(sites):
        begin, alleles = allele_offsets[site], allele_offsets[site + 1] - allele_offsets[site]
        first, last = site_offsets[site], site_offsets[site + 1]
        beyond[site] = _is_beyond(offsets, values, first, last, alleles)
        verdicts[site] = _verdict(totals[site])
        if verdicts[site] != GENOTYPED:
            continue
        chosen, samples = np.empty(alleles, np.int64), counts[first:last]
        for a in range(alleles):
            chosen[a] = a
        if alleles > most + 1:
            chosen = best_alleles(likelihood_scores(offsets, values, counts, first, last, alleles), most)
            samples = without_frail(offsets, values, counts, first, last)
        star, prior = np.int64(-1), np.empty(len(chosen))
        for j in range(len(chosen)):
            prior[j] = pseudocounts[begin + chosen[j]]
            if chosen[j] == stars[site]:
                star = j
        ploidies, at, likelihoods = expand_keys(offsets, values, first, last, alleles, chosen)
        expected, frequencies = estimate_counts(ploidies, at, likelihoods, samples, prior)
        variant[site], gone = absence(ploidies, at, likelihoods, samples, frequencies, star)
        for j in range(len(chosen)):
            absent[begin + chosen[j]], copies[begin + chosen[j]] = gone[j], expected[j]
    return verdicts, beyond, variant, absent, copies

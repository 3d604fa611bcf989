"""Allele frequencies by EM, and the probabilities that an allele, or any, is absent."""

import math

import numpy as np

from genocloud.kernels.fixed_point import UNIT, add_words, in_units, sums_of
from genocloud.kernels.genotype_order import advance, count_genotypes, write_genotype
from genocloud.kernels.kernel import compiled, kernel
from genocloud.kernels.likelihood_keys import REF_OR_OTHER
from genocloud.kernels.merged_likelihoods import project, tell_apart

STOP = 0.1
"""The EM ends when no allele's expected count moved by more than this (AlleleFrequencyCalculator)."""
LN10 = math.log(10.0)
PHRED = -LN10 / 10.0
DEPTH, LIKELIHOODS, BARE_CARRIER, BEYOND = 1, 2, 4, 8
"""Bits of a site: some depth; a sample with likelihoods; a variant genotype without; GATK's limits exceeded. A site can
be genotyped if it has the first two and not the third (gatk-model.md, section 2)."""
GENOTYPED = DEPTH | LIKELIHOODS
_RATIOS = np.array([10.0 ** (phred / -10.0) for phred in range(3000)] + [0.0])
"""Likelihoods by their phred-scaled values; smaller ones do not change a sum above VANISHING."""
VANISHING = 1e-200
GATK_ALLELES, GATK_GENOTYPES = 50, 1024
"""GATK's limits, which are not ours: alleles at a site; genotypes, with NON_REF, in a sample's vector.

Source: gatk-model.md, section 2 (GenotypingEngine.hasTooManyAlternativeAlleles; --max-genotype-count in GenomicsDB).
"""


@compiled
def _own_of_key(values, begin, alleles, own):
    """Fill own[:alleles] from the key that begins at `begin`; return where its PL begins."""
    plain = values[begin + 1] == REF_OR_OTHER
    own[0] = 0
    for k in range(1, alleles):
        own[k] = 1 if plain else values[begin + 1 + k]
    return begin + 2 if plain else begin + 1 + alleles


@compiled
def _smallest(pl, count):
    """Place of the smallest of pl[:count], the first on ties."""
    best = 0
    for g in range(1, count):
        if pl[g] < pl[best]:
            best = g
    return best


@compiled
def likelihood_gains(offsets, values, counts, first, last, alleles):
    """By how much the likelihoods of each allele's carriers exceed hom-ref's, log10: (alleles, 2) int64, sums in words.

    offsets, values, counts   keys of a site: those from `first` up to `last`

    A sample adds |GL[hom-ref] - GL[best]| to every ALT of its best genotype (the first on ties). GATK adds doubles, one
    sample after the other: of sums that are equal on paper, rounding makes one the larger. The sums here are exact and
    rounded once, which of one and two carriers is the same. (Of more, GATK's sum depends on the order of their names.)
    Source: gatk-model.md, section 3 (AlleleSubsettingUtils.calculateLikelihoodSums).
    """
    gains = np.zeros((alleles, 2), np.int64)
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
                add_words(gain, counts[k], gains, firsts[genotype[i]])
    return gains


@compiled
def without_frail(offsets, values, counts, first, last):
    """The samples of each key from `first` up to `last`, 0 for frail ones (likelihood_keys.REF_OR_OTHER)."""
    out = np.empty(last - first, np.int64)
    for k in range(first, last):
        out[k - first] = counts[k] if values[offsets[k]] > 0 else 0
    return out


@kernel()
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


@compiled
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


@compiled
def expand_keys(offsets, values, first, last, alleles, chosen):
    """Likelihoods of the chosen alleles' genotypes, key after key: (ploidies, at, likelihoods).

    offsets, values, first, last   keys of a site
    chosen      (chosen alleles,) int64; merged allele numbers, REF first
    ploidies    (keys,) int64; at (keys + 1,) int64; the keys' slices of likelihoods, int32, phred; each key's best is 0
    """
    keys = last - first
    ploidies, at = np.empty(keys, np.int64), np.zeros(keys + 1, np.int64)
    for k in range(keys):
        ploidies[k] = abs(values[offsets[first + k]])
        at[k + 1] = at[k] + count_genotypes(len(chosen), ploidies[k])
    out = np.empty(at[keys], np.int32)
    own, kept = np.empty(alleles, np.int32), np.empty(len(chosen), np.int32)
    for k in range(keys):
        begin = _own_of_key(values, offsets[first + k], alleles, own)
        for j in range(len(chosen)):
            kept[j] = own[chosen[j]]
        genotypes = project(values, begin, kept, len(chosen), ploidies[k], out, at[k])
        best = out[at[k] + _smallest(out[at[k] :], genotypes)]
        for g in range(genotypes):
            out[at[k] + g] -= best
    return ploidies, at, out


@compiled
def count_chromosomes(ploidies, counts):
    """Alleles of all samples: int64."""
    return (ploidies * counts).sum()


@compiled
def add_ref(copies, chromosomes):
    """Set the expected copies of REF, in units, from the others', (alleles,) int64."""
    copies[0] = 0
    copies[0] = chromosomes * np.int64(UNIT) - copies.sum()


@compiled
def frequencies_of(copies, pseudocounts):
    """Allele frequencies, (alleles,) float64, from expected copies in units and the Dirichlet prior."""
    total, out = 0.0, np.empty(len(copies))
    for a in range(len(copies)):
        out[a] = pseudocounts[a] + copies[a] / UNIT
        total += out[a]
    return out / total


@compiled
def _priors(copies, ways, frequencies):
    """Of each genotype the probability before its likelihood: (ln, the highest, ratios to it, room for weights)."""
    logs, ratios = ways.copy(), np.empty(len(ways))
    for a in range(len(frequencies)):
        log = math.log(frequencies[a])
        for g in range(len(ways)):
            logs[g] += copies[g, a] * log
    highest = logs.max()
    for g in range(len(ways)):
        ratios[g] = math.exp(logs[g] - highest)
    return logs, highest, ratios, np.empty(len(ways))


@compiled
def _weigh(ratios, likelihoods, at, weights):
    """Fill weights, (genotypes,) float64, with a sample's posteriors up to a factor; return their sum.

    ratios as from `_priors`; the sample's likelihoods begin at `at`. The sum vanishes if the factor is too small.
    """
    total = 0.0
    for g in range(len(ratios)):
        weights[g] = ratios[g] * _RATIOS[min(likelihoods[at + g], len(_RATIOS) - 1)]
        total += weights[g]
    return total


@compiled
def _weigh_logs(logs, likelihoods, at, weights):
    """The same with a larger factor, from logs as `_priors` gives them: (its -ln, the sum)."""
    highest, total = -math.inf, 0.0
    for g in range(len(logs)):
        highest = max(highest, logs[g] + likelihoods[at + g] * PHRED)
    for g in range(len(logs)):
        weights[g] = math.exp(logs[g] + likelihoods[at + g] * PHRED - highest)
        total += weights[g]
    return highest, total


@compiled
def sum_copies(ploidies, at, likelihoods, counts, table, frequencies):
    """Expected copies of each allele at these frequencies, in units: (alleles,) int64, REF's entry 0.

    ploidies, at, likelihoods   as `expand_keys` gives them, keys of a ploidy together
    counts  (keys,) int64; samples of each key
    table   `genotype_counts` of the first key's ploidy

    Each sample's are rounded before they are added, so that the sum does not depend on the grouping.
    """
    out = np.zeros(len(frequencies), np.int64)
    copies, ways = table
    logs, _, ratios, weights = _priors(copies, ways, frequencies)
    for k in range(len(ploidies)):
        if k > 0 and ploidies[k] != ploidies[k - 1]:
            copies, ways = genotype_counts(len(frequencies), ploidies[k])
            logs, _, ratios, weights = _priors(copies, ways, frequencies)
        total = _weigh(ratios, likelihoods, at[k], weights)
        if total < VANISHING:
            _, total = _weigh_logs(logs, likelihoods, at[k], weights)
        for a in range(1, len(out)):
            expected = 0.0
            for g in range(len(weights)):
                expected += weights[g] * copies[g, a]
            out[a] += counts[k] * in_units(expected / total)
    return out


@compiled
def still_moves(copies, before):
    """Whether some allele's expected copies, in units, moved by more than STOP."""
    farthest = np.int64(0)
    for a in range(len(copies)):
        farthest = max(farthest, abs(copies[a] - before[a]))
    return farthest / UNIT > STOP


@compiled
def estimate_counts(ploidies, at, likelihoods, counts, table, pseudocounts):
    """Expected copies of each allele, in units, from which the final frequencies come: (alleles,) int64.

    The first arguments as in `sum_copies`; pseudocounts (alleles,) float64: Dirichlet prior

    Source: gatk-model.md, section 4 (AlleleFrequencyCalculator.calculate).
    """
    alleles, chromosomes = len(pseudocounts), count_chromosomes(ploidies, counts)
    frequencies, copies = np.full(alleles, 1.0 / alleles), np.zeros(alleles, np.int64)
    moves = True
    while moves:
        before, copies = copies, sum_copies(ploidies, at, likelihoods, counts, table, frequencies)
        add_ref(copies, chromosomes)
        frequencies = frequencies_of(copies, pseudocounts)
        moves = still_moves(copies, before)
    return copies


@compiled
def _masks(copies, star):
    """Genotypes without each allele, (alleles, genotypes) float64, 0 or 1; row 0: without any ALT but `*`."""
    genotypes, alleles = copies.shape
    out = np.ones((alleles, genotypes))
    for g in range(genotypes):
        for a in range(1, alleles):
            if copies[g, a] > 0:
                out[a, g] = 0.0
                if a != star:
                    out[0, g] = 0.0
    return out


@compiled
def _log_sum(logs, likelihoods, at, mask):
    """ln of the summed probability of the genotypes in a mask; logs as `_priors` gives them, likelihoods from `at`."""
    highest, total = -math.inf, 0.0
    for g in range(len(logs)):
        if mask[g] > 0.0:
            highest = max(highest, logs[g] + likelihoods[at + g] * PHRED)
    for g in range(len(logs)):
        if mask[g] > 0.0:
            total += math.exp(logs[g] + likelihoods[at + g] * PHRED - highest)
    return highest + math.log(total)


@compiled
def sum_absence(ploidies, at, likelihoods, counts, table, frequencies, star):
    """-ln of the probability that no sample carries an allele: (alleles, 2) int64, sums in words.

    The first arguments as in `sum_copies`; star: place of `*` among the alleles, -1 if it is not one of them

    The first is of anything but REF and `*`, or where there is one ALT only, nothing (see `absence`).
    Source: gatk-model.md, section 4 (lp0 and lpa).
    """
    alleles = len(frequencies)
    words = np.zeros((alleles, 2), np.int64)
    copies, ways = table
    logs, highest, ratios, weights = _priors(copies, ways, frequencies)
    masks = _masks(copies, star)
    for k in range(len(ploidies)):
        if k > 0 and ploidies[k] != ploidies[k - 1]:
            copies, ways = genotype_counts(alleles, ploidies[k])
            logs, highest, ratios, weights = _priors(copies, ways, frequencies)
            masks = _masks(copies, star)
        best, total = highest, _weigh(ratios, likelihoods, at[k], weights)
        if total < VANISHING:
            best, total = _weigh_logs(logs, likelihoods, at[k], weights)
        whole = math.log(total)
        for row in range(1 if alleles == 2 else 0, alleles):
            left = 0.0
            for g in range(len(weights)):
                left += weights[g] * masks[row, g]
            if left > VANISHING:
                lost = whole - math.log(left)
            else:
                lost = whole + best - _log_sum(logs, likelihoods, at[k], masks[row])
            add_words(max(0.0, lost), counts[k], words, row)
    return words


@compiled
def absence(words, star):
    """log10 probabilities of absence in all samples: (any ALT but `*`, each allele (alleles,)) float64.

    words  of all samples, as from `sum_absence`; star: place of `*` among the alleles, -1 if it is not one

    The entry of REF is 0. One ALT has one probability, unless it is `*`.
    """
    absent = sums_of(words[:, 0], words[:, 1]) / -LN10
    variant = absent[0]
    absent[0] = 0.0
    if len(words) == 2:
        variant = 0.0 if star >= 0 else absent[1]
    return variant, absent


@kernel()
def absences(words, at, chosen, stars):
    """`absence` of several sites: (variant (sites,), absent (alleles,)) float64.

    at (sites + 1,) int64: slices of words, and of chosen, int64: merged numbers of the alleles; stars (sites,) int64
    """
    variant, absent = np.zeros(len(stars)), np.zeros(len(chosen))
    for n in range(len(stars)):
        part = slice(at[n], at[n + 1])
        variant[n], absent[part] = absence(words[part], _place_of(stars[n], chosen[part]))
    return variant, absent


@compiled
def _known(totals, offsets, values, first, last, alleles):
    """The bits of a site; totals (3,) int64 and its keys from `first` up to `last`."""
    beyond = alleles > GATK_ALLELES
    for k in range(first, last):
        beyond |= count_genotypes(alleles + 1, np.int64(abs(values[offsets[k]]))) > GATK_GENOTYPES
    known = DEPTH * (totals[0] > 0) + LIKELIHOODS * (totals[1] > 0)
    return known + BARE_CARRIER * (totals[2] > 0) + BEYOND * beyond


@compiled
def _site_of(site_offsets, offsets, values, counts, allele_offsets, most, site, chosen):
    """The arguments of `sum_copies` from a site's keys: (ploidies, at, likelihoods, counts, table).

    chosen  (alleles in the EM,) int64; where these are not all, frail samples do not count (likelihood_keys)
    """
    alleles, first, last = allele_offsets[site + 1] - allele_offsets[site], site_offsets[site], site_offsets[site + 1]
    samples = counts[first:last]
    if alleles > most + 1:
        samples = without_frail(offsets, values, counts, first, last)
    ploidies, at, likelihoods = expand_keys(offsets, values, first, last, alleles, chosen)
    ploidy = ploidies[0] if len(ploidies) else np.int64(0)
    return ploidies, at, likelihoods, samples, genotype_counts(len(chosen), ploidy)


@compiled
def _place_of(star, chosen):
    """Place of `*`, given as its merged number, among the chosen alleles, -1 if it is not one of them."""
    for j in range(len(chosen)):
        if chosen[j] == star:
            return np.int64(j)
    return np.int64(-1)


@kernel("int64[::1], int64[::1], int32[::1], int64[::1], int64[:,::1], int64[::1], float64[::1], int64[::1], int64")
def estimate_sites(site_offsets, offsets, values, counts, totals, allele_offsets, pseudocounts, stars, most):
    """The estimates of each site.

    site_offsets, offsets, values, counts, totals   as from likelihood_keys.summarise_sites
    allele_offsets  (sites + 1,) int64; the sites' slices of pseudocounts, float64; REF first
    stars           (sites,) int64; merged number of `*`, -1 if none
    most            ALTs that go into the EM

    Returns (known (sites,) int8: bits; variant (sites,) float64, absent float64: log10 probabilities as `absence`;
    copies float64, expected); one per allele in the order of pseudocounts, NaN for alleles left out of the EM.
    """
    sites = len(stars)
    known, variant = np.zeros(sites, np.int8), np.zeros(sites)
    absent, copies = np.full(allele_offsets[sites], np.nan), np.full(allele_offsets[sites], np.nan)
    for site in range(sites):
        begin, alleles = allele_offsets[site], allele_offsets[site + 1] - allele_offsets[site]
        first, last = site_offsets[site], site_offsets[site + 1]
        known[site] = _known(totals[site], offsets, values, first, last, alleles)
        if known[site] & ~BEYOND != GENOTYPED:
            continue
        chosen = np.arange(alleles)
        if alleles > most + 1:
            gains = likelihood_gains(offsets, values, counts, first, last, alleles)
            chosen = best_alleles(sums_of(gains[:, 0], gains[:, 1]), most)
        star, prior = _place_of(stars[site], chosen), pseudocounts[begin:][chosen]
        ploidies, at, likelihoods, samples, table = _site_of(
            site_offsets, offsets, values, counts, allele_offsets, most, site, chosen
        )
        expected = estimate_counts(ploidies, at, likelihoods, samples, table, prior)
        shares = frequencies_of(expected, prior)
        words = sum_absence(ploidies, at, likelihoods, samples, table, shares, star)
        variant[site], gone = absence(words, star)
        for j in range(len(chosen)):
            absent[begin + chosen[j]], copies[begin + chosen[j]] = gone[j], expected[j] / UNIT
    return known, variant, absent, copies


@kernel()
def start_sites(site_offsets, offsets, values, counts, totals, allele_offsets, most):
    """A source's sums for the first round of the federated EM; arguments as in `estimate_sites`.

    Returns (known (sites,) int8: bits; chromosomes (sites,) int64; copies int64, expected at even frequencies, in
    units, 0 where ALTs are too many; gains (alleles, 2) int64, in words, 0 elsewhere): one per allele of all sites.
    """
    sites = len(totals)
    known, chromosomes = np.zeros(sites, np.int8), np.zeros(sites, np.int64)
    copies, gains = np.zeros(allele_offsets[sites], np.int64), np.zeros((allele_offsets[sites], 2), np.int64)
    for site in range(sites):
        begin, end = allele_offsets[site], allele_offsets[site + 1]
        first, last, alleles = site_offsets[site], site_offsets[site + 1], end - begin
        known[site] = _known(totals[site], offsets, values, first, last, alleles)
        if known[site] & BARE_CARRIER:
            continue  # the site cannot be genotyped
        chosen = np.arange(alleles if alleles <= most + 1 else 1)
        ploidies, at, likelihoods, samples, table = _site_of(
            site_offsets, offsets, values, counts, allele_offsets, most, site, chosen
        )
        chromosomes[site] = count_chromosomes(ploidies, samples)
        if alleles > most + 1:
            gains[begin:end] = likelihood_gains(offsets, values, counts, first, last, alleles)
        else:
            even = np.full(alleles, 1.0 / alleles)
            copies[begin:end] = sum_copies(ploidies, at, likelihoods, samples, table, even)
    return known, chromosomes, copies, gains


@kernel()
def answer_sites(
    site_offsets, offsets, values, counts, allele_offsets, pseudocounts, stars, most,
    site, last, chosen_offsets, chosen, current, even,
):  # fmt: skip
    """A source's sums for the questions of one round of the federated EM; first arguments as in `estimate_sites`.

    site   (questions,) int64; last (questions,) bool: for absence, not copies; even (questions,) bool: there are no
           copies yet, and frequencies are even
    chosen_offsets  (questions + 1,) int64; slices of chosen, int64: the alleles in the EM, REF first, and of current,
                    int64: their expected copies, in units

    Returns (copies int64, as `sum_copies`; words (n, 2) int64, as `sum_absence`), one per chosen allele; 0 where the
    question is for the other.
    """
    copies, words = np.zeros(len(chosen), np.int64), np.zeros((len(chosen), 2), np.int64)
    for n in range(len(site)):
        begin, end = chosen_offsets[n], chosen_offsets[n + 1]
        own = chosen[begin:end]
        prior = pseudocounts[allele_offsets[site[n]] :][own]
        shares = np.full(len(own), 1.0 / len(own)) if even[n] else frequencies_of(current[begin:end], prior)
        ploidies, at, likelihoods, samples, table = _site_of(
            site_offsets, offsets, values, counts, allele_offsets, most, site[n], own
        )
        if last[n]:
            star = _place_of(stars[site[n]], own)
            words[begin:end] = sum_absence(ploidies, at, likelihoods, samples, table, shares, star)
        else:
            copies[begin:end] = sum_copies(ploidies, at, likelihoods, samples, table, shares)
    return copies, words

"""Allele frequencies of a site by EM, and the probabilities that an allele, or any, is absent."""

import math

import numpy as np

from genocloud.kernels.fixed_point import UNIT, add_words, in_units, sums_of
from genocloud.kernels.genotype_order import advance, count_genotypes
from genocloud.kernels.kernel import compiled, uncounted

STOP = 0.1
"""The EM ends when no allele's expected count moved by more than this (AlleleFrequencyCalculator)."""
LN10 = math.log(10.0)
PHRED = -LN10 / 10.0
_RATIOS = np.array([10.0 ** (phred / -10.0) for phred in range(3000)] + [0.0])
"""Likelihoods by their phred-scaled values; smaller ones do not change a sum above VANISHING."""
VANISHING = 1e-200
CHUNK = 512
"""Diploid keys that are computed together; their arrays stay in a processor's first cache."""


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
def count_chromosomes(ploidies, counts):
    """Alleles of all samples: int64."""
    return (ploidies * counts).sum()


@uncounted
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
def with_ratios(likelihoods):
    """Likelihoods (int32, phred, each key's best 0) and their ratios to the best, float64, for `sum_copies`."""
    ratios = np.empty(len(likelihoods))
    for g in range(len(likelihoods)):
        ratios[g] = _RATIOS[min(likelihoods[g], len(_RATIOS) - 1)]
    return likelihoods, ratios


@uncounted
def _weigh(prior_ratios, ratios, at, weights):
    """Fill weights, (genotypes,) float64, with a sample's posteriors up to a factor; return their sum.

    prior_ratios as from `_priors`; the sample's ratios begin at `at`. The sum vanishes if the factor is too small.
    """
    total = 0.0
    for g in range(len(prior_ratios)):
        weights[g] = prior_ratios[g] * ratios[at + g]
        total += weights[g]
    return total


@uncounted
def _weigh_logs(logs, likelihoods, at, weights):
    """The same with a larger factor, from logs as `_priors` gives them: (its -ln, the sum)."""
    highest, total = -math.inf, 0.0
    for g in range(len(logs)):
        highest = max(highest, logs[g] + likelihoods[at + g] * PHRED)
    for g in range(len(logs)):
        weights[g] = math.exp(logs[g] + likelihoods[at + g] * PHRED - highest)
        total += weights[g]
    return highest, total


@uncounted
def _same_ploidy(ploidies, first):
    """Where the keys end that have the ploidy of the key `first`, from there on."""
    last = first
    while last < len(ploidies) and ploidies[last] == ploidies[first]:
        last += 1
    return last


@uncounted
def _weigh_diploids(begin, size, at, ratios, prior_ratios, weights, totals):
    """Fill weights, (genotypes, keys), and totals, (keys,), for `size` diploid keys at `begin`, at a site with one ALT.

    Operations are those of `_weigh`, in its order, on arrays, of which a processor computes several at a time.
    """
    for k in range(size):
        place = at[begin + k]
        weights[0, k], weights[1, k], weights[2, k] = ratios[place], ratios[place + 1], ratios[place + 2]
    for k in range(size):
        weights[0, k] *= prior_ratios[0]
        weights[1, k] *= prior_ratios[1]
        weights[2, k] *= prior_ratios[2]
        totals[k] = weights[0, k] + weights[1, k] + weights[2, k]


@compiled
def _add_diploid_copies(first, last, at, likelihoods, counts, priors, out):
    """`_add_copies` of diploids at a site with one ALT."""
    logs, _, prior_ratios, scratch = priors
    phred, ratios = likelihoods
    weights, totals, units = np.empty((3, CHUNK)), np.empty(CHUNK), np.empty(CHUNK)
    for begin in range(first, last, CHUNK):
        size = min(CHUNK, last - begin)
        _weigh_diploids(begin, size, at, ratios, prior_ratios, weights, totals)
        for k in range(size):
            units[k] = (weights[1, k] + weights[2, k] * 2.0) / max(totals[k], VANISHING) * UNIT + 0.5
        for k in range(size):
            if totals[k] < VANISHING:
                _, total = _weigh_logs(logs, phred, at[begin + k], scratch)
                units[k] = (scratch[1] + scratch[2] * 2.0) / total * UNIT + 0.5
            out[1] += counts[begin + k] * np.int64(units[k])


@uncounted
def _add_copies(first, last, at, likelihoods, counts, copies, priors, out):
    """Add the expected copies of keys of one ploidy, from `first` up to `last`; priors as from `_priors`."""
    logs, _, prior_ratios, weights = priors
    phred, ratios = likelihoods
    if len(out) == 2 and len(weights) == 3:
        _add_diploid_copies(first, last, at, likelihoods, counts, priors, out)
        return
    for k in range(first, last):
        total = _weigh(prior_ratios, ratios, at[k], weights)
        if total < VANISHING:
            _, total = _weigh_logs(logs, phred, at[k], weights)
        for a in range(1, len(out)):
            expected = 0.0
            for g in range(len(weights)):
                expected += weights[g] * copies[g, a]
            out[a] += counts[k] * in_units(expected / total)


@compiled
def sum_copies(ploidies, at, likelihoods, counts, table, frequencies):
    """Expected copies of each allele at these frequencies, in units: (alleles,) int64, REF's entry 0.

    ploidies  (keys,) int64; keys of a ploidy together; at (keys,) int64: where the likelihoods of each begin
    likelihoods   as from `with_ratios`
    counts    (keys,) int64; samples of each key
    table     `genotype_counts` of the first key's ploidy

    Each sample's are rounded before they are added, so that the sum does not depend on the grouping.
    """
    out, first = np.zeros(len(frequencies), np.int64), 0
    copies, ways = table
    while first < len(ploidies):
        last = _same_ploidy(ploidies, first)
        if first > 0:
            copies, ways = genotype_counts(len(frequencies), ploidies[first])
        priors = _priors(copies, ways, frequencies)
        _add_copies(first, last, at, likelihoods, counts, copies, priors, out)
        first = last
    return out


@uncounted
def still_moves(copies, before):
    """Whether some allele's expected copies, in units, moved by more than STOP."""
    farthest = np.int64(0)
    for a in range(len(copies)):
        farthest = max(farthest, abs(copies[a] - before[a]))
    return farthest / UNIT > STOP


@compiled
def estimate_counts(ploidies, at, likelihoods, counts, table, pseudocounts, even):
    """Expected copies of each allele, in units, from which the final frequencies come: (alleles,) int64.

    The first arguments as in `sum_copies`, whose result at even frequencies is `even`; pseudocounts (alleles,) float64:
    Dirichlet prior

    Source: gatk-model.md, section 4 (AlleleFrequencyCalculator.calculate).
    """
    chromosomes, copies = count_chromosomes(ploidies, counts), even.copy()
    add_ref(copies, chromosomes)
    moves = still_moves(copies, np.zeros(len(copies), np.int64))
    while moves:
        frequencies = frequencies_of(copies, pseudocounts)
        before, copies = copies, sum_copies(ploidies, at, likelihoods, counts, table, frequencies)
        add_ref(copies, chromosomes)
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


@uncounted
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
def _add_diploid_absence(first, last, at, likelihoods, counts, priors, words):
    """`_add_absence` of diploids at a site with one ALT."""
    logs, highest, prior_ratios, scratch = priors
    phred, ratios = likelihoods
    weights, totals, hom_ref, log_of_hom_ref = np.empty((3, CHUNK)), np.empty(CHUNK), 1.0, 0.0
    for begin in range(first, last, CHUNK):
        size = min(CHUNK, last - begin)
        _weigh_diploids(begin, size, at, ratios, prior_ratios, weights, totals)
        for k in range(size):
            best, total, left = highest, totals[k], weights[0, k]
            if total < VANISHING:
                best, total = _weigh_logs(logs, phred, at[begin + k], scratch)
                left = scratch[0]
            if left <= VANISHING:
                lost = math.log(total) + best - (logs[0] + phred[at[begin + k]] * PHRED)
            else:
                if left != hom_ref:  # that of most keys, whose best genotype it is
                    hom_ref, log_of_hom_ref = left, math.log(left)
                lost = math.log(total) - log_of_hom_ref
            add_words(max(0.0, lost), counts[begin + k], words, 1)


@uncounted
def _add_absence(first, last, at, likelihoods, counts, masks, priors, words):
    """Add -ln of absence for keys of one ploidy, from `first` up to `last`; priors as from `_priors`."""
    logs, highest, prior_ratios, weights = priors
    phred, ratios = likelihoods
    if masks.shape == (2, 3):
        _add_diploid_absence(first, last, at, likelihoods, counts, priors, words)
        return
    for k in range(first, last):
        best, total = highest, _weigh(prior_ratios, ratios, at[k], weights)
        if total < VANISHING:
            best, total = _weigh_logs(logs, phred, at[k], weights)
        whole = math.log(total)
        for row in range(1 if len(masks) == 2 else 0, len(masks)):
            left = 0.0
            for g in range(len(weights)):
                left += weights[g] * masks[row, g]
            if left > VANISHING:
                lost = whole - math.log(left)
            else:
                lost = whole + best - _log_sum(logs, phred, at[k], masks[row])
            add_words(max(0.0, lost), counts[k], words, row)


@compiled
def sum_absence(ploidies, at, likelihoods, counts, table, frequencies, star):
    """-ln of the probability that no sample carries an allele: (alleles, 2) int64, sums in words.

    The first arguments as in `sum_copies`; star: place of `*` among the alleles, -1 if it is not one of them

    The first is of anything but REF and `*`, or where there is one ALT only, nothing (see `absence`).
    Source: gatk-model.md, section 4 (lp0 and lpa).
    """
    words, first = np.zeros((len(frequencies), 2), np.int64), 0
    copies, ways = table
    while first < len(ploidies):
        last = _same_ploidy(ploidies, first)
        if first > 0:
            copies, ways = genotype_counts(len(frequencies), ploidies[first])
        priors = _priors(copies, ways, frequencies)
        _add_absence(first, last, at, likelihoods, counts, _masks(copies, star), priors, words)
        first = last
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

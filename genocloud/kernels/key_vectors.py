"""Likelihood keys of a site as vectors over chosen alleles, and the choice of alleles where there are too many."""

import numpy as np

from genocloud.kernels.fixed_point import add_words
from genocloud.kernels.genotype_order import advance, count_genotypes, write_genotype
from genocloud.kernels.kernel import compiled, kernel, uncounted
from genocloud.kernels.likelihood_keys import REF_OR_OTHER
from genocloud.kernels.merged_likelihoods import project, tell_apart


@uncounted
def _own_of_key(values, begin, alleles, own):
    """Fill own[:alleles] from the key that begins at `begin`; return where its PL begins."""
    plain = values[begin + 1] == REF_OR_OTHER
    own[0] = 0
    for k in range(1, alleles):
        own[k] = 1 if plain else values[begin + 1 + k]
    return begin + 2 if plain else begin + 1 + alleles


@uncounted
def _smallest(pl, count):
    """Place of the smallest of pl[:count], the first on ties."""
    best = 0
    for g in range(1, count):
        if pl[g] < pl[best]:
            best = g
    return best


@compiled
def likelihood_gains(offsets, values, counts, alleles):
    """By how much the likelihoods of each allele's carriers exceed hom-ref's, log10: (alleles, 2) int64, sums in words.

    offsets, values, counts   the keys of a site

    A sample adds |GL[hom-ref] - GL[best]| to every ALT of its best genotype (the first on ties). GATK adds doubles, one
    sample after the other: of sums that are equal on paper, rounding makes one the larger. The sums here are exact and
    rounded once, which of one and two carriers is the same. (Of more, GATK's sum depends on the order of their names.)
    Source: gatk-model.md, section 3 (AlleleSubsettingUtils.calculateLikelihoodSums).
    """
    gains = np.zeros((alleles, 2), np.int64)
    own = np.empty(alleles, np.int32)
    for k in range(len(counts)):
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


@uncounted
def _has(genotype, allele):
    """Whether a genotype has an allele."""
    for each in genotype:
        if each == allele:
            return True
    return False


@compiled
def carrier_qualities(offsets, values, counts, alleles):
    """By how much the surest carrier's likelihoods speak for each ALT, and its copies: two (alleles,) int64.

    offsets, values, counts   the keys of a site

    The quality (AQ) is a maximum over samples: phred, of the likeliest genotype with the allele over the likeliest
    without, 0 or more. Copies are those of the samples' likeliest genotypes, where one is.
    Source: GLnexus 1.4.5, discovery.cc and diploid.cc.
    """
    quality, copies = np.zeros(alleles, np.int64), np.zeros(alleles, np.int64)
    own = np.empty(alleles, np.int32)
    for k in range(len(counts)):
        ploidy = np.int64(abs(values[offsets[k]]))
        at = _own_of_key(values, offsets[k], alleles, own)
        firsts, numbers = tell_apart(own, alleles)
        pl = np.empty(count_genotypes(len(numbers), ploidy), np.int32)
        genotypes = project(values, at, numbers, len(numbers), ploidy, pl, np.int64(0))
        best = _smallest(pl, genotypes)
        without, genotype = np.full(len(numbers), np.iinfo(np.int32).max, np.int64), np.zeros(ploidy, np.int64)
        alone = True
        for g in range(genotypes):
            alone &= g == best or pl[g] > pl[best]
        for g in range(genotypes):
            for j in range(1, len(numbers)):
                if not _has(genotype, j):
                    without[j] = min(without[j], np.int64(pl[g]))
            if alone and g == best:
                for i in range(ploidy):
                    copies[firsts[genotype[i]]] += counts[k]
            advance(genotype, ploidy)
        for j in range(1, len(numbers)):  # the best genotype has the allele if those without it are less likely
            quality[firsts[j]] = max(quality[firsts[j]], without[j] - np.int64(pl[best]))
    return quality, copies


@compiled
def without_frail(offsets, values, counts):
    """The samples of each key of a site, 0 for frail ones (likelihood_keys.REF_OR_OTHER)."""
    out = np.empty(len(counts), np.int64)
    for k in range(len(counts)):
        out[k] = counts[k] if values[offsets[k]] > 0 else 0
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
def expand_keys(offsets, values, alleles, chosen):
    """Likelihoods of the chosen alleles' genotypes, key after key: (ploidies, at, likelihoods).

    offsets, values   the keys of a site
    chosen      (chosen alleles,) int64; merged allele numbers, REF first
    ploidies    (keys,) int64; at (keys + 1,) int64; the keys' slices of likelihoods, int32, phred; each key's best is 0
    """
    keys = len(offsets) - 1
    ploidies, at = np.empty(keys, np.int64), np.zeros(keys + 1, np.int64)
    for k in range(keys):
        ploidies[k] = abs(values[offsets[k]])
        at[k + 1] = at[k] + count_genotypes(len(chosen), ploidies[k])
    out = np.empty(at[keys], np.int32)
    own, kept = np.empty(alleles, np.int32), np.empty(len(chosen), np.int32)
    for k in range(keys):
        begin = _own_of_key(values, offsets[k], alleles, own)
        for j in range(len(chosen)):
            kept[j] = own[chosen[j]]
        genotypes = project(values, begin, kept, len(chosen), ploidies[k], out, at[k])
        best = out[at[k] + _smallest(out[at[k] :], genotypes)]
        for g in range(genotypes):
            out[at[k] + g] -= best
    return ploidies, at, out

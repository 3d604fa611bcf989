"""One sample at one site: its likelihoods over the merged alleles, and the state of its genotype."""

import numpy as np

from genocloud.kernels.genotype_order import advance, count_genotypes, genotype_index
from genocloud.kernels.kernel import compiled, kernel, uncounted

MISSING = np.int32(-(2**31))
HOM_REF, NO_CALL, OTHER = 0, 1, 2

COLUMNS = (
    "start", "ploidy", "state", "phased", "dp", "gq", "min_dp", "info_dp", "alleles", "other", "star", "pl", "own",
)  # fmt: skip
"""Fields of `facts` (rows,) FACTS, the kernels' view of each row; variants first, then blocks.

start    first base, 0-based
ploidy   number of alleles in GT, 0 if it is absent; phased
state    HOM_REF, NO_CALL or OTHER, by GT
dp, gq, min_dp, info_dp   MISSING where absent
alleles  own alleles with REF
other    own number of NON_REF, 0 if none
star     own allele that becomes `*` where the row began earlier, 0 if none
pl       where its PL begins in the batch's `pl`; -1 if absent, of a wrong length, or incomplete
own      variants: where its numbers of the merged alleles begin in `own`, if a site starts where it does; else -1.
         BLOCK for blocks
"""
START, PLOIDY, STATE, PHASED, DP, GQ, MIN_DP, INFO_DP, ALLELES, ANY_OTHER, SPANNING, PL, OWN = COLUMNS
FACTS = np.dtype([(name, np.int32) for name in COLUMNS])
BLOCK = -2


@kernel("int64[::1], int32[::1], int64[::1], int64[::1]")
def complete_vectors(offsets, values, alleles, ploidies):
    """Where each usable PL vector begins, -1 for the others: (rows,) int32.

    offsets  (rows + 1,) int64; slices of values, int32 phred
    alleles  (rows,) int64; own alleles with REF; ploidies (rows,) int64

    Usable: of the length that its alleles and ploidy require, and no entry missing.
    """
    out = np.full(len(ploidies), -1, np.int32)
    for row in range(len(out)):
        genotypes = count_genotypes(alleles[row], ploidies[row])
        if ploidies[row] == 0 or offsets[row + 1] - offsets[row] != genotypes:
            continue
        out[row] = offsets[row]
        for k in range(offsets[row], offsets[row + 1]):
            if values[k] == MISSING:
                out[row] = -1
    return out


@kernel("int64[::1], int8[::1]")
def genotype_states(offsets, values):
    """HOM_REF, NO_CALL (an absent GT too) or OTHER (a mixed call such as 0/. too): (rows,) int32.

    offsets  (rows + 1,) int64; slices of values, int8: allele numbers, -1 for `.`
    """
    out = np.empty(len(offsets) - 1, np.int32)
    for row in range(len(out)):
        refs, unknown, ploidy = 0, 0, offsets[row + 1] - offsets[row]
        for k in range(offsets[row], offsets[row + 1]):
            refs += values[k] == 0
            unknown += values[k] < 0
        out[row] = NO_CALL if unknown == ploidy else HOM_REF if refs == ploidy else OTHER
    return out


@uncounted
def own_alleles(fact, own_numbers, position, alleles, star, own):
    """Fill own[: alleles + 1] with a row's own number of each merged allele, then of NON_REF; -1 where it has none.

    fact         the row's FACTS; own_numbers int32: `own` of the batch
    position     the site's start; alleles  merged alleles with REF, without NON_REF
    star         merged number of `*`, -1 if none

    Source: gatk-model.md, section 2: an allele that the sample lacks takes its NON_REF.
    """
    other = fact[ANY_OTHER] if fact[ANY_OTHER] > 0 else -1
    own[0] = 0
    for k in range(1, alleles + 1):
        own[k] = other
    if fact[OWN] == BLOCK:
        return
    if fact[START] != position:
        if star > 0 and fact[SPANNING] > 0:
            own[star] = fact[SPANNING]
        return
    for k in range(1, alleles):
        if own_numbers[fact[OWN] + k] >= 0:
            own[k] = own_numbers[fact[OWN] + k]


@uncounted
def has_vector(fact, alleles, own):
    """Whether a row's PL covers the site's merged alleles, however many these are.

    Unlike GenomicsDB it need not cover NON_REF itself, which is dropped at once: callers without it can be genotyped.
    """
    if fact[PL] < 0:
        return False
    for k in range(alleles):
        if own[k] < 0:
            return False
    return True


@uncounted
def _genotype_of_own(own, genotype, ploidy, translated):
    """The place, in the sample's own vector, of a genotype of other allele numbers."""
    for k in range(ploidy):
        allele, at = own[genotype[k]], k
        while at > 0 and translated[at - 1] > allele:
            translated[at] = translated[at - 1]
            at -= 1
        translated[at] = allele
    return genotype_index(translated, ploidy)


@compiled
def _project_any(pl, at, own, alleles, ploidy, out, to):
    """As `project`, of any ploidy."""
    count = count_genotypes(alleles, ploidy)
    genotype, translated = np.zeros(ploidy, np.int64), np.zeros(ploidy, np.int64)
    for g in range(count):
        out[to + g] = pl[at + _genotype_of_own(own, genotype, ploidy, translated)]
        advance(genotype, ploidy)
    return count


@uncounted
def project(pl, at, own, alleles, ploidy, out, to):
    """Likelihoods of the genotypes of some alleles, taken from the sample's own vector.

    pl    int32, phred; the sample's vector begins at `at`, in VCF order
    own   (>= alleles,) int32; the sample's own number of each of the alleles
    out   int32, phred; from `to` on genotypes of `alleles` alleles in VCF order, not shifted

    Returns the number of genotypes. Source: gatk-model.md, section 2: PL'[i,j] = PL[own i, own j].
    """
    if ploidy == 2:
        count = 0
        for b in range(alleles):
            for a in range(b + 1):
                low, high = np.int64(min(own[a], own[b])), np.int64(max(own[a], own[b]))
                out[to + count] = pl[at + high * (high + 1) // 2 + low]
                count += 1
        return count
    return _project_any(pl, at, own, alleles, ploidy, out, to)


@compiled
def tell_apart(own, alleles):
    """The distinct own numbers of some alleles: (the first allele of each, the numbers), int32.

    own  (>= alleles,) int32; the sample's own number of each allele

    Genotypes of the first alleles have all the likelihoods of the genotypes of all, in the order of the first genotype
    with each: so sites of any number of alleles are judged by the samples' own vectors.
    """
    firsts, numbers, distinct = np.empty(alleles, np.int32), np.empty(alleles, np.int32), 0
    for k in range(alleles):
        known = False
        for j in range(distinct):
            known |= numbers[j] == own[k]
        if not known:
            firsts[distinct], numbers[distinct] = k, own[k]
            distinct += 1
    return firsts[:distinct], numbers[:distinct]


@compiled
def is_flat(pl, at, own, alleles, ploidy):
    """Whether every likelihood over some alleles is 0; arguments as in `project`."""
    if pl[at] != 0:
        return False
    _, numbers = tell_apart(own, alleles)
    out = np.empty(count_genotypes(len(numbers), ploidy), np.int32)
    for g in range(project(pl, at, numbers, len(numbers), ploidy, out, np.int64(0))):
        if out[g] != 0:
            return False
    return True


@uncounted
def tidied(fact, pl, own, alleles, vector):
    """A row's genotype after GATK's merging of records: (state, phase kept, emptied).

    fact, own as in `own_alleles`; pl int32, the batch's likelihoods; vector: the result of `has_vector`
    state     HOM_REF, NO_CALL or OTHER
    emptied   every field is removed: no depth, no quality

    Source: gatk-model.md, section 2 (broad_combined_gvcf.cc; ReferenceConfidenceVariantContextMerger).
    """
    state, gq, phase_kept = np.int64(fact[STATE]), fact[GQ], True
    if gq > 0:
        return state, phase_kept, False
    if gq == 0 and vector and pl[fact[PL]] == 0:
        state, phase_kept = NO_CALL, False
    judged = alleles + 1 if own[alleles] >= 0 else alleles  # flatness is judged before NON_REF is dropped
    if not vector or is_flat(pl, np.int64(fact[PL]), own, judged, np.int64(fact[PLOIDY])):
        return NO_CALL, phase_kept, False
    if gq == 0 and state != OTHER:
        return NO_CALL, phase_kept, fact[DP] == 0
    return state, phase_kept, False


@uncounted
def depth_of(fact):
    """A row's part of INFO/DP: its INFO/DP, else MIN_DP, else DP; 0 if it has none."""
    return np.int64(fact[INFO_DP]) if fact[INFO_DP] != MISSING else sample_depth_of(fact)


@uncounted
def sample_depth_of(fact):
    """The depth of a row's sample: its MIN_DP, else DP; 0 if it has none."""
    if fact[MIN_DP] != MISSING:
        return np.int64(fact[MIN_DP])
    return np.int64(fact[DP]) if fact[DP] != MISSING else 0

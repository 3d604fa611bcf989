"""One sample at one site: its likelihoods over the merged alleles, and what its genotype says about itself."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from numba import njit

from genocloud.kernels.genotype_order import advance, count_genotypes, genotype_index

MISSING = np.int32(-(2**31))
HOM_REF, NO_CALL, OTHER = 0, 1, 2
MAX_ALTS, MAX_GENOTYPES, MAX_ALLELES = 50, 1024, 50
"""GATK's limits: ALTs with NON_REF, and genotypes with NON_REF, in a PL vector; alleles without NON_REF at a site.

Source: gatk-model.md, section 2 (--genomicsdb-max-alternate-alleles; GenotypeGVCFsEngine).
"""


class Rows(NamedTuple):
    """A batch's rows as arrays: variants first, then blocks.

    starts    (rows,) int32
    ploidies  (rows,) int8
    states    (rows,) int8; HOM_REF, NO_CALL or OTHER, by GT
    phased    (rows,) bool
    dp, gq, min_dp, info_dp   (rows,) int32, MISSING where absent (info_dp of blocks: absent)
    pl_at     (rows,) int64; where the row's PL begins in `pl`; -1 if absent, of a wrong length, or incomplete
    pl        int32, phred
    any_other (rows,) int32; own number of NON_REF, 0 if none; 1 for blocks
    spanning  (variants,) int32; own allele that becomes `*` where the row began earlier, 0 if none
    own_at    (variants,) int64; slice of `own` for the site where the row starts, -1 if there is none
    own       int32; own number of each merged allele, -1 if absent
    """

    starts: npt.NDArray[np.int32]
    ploidies: npt.NDArray[np.int8]
    states: npt.NDArray[np.int8]
    phased: npt.NDArray[np.bool_]
    dp: npt.NDArray[np.int32]
    gq: npt.NDArray[np.int32]
    min_dp: npt.NDArray[np.int32]
    info_dp: npt.NDArray[np.int32]
    pl_at: npt.NDArray[np.int64]
    pl: npt.NDArray[np.int32]
    any_other: npt.NDArray[np.int32]
    spanning: npt.NDArray[np.int32]
    own_at: npt.NDArray[np.int64]
    own: npt.NDArray[np.int32]


@njit(cache=True, nogil=True)
def complete_vectors(offsets, values, alleles, ploidies):
    """Where each usable PL vector begins, -1 for the others: (rows,) int64.

    offsets  (rows + 1,) int64; slices of values, int32 phred
    alleles  (rows,) int64; own alleles with REF; ploidies (rows,) int8

    Usable: of the length that its alleles and ploidy ask for, and no entry missing.
    """
    out = np.full(len(ploidies), -1, np.int64)
    for row in range(len(out)):
        if offsets[row + 1] - offsets[row] != count_genotypes(alleles[row], ploidies[row]):
            continue
        out[row] = offsets[row]
        for k in range(offsets[row], offsets[row + 1]):
            if values[k] == MISSING:
                out[row] = -1
    return out


@njit(cache=True, nogil=True)
def genotype_states(offsets, values):
    """HOM_REF, NO_CALL or OTHER (a mixed call such as 0/. too): (rows,) int8.

    offsets  (rows + 1,) int64; slices of values, int8: allele numbers, -1 for `.`
    """
    out = np.empty(len(offsets) - 1, np.int8)
    for row in range(len(out)):
        refs, unknown, ploidy = 0, 0, offsets[row + 1] - offsets[row]
        for k in range(offsets[row], offsets[row + 1]):
            refs += values[k] == 0
            unknown += values[k] < 0
        out[row] = HOM_REF if refs == ploidy else NO_CALL if unknown == ploidy else OTHER
    return out


@njit(cache=True, nogil=True)
def own_alleles(rows, row, position, alleles, star, own):
    """Fill own[:alleles] with the row's own number of each merged allele; -1 where it has no likelihood for it.

    position  the site's start; alleles  merged alleles with REF, without NON_REF
    star      merged number of `*`, -1 if none

    Source: gatk-model.md, section 2: an allele that the sample lacks takes its NON_REF.
    """
    other = rows.any_other[row] if rows.any_other[row] > 0 else -1
    own[:alleles] = other
    own[0] = 0
    if row >= len(rows.spanning):
        return
    if rows.starts[row] != position:
        if star > 0 and rows.spanning[row] > 0:
            own[star] = rows.spanning[row]
        return
    at = rows.own_at[row]
    for k in range(1, alleles):
        if rows.own[at + k] >= 0:
            own[k] = rows.own[at + k]


@njit(cache=True, nogil=True)
def has_vector(rows, row, alleles, own):
    """Whether the row's PL covers the site's merged alleles, within GATK's limits.

    Unlike GenomicsDB it need not cover NON_REF itself, which is dropped at once: callers without it can be genotyped.
    """
    if rows.pl_at[row] < 0 or alleles > MAX_ALTS:
        return False
    if count_genotypes(alleles + 1, rows.ploidies[row]) > MAX_GENOTYPES:
        return False
    for k in range(alleles):
        if own[k] < 0:
            return False
    return True


@njit(cache=True, nogil=True)
def project(pl, at, own, alleles, ploidy, out):
    """Likelihoods of the genotypes of some alleles, taken from the sample's own vector.

    pl    int32, phred; the sample's vector begins at `at`, in VCF order
    own   (>= alleles,) int32; the sample's own number of each allele asked for
    out   (>= genotypes,) int32, phred; genotypes of `alleles` alleles in VCF order, not shifted

    Returns the number of genotypes. Source: gatk-model.md, section 2: PL'[i,j] = PL[own i, own j].
    """
    if ploidy == 1:
        for k in range(alleles):
            out[k] = pl[at + own[k]]
        return alleles
    if ploidy == 2:
        count = 0
        for b in range(alleles):
            for a in range(b + 1):
                low, high = min(own[a], own[b]), max(own[a], own[b])
                out[count] = pl[at + high * (high + 1) // 2 + low]
                count += 1
        return count
    count = count_genotypes(alleles, ploidy)
    genotype = np.zeros(ploidy, np.int64)
    for g in range(count):
        out[g] = pl[at + genotype_index(np.sort(own[genotype]), ploidy)]
        advance(genotype, ploidy)
    return count


@njit(cache=True, nogil=True)
def _is_flat(rows, row, own, alleles):
    """Whether every likelihood over the merged alleles is 0."""
    if rows.pl[rows.pl_at[row]] != 0:
        return False
    out = np.empty(count_genotypes(alleles, rows.ploidies[row]), np.int32)
    count = project(rows.pl, rows.pl_at[row], own, alleles, rows.ploidies[row], out)
    return not np.any(out[:count])


@njit(cache=True, nogil=True)
def tidied(rows, row, own, alleles, vector):
    """The genotype after GATK's merging of records: (state, phase kept, emptied).

    vector   whether the row has a PL vector here (`has_vector`)
    state    HOM_REF, NO_CALL or OTHER
    emptied  every field is removed: no depth, no quality

    Source: gatk-model.md, section 2 (broad_combined_gvcf.cc; ReferenceConfidenceVariantContextMerger).
    """
    state, gq = rows.states[row], rows.gq[row]
    if gq > 0:
        return state, True, False
    phase_kept = True
    best_is_ref = vector and rows.pl[rows.pl_at[row]] == 0
    if gq == 0 and best_is_ref:
        state, phase_kept = NO_CALL, False
    called = vector and not _is_flat(rows, row, own, alleles)
    if not called:
        return NO_CALL, phase_kept, False
    if gq == 0 and state != OTHER:
        return NO_CALL, phase_kept, rows.dp[row] == 0
    return state, phase_kept, False

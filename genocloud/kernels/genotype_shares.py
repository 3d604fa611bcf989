"""Distinct genotypes' shares of hom-ref and het, as the sums of InbreedingCoeff add them."""

import numpy as np

from genocloud.kernels.fixed_point import SHARE_SUM, add_share
from genocloud.kernels.kernel import kernel
from genocloud.kernels.merged_likelihoods import MISSING
from genocloud.kernels.site_statistics import genotype_weights, weights_of_quality


@kernel()
def share_genotypes(pl_at, pl, gq, diploid, called):
    """Shares of hom-ref and het of diploid genotypes by local alleles: (genotypes, 2 x SHARE_SUM) int64.

    pl_at    (genotypes + 1,) int64; slices of pl, int32
    gq       (genotypes,) int32, MISSING where there is none; counts where there is no PL and the genotype is called
    diploid, called  (genotypes,) bool

    A PL of another length than that of a number of alleles, or with missing or negative values, has none. At sites of
    more ALTs than a genotype's own, GATK's shares are nearly always these, and not always: ALTs may tie.
    """
    out = np.zeros((len(gq), 2 * SHARE_SUM), np.int64)
    for number in range(len(gq)):
        first, last = pl_at[number], pl_at[number + 1]
        if not diploid[number]:
            continue
        if first == last:
            if called[number] and gq[number] != MISSING:
                aa, ab, _ = weights_of_quality(gq[number])
                add_share(out[number], 0, aa, 1)
                add_share(out[number], SHARE_SUM, ab, 1)
            continue
        alleles, least = np.int64(2), pl[first]
        while alleles * (alleles + 1) // 2 < last - first:
            alleles += 1
        for k in range(first, last):
            least = min(least, pl[k])
        if alleles * (alleles + 1) // 2 == last - first and least >= 0:
            aa, ab, _ = genotype_weights(pl, first, alleles)
            add_share(out[number], 0, aa, 1)
            add_share(out[number], SHARE_SUM, ab, 1)
    return out

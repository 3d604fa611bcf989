"""Genotypes by local alleles without the values of a site's other ALTs."""

import numpy as np

from genocloud.kernels.genotype_order import count_genotypes
from genocloud.kernels.kernel import kernel, uncounted
from genocloud.kernels.merged_likelihoods import project


@uncounted
def _kept(length, local, kept, ploidy):
    """How many of a list's values are kept, all where it is not as long as its alleles ask; ploidy 0: a value each.

    local, kept  numbers of alleles with REF: of the record's own, and of those kept; if these are more, the list must
                 have values of all others
    """
    own, others = local, local + 1
    wanted = kept
    if ploidy > 0:
        own, others = count_genotypes(local, ploidy), count_genotypes(local + 1, ploidy)
        wanted = count_genotypes(kept, ploidy)
    return wanted if length == others or (length == own and kept == local) else length


@kernel()
def keep_own(ploidies, laa, kept, lad, lpl):
    """LAD and LPL of REF and some ALTs: (lad_at, lad, lpl_at, lpl), offsets (rows + 1,) int64 and values int32.

    ploidies  (rows,) int64
    laa       (offsets (rows + 1,) int64, values int32) of LAA; lad, lpl the same of LAD and LPL, empty where missing
    kept      the same of the ALTs to keep: those of LAA, and others, which have the values of a site's other ALTs
    """
    rows = len(ploidies)
    lad_at, lpl_at = np.zeros(rows + 1, np.int64), np.zeros(rows + 1, np.int64)
    most = np.int64(1)
    for row in range(rows):
        local, count = 1 + laa[0][row + 1] - laa[0][row], 1 + kept[0][row + 1] - kept[0][row]
        most = max(most, count)
        lad_at[row + 1] = lad_at[row] + _kept(lad[0][row + 1] - lad[0][row], local, count, 0)
        lpl_at[row + 1] = lpl_at[row] + _kept(lpl[0][row + 1] - lpl[0][row], local, count, ploidies[row])
    depths, likelihoods, own = np.empty(lad_at[-1], np.int32), np.empty(lpl_at[-1], np.int32), np.zeros(most, np.int64)
    for row in range(rows):
        local, count, at = 1 + laa[0][row + 1] - laa[0][row], 1 + kept[0][row + 1] - kept[0][row], laa[0][row]
        for k in range(1, count):
            own[k] = local
            if at < laa[0][row + 1] and laa[1][at] == kept[1][kept[0][row] + k - 1]:
                at += 1
                own[k] = at - laa[0][row]
        length = lad_at[row + 1] - lad_at[row]
        for k in range(length):
            place = own[k] if length == count else k
            depths[lad_at[row] + k] = lad[1][lad[0][row] + place]
        length = lpl_at[row + 1] - lpl_at[row]
        if length > 0 and length == count_genotypes(count, ploidies[row]):
            project(lpl[1], lpl[0][row], own, count, ploidies[row], likelihoods, lpl_at[row])
        else:
            for k in range(length):
                likelihoods[lpl_at[row] + k] = lpl[1][lpl[0][row] + k]
    return lad_at, depths, lpl_at, likelihoods

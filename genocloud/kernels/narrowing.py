"""Dense genotypes, narrowed to the alleles that their values set apart."""

import numpy as np

from genocloud.kernels.genotype_order import advance, count_genotypes, genotype_index
from genocloud.kernels.kernel import compiled, kernel, uncounted
from genocloud.kernels.merged_likelihoods import project


@compiled
def _same_likelihoods(pl, at, alleles, ploidy, a, b):
    """Whether each genotype has the likelihood of the one with `a` in place of each `b`."""
    if ploidy == 1:
        return pl[at + a] == pl[at + b]
    if ploidy == 2:
        for x in range(alleles):
            other = a if x == b else x
            low, high = min(x, b), max(x, b)
            low_of_a, high_of_a = min(other, a), max(other, a)
            if pl[at + high * (high + 1) // 2 + low] != pl[at + high_of_a * (high_of_a + 1) // 2 + low_of_a]:
                return False
        return True
    genotype, changed = np.zeros(ploidy, np.int64), np.zeros(ploidy, np.int64)
    for g in range(count_genotypes(alleles, ploidy)):
        for k in range(ploidy):
            changed[k] = a if genotype[k] == b else genotype[k]
        changed.sort()
        if pl[at + g] != pl[at + genotype_index(changed, ploidy)]:
            return False
        advance(genotype, ploidy)
    return True


@uncounted
def _find_others(gt, first, last, alleles, ad, ad_at, pl, pl_at, ploidy, classes, sizes):
    """The first member of the largest class of ALTs that are not in GT and have the same values; 0 if there is none.

    Afterwards classes[: alleles] has the first member of each ALT's class, 0 for those in GT. `ad_at`, `pl_at`: where
    the values begin, -1 if missing. Of classes of one size the last is taken.
    """
    classes[:alleles] = -1
    sizes[:alleles] = 0
    for k in range(first, last):
        if gt[k] > 0:
            classes[gt[k]] = 0
    best = 0
    for allele in range(1, alleles):
        if classes[allele] == 0:
            continue
        classes[allele] = allele
        for other in range(1, allele):
            if classes[other] != other or (ad_at >= 0 and ad[ad_at + other] != ad[ad_at + allele]):
                continue
            if pl_at < 0 or _same_likelihoods(pl, pl_at, alleles, ploidy, other, allele):
                classes[allele] = other
                break
        sizes[classes[allele]] += 1
    for allele in range(1, alleles):
        if classes[allele] == allele and (best == 0 or sizes[allele] >= sizes[best]):
            best = allele
    return best


@kernel()
def narrow(alts, gt, ad, pl):
    """LAA, LAD and LPL of genotypes at sites of some number of ALTs; `widening.widen` is the inverse.

    alts        (rows,) int32
    gt, ad, pl  offsets (rows + 1,) int64 and values; GT as allele numbers, -1 for `.`; missing lists are empty

    Returns (offsets, values) of each. An ALT is local where GT has it or some value sets it apart from the others; all
    are where AD or PL is not as long as alleles and ploidy ask.
    """
    rows = len(alts)
    laa_at, lad_at, lpl_at = np.zeros(rows + 1, np.int64), np.zeros(rows + 1, np.int64), np.zeros(rows + 1, np.int64)
    most = np.int64(1)
    for row in range(rows):
        laa_at[row + 1] = laa_at[row] + alts[row]
        most = max(most, np.int64(alts[row]) + 1)
    laa, lad, lpl = np.empty(laa_at[-1], np.int32), np.empty(len(ad[1]), np.int32), np.empty(len(pl[1]), np.int32)
    classes, sizes, own = np.zeros(most, np.int64), np.zeros(most, np.int64), np.zeros(most, np.int64)
    for row in range(rows):
        alleles, ploidy = np.int64(alts[row]) + 1, gt[0][row + 1] - gt[0][row]
        ad_length, pl_length = ad[0][row + 1] - ad[0][row], pl[0][row + 1] - pl[0][row]
        laa_at[row + 1], lad_at[row + 1], lpl_at[row + 1] = laa_at[row], lad_at[row], lpl_at[row]
        regular = (ad_length == 0 or ad_length == alleles) and (
            pl_length == 0 or pl_length == count_genotypes(alleles, ploidy)
        )
        for k in range(gt[0][row], gt[0][row + 1]):
            regular = regular and gt[1][k] < alleles
        others = 0
        if regular:
            others = _find_others(
                gt[1],
                gt[0][row],
                gt[0][row + 1],
                alleles,
                ad[1],
                ad[0][row] if ad_length else -1,
                pl[1],
                pl[0][row] if pl_length else -1,
                ploidy,
                classes,
                sizes,
            )
        count = 1
        for allele in range(1, alleles):
            if others == 0 or classes[allele] != others:
                laa[laa_at[row + 1]] = allele
                laa_at[row + 1] += 1
                own[count] = allele
                count += 1
        if not regular:
            for k in range(ad_length):
                lad[lad_at[row] + k] = ad[1][ad[0][row] + k]
            for k in range(pl_length):
                lpl[lpl_at[row] + k] = pl[1][pl[0][row] + k]
            lad_at[row + 1] += ad_length
            lpl_at[row + 1] += pl_length
            continue
        if others:
            own[count] = others
            count += 1
        if ad_length:
            for k in range(count):
                lad[lad_at[row] + k] = ad[1][ad[0][row] + own[k]]
            lad_at[row + 1] += count
        if pl_length:
            lpl_at[row + 1] += project(pl[1], pl[0][row], own, count, ploidy, lpl, lpl_at[row])
    return (laa_at, laa[: laa_at[-1]]), (lad_at, lad[: lad_at[-1]]), (lpl_at, lpl[: lpl_at[-1]])

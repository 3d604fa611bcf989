"""Genotypes by local alleles, widened to all alleles of their sites."""

import numpy as np

from genocloud.kernels.genotype_order import count_genotypes
from genocloud.kernels.kernel import kernel, uncounted
from genocloud.kernels.merged_likelihoods import project


@kernel("cell_runs.CellRuns(int32[::1], int32[::1], int32[::1], int32[::1]), int32[::1], int64, int64")
def pair_up(runs, kinds, kind_count, rows):
    """Number the pairs of a genotype and a kind of site that occur, by genotype, then kind.

    kinds  (sites,) int32, below `kind_count`; `rows`: the number of genotypes that `runs` number

    Returns places (kinds, rows) int32: the pair's number, -1 where it does not occur; and of each pair the genotype and
    the kind, int32 each. In this order values are taken one after the other from where they stand.
    """
    places = np.full((kind_count, rows), -1, np.int32)
    for run in range(len(runs.samples)):
        row = runs.numbers[run]
        for site in range(runs.firsts[run], runs.stops[run]):
            places[kinds[site], row] = 0
    genotypes, sorts = np.empty(kind_count * rows, np.int32), np.empty(kind_count * rows, np.int32)
    count = 0
    for row in range(rows):
        for kind in range(kind_count):
            if places[kind, row] == 0:
                places[kind, row] = count
                genotypes[count], sorts[count] = row, kind
                count += 1
    return places, genotypes[:count].copy(), sorts[:count].copy()


@kernel("int32[:,::1], int32[::1], int32[:,::1]")
def replace_numbers(cells, kinds, places):
    """Replace the genotype in each cell (sites, samples) by its pair with the kind of its site; see `pair_up`."""
    for site in range(cells.shape[0]):
        of_kind = places[kinds[site]]
        for sample in range(cells.shape[1]):
            cells[site, sample] = of_kind[cells[site, sample]]


@uncounted
def local_numbers(laa, first, last, alts, own):
    """Fill own[: alts + 1] with the local number of each allele of a site; laa[first:last] are the local ALTs."""
    own[0] = 0
    for allele in range(1, alts + 1):
        own[allele] = last - first + 1
    for k in range(first, min(last, first + alts)):
        own[min(laa[k], alts)] = k - first + 1


@uncounted
def _lengths(row, alts, laa_at, lad_at, lpl_at):
    """Number of local alleles, and lengths of LAD and LPL."""
    local = laa_at[row + 1] - laa_at[row]
    return 1 + local + (alts > local), lad_at[row + 1] - lad_at[row], lpl_at[row + 1] - lpl_at[row]


@kernel(
    "int32[::1], int32[::1], int64[::1], (int64[::1], int32[::1]), (int64[::1], int32[::1]), (int64[::1], int32[::1])"
)
def widen(rows, alts, ploidies, laa, lad, lpl):
    """AD and PL of genotypes at sites of some number of ALTs: (ad_at, ad, pl_at, pl).

    rows, alts  (pairs,) int32; the row of the local genotype, the number of ALTs of the site
    ploidies    (rows,) int64
    laa, lad, lpl  offsets (rows + 1,) int64 and values int32 of LAA, LAD and LPL; missing lists are empty

    Returns offsets (pairs + 1,) int64 and values int32; missing lists stay empty. Lists that are not as long as local
    alleles and ploidy ask are copied.
    """
    ad_at, pl_at, most = np.zeros(len(rows) + 1, np.int64), np.zeros(len(rows) + 1, np.int64), np.int64(0)
    for pair in range(len(rows)):
        row, alleles = rows[pair], np.int64(alts[pair]) + 1
        most = max(most, alleles)
        local, depths, likelihoods = _lengths(rows[pair], alts[pair], laa[0], lad[0], lpl[0])
        ad_at[pair + 1] = ad_at[pair] + (alleles if depths == local else depths)
        if likelihoods == count_genotypes(local, ploidies[row]):
            likelihoods = count_genotypes(alleles, ploidies[row])
        pl_at[pair + 1] = pl_at[pair] + likelihoods
    ad, pl, own = np.empty(ad_at[-1], np.int32), np.empty(pl_at[-1], np.int32), np.empty(most, np.int32)
    for pair in range(len(rows)):
        row, alleles = rows[pair], np.int64(alts[pair]) + 1
        local_numbers(laa[1], laa[0][row], laa[0][row + 1], alts[pair], own)
        local, depths, likelihoods = _lengths(rows[pair], alts[pair], laa[0], lad[0], lpl[0])
        for k in range(ad_at[pair + 1] - ad_at[pair]):
            ad[ad_at[pair] + k] = lad[1][lad[0][row] + (own[k] if depths == local else k)]
        if likelihoods == count_genotypes(local, ploidies[row]):
            project(lpl[1], lpl[0][row], own, alleles, ploidies[row], pl, pl_at[pair])
        else:
            pl[pl_at[pair] : pl_at[pair + 1]] = lpl[1][lpl[0][row] : lpl[0][row + 1]]
    return ad_at, ad, pl_at, pl

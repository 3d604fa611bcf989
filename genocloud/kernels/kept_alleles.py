"""Genotypes by local alleles, at sites of which only some ALTs are kept."""

import numpy as np

from genocloud.kernels.kernel import kernel


@kernel()
def called_alts(runs, pairs, sites, alts, out):
    """Mark in `out` (ALTs of all sites,) bool those that some cell calls.

    runs   CellRuns of cells `pairs` (cells, 2) int32
    sites  (cells,) int64; the site of a cell of its own; others call no ALT
    alts   (sites + 1,) int64; each site's slice of the ALTs
    """
    for run in range(len(runs.numbers)):
        cell = runs.numbers[run]
        for side in range(2):
            if pairs[cell, side] > 0:
                out[alts[sites[cell]] + pairs[cell, side] - 1] = True


@kernel()
def keep_alts(sites, alts, kept, pairs, laa, lad, lpl):
    """The cells by the kept ALTs of their sites: (pairs, laa, lad, lpl); see translated_calls.CalledCells.

    sites  (cells,) int64; those of cells that are at many sites, and have no ALTs of their own, are negative
    alts   (sites + 1,) int64; each site's slice of the ALTs
    kept   (ALTs,) bool; ALTs that are called are kept
    """
    numbers, totals = np.zeros(len(kept), np.int32), np.zeros(len(alts) - 1, np.int32)
    for site in range(len(alts) - 1):
        for alt in range(alts[site], alts[site + 1]):
            totals[site] += kept[alt]
            numbers[alt] = totals[site] if kept[alt] else -1
    pairs = pairs.copy()
    laa_at, lad_at, lpl_at = np.zeros_like(laa[0]), np.zeros_like(lad[0]), np.zeros_like(lpl[0])
    new_laa, new_lad, new_lpl = np.empty_like(laa[1]), np.empty_like(lad[1]), np.empty_like(lpl[1])
    most = 0
    for cell in range(len(sites)):
        most = max(most, laa[0][cell + 1] - laa[0][cell])
    own = np.zeros(most + 2, np.int64)
    for cell in range(len(sites)):
        first, last, site = laa[0][cell], laa[0][cell + 1], sites[cell]
        local = 1
        for place in range(first, last):
            number = numbers[alts[site] + laa[1][place] - 1]
            if number > 0:
                own[local] = place - first + 1
                new_laa[laa_at[cell] + local - 1] = number
                local += 1
        laa_at[cell + 1] = laa_at[cell] + local - 1
        if site < 0 or totals[site] >= local:
            own[local] = last - first + 1
            local += 1
        lad_at[cell + 1], lpl_at[cell + 1] = lad_at[cell], lpl_at[cell]
        if lad[0][cell + 1] > lad[0][cell]:
            for k in range(local):
                new_lad[lad_at[cell] + k] = lad[1][lad[0][cell] + own[k]]
            lad_at[cell + 1] += local
        if lpl[0][cell + 1] > lpl[0][cell]:
            for high in range(local):
                for low in range(high + 1):
                    old = own[high] * (own[high] + 1) // 2 + own[low]
                    new_lpl[lpl_at[cell + 1]] = lpl[1][lpl[0][cell] + old]
                    lpl_at[cell + 1] += 1
        for side in range(2):
            if pairs[cell, side] > 0:
                pairs[cell, side] = numbers[alts[site] + pairs[cell, side] - 1]
    return (
        pairs,
        (laa_at, new_laa[: laa_at[-1]].copy()),
        (lad_at, new_lad[: lad_at[-1]].copy()),
        (lpl_at, new_lpl[: lpl_at[-1]].copy()),
    )

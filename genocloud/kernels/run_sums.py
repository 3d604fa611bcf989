"""Sums over the cells of each site: what a run of cells adds is added where it begins, and taken off behind it."""

import numpy as np

from genocloud.kernels.fixed_point import LEVELS, SHARE_SUM, add_digits
from genocloud.kernels.kernel import compiled, kernel, uncounted


@compiled
def _by_site(places, numbers, rows, sites):
    """Runs of the first `rows` numbers, sorted by a site of theirs: (slices (sites + 1,) int64, runs int32)."""
    at = np.zeros(sites + 2, np.int64)
    for run in range(len(places)):
        if numbers[run] < rows and places[run] < sites:
            at[places[run] + 2] += 1
    for site in range(sites + 1):
        at[site + 1] += at[site]
    order = np.empty(at[sites + 1], np.int32)
    for run in range(len(places)):
        if numbers[run] < rows and places[run] < sites:
            order[at[places[run] + 1]] = run
            at[places[run] + 1] += 1
    return at, order


@uncounted
def _add(number, sign, plain, shares, sums, digits):
    """Add a genotype's row, or take it off, to the running sums."""
    for column in range(plain.shape[1]):
        sums[column] += sign * plain[number, column]
    for part in range(digits.shape[0]):
        at = part * SHARE_SUM
        level = shares[number, at]
        digits[part, level, 0] += sign * shares[number, at + 1]
        digits[part, level, 1] += sign * shares[number, at + 2]


@kernel("cell_runs.CellRuns(int32[::1], int32[::1], int32[::1], int32[::1]), int64, int64[:,::1], int64[:,::1]")
def sum_cells(runs, sites, plain, shares):
    """Sums over the cells of each site: plain ones (sites, columns), sums of shares (sites, parts x SHARE_SUM), int64.

    runs    CellRuns; those of numbers beyond the rows of `plain` are left out
    plain   (genotypes, columns) int64; what a cell with each genotype adds
    shares  (genotypes, parts x SHARE_SUM) int64; as `fixed_point.add_share` makes them

    Sums of shares run by level, since what a sum keeps of a share depends on the largest one that is still there.
    """
    rows, columns, parts = plain.shape[0], plain.shape[1], shares.shape[1] // SHARE_SUM
    begin_at, begin = _by_site(runs.firsts, runs.numbers, rows, sites)
    end_at, end = _by_site(runs.stops, runs.numbers, rows, sites)
    out, out_shares = np.zeros((sites, columns), np.int64), np.zeros((sites, parts * SHARE_SUM), np.int64)
    sums, digits = np.zeros(columns, np.int64), np.zeros((parts, LEVELS, 2), np.int64)
    for site in range(sites):
        for k in range(end_at[site], end_at[site + 1]):
            _add(runs.numbers[end[k]], -1, plain, shares, sums, digits)
        for k in range(begin_at[site], begin_at[site + 1]):
            _add(runs.numbers[begin[k]], 1, plain, shares, sums, digits)
        for column in range(columns):
            out[site, column] = sums[column]
        for part in range(parts):
            level = 0
            while level < LEVELS and digits[part, level, 0] == 0:
                level += 1
            for kept in range(level, min(level + 2, LEVELS)):  # a sum has its first level, and the digit of the next
                if digits[part, kept, 0] != 0:
                    add_digits(out_shares[site], part * SHARE_SUM, kept, digits[part, kept, 0], digits[part, kept, 1])
    return out, out_shares

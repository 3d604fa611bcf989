"""Runs of equal genotypes, cut from the runs of rows that cover a sample's sites."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from genocloud.kernels.cell_runs import CellRuns, stretch_ends
from genocloud.kernels.kernel import compiled, uncounted
from genocloud.kernels.merged_likelihoods import PLOIDY


class GenotypeRuns(NamedTuple):
    """Numbered genotypes: first those that cells share, then those of one cell.

    Cells share the genotype of a block, of a reference record, and of samples without a row.

    runs     CellRuns; numbers of genotypes; none is of several runs of rows
    rows     (shared,) int32; the row, -1 for none
    classes  (shared,) int64; the class of the sites that it is for, 0 where it is for all
    copies   (shared,) int32; ploidy
    variants, samples  (cells,) int32; of each other cell, by site, then by sample: genotypes from `shared` on
    cell_at  (sites + 1,) int64; the sites' slices of these
    """

    runs: CellRuns
    rows: npt.NDArray[np.int32]
    classes: npt.NDArray[np.int64]
    copies: npt.NDArray[np.int32]
    variants: npt.NDArray[np.int32]
    samples: npt.NDArray[np.int32]
    cell_at: npt.NDArray[np.int64]


@uncounted
def _next_end(row, site, stop, class_ends, kind_ends, split, first_shared):
    """Up to where a run of one row has the genotype that it has at a site."""
    if row < 0:
        return min(stop, kind_ends[site])
    if row < first_shared:
        return np.int32(site + 1)
    return min(stop, class_ends[site]) if split[row - first_shared] else stop


@compiled
def number_runs(facts, cover, classes, split, ploidies, kinds, first_shared):
    """Number the genotypes that rows give: GenotypeRuns.

    facts      (rows,) merged_likelihoods.FACTS
    cover      CellRuns; rows, -1 for none; those from `first_shared` on are reference records and blocks
    classes    (sites,) int64, 0 or 1
    split      (rows from first_shared on,) bool: whether a row's genotype depends on the class of a site
    ploidies   (kinds, samples) int64, where a sample has no row; kinds (sites,) int64: the row of it for each site
    """
    sites, sharing = len(classes), len(facts) - first_shared
    class_ends, kind_ends = stretch_ends(classes), stretch_ends(kinds)
    room, highest = 0, np.int64(0)
    for run in range(len(cover.numbers)):
        site, stop = cover.firsts[run], cover.stops[run]
        while site < stop:
            site = _next_end(cover.numbers[run], site, stop, class_ends, kind_ends, split, first_shared)
            room += 1
    for kind in range(ploidies.shape[0]):
        for sample in range(ploidies.shape[1]):
            highest = max(highest, ploidies[kind, sample])
    runs = CellRuns(
        np.empty(room, np.int32), np.empty(room, np.int32), np.empty(room, np.int32), np.empty(room, np.int32)
    )
    most = 2 * sharing + highest + 1
    rows, of_class, copies = np.empty(most, np.int32), np.zeros(most, np.int64), np.empty(most, np.int32)
    absent, known = np.full(highest + 1, -1, np.int32), np.full((sharing, 2), -1, np.int32)
    cell_at = np.zeros(sites + 1, np.int64)
    count, shared = 0, 0
    for run in range(len(cover.numbers)):
        sample, row, site, stop = cover.samples[run], cover.numbers[run], cover.firsts[run], cover.stops[run]
        while site < stop:
            end, number = _next_end(row, site, stop, class_ends, kind_ends, split, first_shared), np.int32(-1)
            if row < 0:
                ploidy = ploidies[kinds[site], sample]
                if absent[ploidy] < 0:
                    absent[ploidy], rows[shared], copies[shared] = shared, -1, ploidy
                    shared += 1
                number = absent[ploidy]
            elif row >= first_shared:
                kind = classes[site] if split[row - first_shared] else 0
                if known[row - first_shared, kind] < 0:
                    known[row - first_shared, kind], rows[shared], copies[shared] = shared, row, facts[row][PLOIDY]
                    of_class[shared] = kind
                    shared += 1
                number = known[row - first_shared, kind]
            else:
                cell_at[site + 1] += 1
                number = np.int32(-1 - row)
            last = count - 1
            if number >= 0 and site > cover.firsts[run] and runs.numbers[last] == number:
                runs.stops[last] = end
            else:
                runs.samples[count], runs.firsts[count] = sample, site
                runs.stops[count], runs.numbers[count] = end, number
                count += 1
            site = end
    for site in range(sites):
        cell_at[site + 1] += cell_at[site]
    variants, samples = np.empty(cell_at[sites], np.int32), np.empty(cell_at[sites], np.int32)
    place = cell_at[:sites].copy()
    for run in range(count):
        if runs.numbers[run] < 0:
            site = runs.firsts[run]
            variants[place[site]], samples[place[site]] = -1 - runs.numbers[run], runs.samples[run]
            runs.numbers[run] = shared + place[site]
            place[site] += 1
    trimmed = CellRuns(
        runs.samples[:count].copy(), runs.firsts[:count].copy(), runs.stops[:count].copy(), runs.numbers[:count].copy()
    )
    return GenotypeRuns(
        trimmed, rows[:shared].copy(), of_class[:shared].copy(), copies[:shared].copy(), variants, samples, cell_at
    )

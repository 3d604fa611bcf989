"""Runs of equal genotypes along a sample's sites, and the cells (site, sample) that they stand for."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from genocloud.kernels.kernel import kernel


class CellRuns(NamedTuple):
    """Which genotype each cell (site, sample) has, as runs: sorted by (sample, first), each cell in exactly one.

    samples  (runs,) int32; places of the samples
    firsts   (runs,) int32; the first site of each run
    stops    (runs,) int32; the site after its last
    numbers  (runs,) int32; the number of its genotype
    """

    samples: npt.NDArray[np.int32]
    firsts: npt.NDArray[np.int32]
    stops: npt.NDArray[np.int32]
    numbers: npt.NDArray[np.int32]


@kernel("cell_runs.CellRuns(int32[::1], int32[::1], int32[::1], int32[::1]), int64, int32[:,::1]")
def fill_cells(runs, start, out):
    """Write into `out` (sites, samples) int32 the number of each cell of the sites from `start` on."""
    sites, samples = out.shape
    run, end = 0, len(runs.samples)
    for sample in range(samples):
        low, high = run, end  # the first run of the sample that ends after `start`
        while low < high:
            middle = (low + high) // 2
            if runs.samples[middle] < sample or (runs.samples[middle] == sample and runs.stops[middle] <= start):
                low = middle + 1
            else:
                high = middle
        run = low
        while run < end and runs.samples[run] == sample and runs.firsts[run] < start + sites:
            for site in range(max(runs.firsts[run] - start, 0), min(runs.stops[run] - start, sites)):
                out[site, sample] = runs.numbers[run]
            run += 1


@kernel()
def runs_of_cells(numbers):
    """The inverse of `fill_cells`: the longest runs of the cells of `numbers` (sites, samples) int32."""
    sites, samples = numbers.shape
    count = 0
    for sample in range(samples):
        for site in range(sites):
            count += site == 0 or numbers[site, sample] != numbers[site - 1, sample]
    columns, firsts = np.empty(count, np.int32), np.empty(count, np.int32)
    stops, values = np.empty(count, np.int32), np.empty(count, np.int32)
    run = -1
    for sample in range(samples):
        for site in range(sites):
            if site == 0 or numbers[site, sample] != numbers[site - 1, sample]:
                run += 1
                columns[run], firsts[run], values[run] = sample, site, numbers[site, sample]
            stops[run] = site + 1
    return CellRuns(columns, firsts, stops, values)


def at_sites(runs: CellRuns, sites: npt.NDArray[np.bool_]) -> CellRuns:
    """The runs of a subset of the sites, (sites,) bool, which are numbered anew."""
    places = np.zeros(len(sites) + 1, np.int32)
    np.cumsum(sites, out=places[1:])
    firsts, stops = places[runs.firsts], places[runs.stops]
    left = firsts < stops
    return CellRuns(runs.samples[left], firsts[left], stops[left], runs.numbers[left])

"""Runs of equal genotypes along a sample's sites, and the cells (site, sample) that they stand for."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from genocloud.kernels.kernel import compiled, kernel


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


@compiled
def stretch_ends(values):
    """Where each site's stretch of equal values ends: (sites,) int32."""
    out = np.empty(len(values), np.int32)
    for site in range(len(values) - 1, -1, -1):
        same = site + 1 < len(values) and values[site + 1] == values[site]
        out[site] = out[site + 1] if same else site + 1
    return out


@kernel()
def cut_runs(runs, marked):
    """The same runs, cut where `marked`, (sites,) bool, changes: CellRuns, and of each run whether it is marked."""
    sites, count, room = len(marked), 0, 0
    changes, ends = np.zeros(sites + 1, np.int32), stretch_ends(marked)
    for site in range(1, sites):
        changes[site + 1] = changes[site] + (marked[site] != marked[site - 1])
    for run in range(len(runs.samples)):
        room += 1 + changes[runs.stops[run]] - changes[runs.firsts[run] + 1]
    samples, firsts, stops = np.empty(room, np.int32), np.empty(room, np.int32), np.empty(room, np.int32)
    numbers, are_marked = np.empty(room, np.int32), np.empty(room, np.bool_)
    for run in range(len(runs.samples)):
        site = runs.firsts[run]
        while site < runs.stops[run]:
            end = min(runs.stops[run], ends[site])
            samples[count], firsts[count], stops[count], numbers[count] = (
                runs.samples[run],
                site,
                end,
                runs.numbers[run],
            )
            are_marked[count] = marked[site]
            count += 1
            site = end
    return CellRuns(samples, firsts, stops, numbers), are_marked


def at_sites(runs: CellRuns, sites: npt.NDArray[np.bool_]) -> CellRuns:
    """The runs of a subset of the sites, (sites,) bool, which are numbered anew."""
    places = np.zeros(len(sites) + 1, np.int32)
    np.cumsum(sites, out=places[1:])
    firsts, stops = places[runs.firsts], places[runs.stops]
    left = firsts < stops
    return CellRuns(runs.samples[left], firsts[left], stops[left], runs.numbers[left])


def renumbered(runs: CellRuns, wanted: npt.NDArray[np.bool_]) -> tuple[CellRuns, npt.NDArray[np.int64]]:
    """The runs of some numbers, (numbers,) bool, where these occur, numbered anew; and the old numbers, ascending."""
    occurs = np.zeros(len(wanted), bool)
    occurs[runs.numbers] = True
    occurs &= wanted
    left, numbers = occurs[runs.numbers], (np.cumsum(occurs) - 1).astype(np.int32)
    columns = runs.samples[left], runs.firsts[left], runs.stops[left], numbers[runs.numbers[left]]
    return CellRuns(*columns), np.flatnonzero(occurs)


def spread(runs: CellRuns, sites: npt.NDArray[np.bool_]) -> CellRuns:
    """The inverse of `at_sites`: runs of a subset of the sites, (sites,) bool, as runs of cells of all."""
    places = np.append(np.flatnonzero(sites), 0).astype(np.int32)
    wide = CellRuns(runs.samples, places[runs.firsts], places[runs.stops - 1] + np.int32(1), runs.numbers)
    cut, are_in = cut_runs(wide, sites)
    return CellRuns(*(column[are_in] for column in cut))


def joined(*parts: CellRuns) -> CellRuns:
    """Runs of different cells together."""
    columns = [np.concatenate(each) for each in zip(*parts, strict=True)]
    order = np.lexsort((columns[1], columns[0]))
    return CellRuns(*(column[order] for column in columns))

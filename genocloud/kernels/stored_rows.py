"""Runs of cells as rows of CALLS and REFERENCE, in the order of files."""

import numpy as np

from genocloud.kernels.cell_runs import CellRuns
from genocloud.kernels.kernel import compiled, kernel


@compiled
def _order_by(keys, before, most):
    """The order `before` sorted by `keys`, 0 to most, in which equal keys stay as they are: int32."""
    at = np.zeros(most + 2, np.int64)
    for key in keys:
        at[key + 1] += 1
    for key in range(most + 1):
        at[key + 1] += at[key]
    order = np.empty(len(before), np.int32)
    for place in before:
        order[at[keys[place]]] = place
        at[keys[place]] += 1
    return order


@kernel()
def split_runs(runs, ids, ends, joins):
    """Cells that are calls, and runs of equal reference genotypes: (samples, sites, numbers), CellRuns of ids.

    ids   (genotypes,) int32; equal where genotypes are, -1: a call
    ends  (sites,) int32; where each site's stretch ends: no run crosses the end of one
    joins whether adjacent runs of one id become one

    Cells are sorted by site, then sample; runs by first site, then by the site after the last, then by sample.
    """
    sites, calls, room = len(ends), 0, 0
    for run in range(len(runs.samples)):
        first, stop = runs.firsts[run], runs.stops[run]
        if ids[runs.numbers[run]] < 0:
            calls += stop - first
            continue
        while first < stop:
            first = ends[first]
            room += 1
    members, places, numbers = np.empty(calls, np.int32), np.empty(calls, np.int32), np.empty(calls, np.int32)
    samples, firsts = np.empty(room, np.int32), np.empty(room, np.int32)
    stops, values = np.empty(room, np.int32), np.empty(room, np.int32)
    call, last = 0, -1
    for run in range(len(runs.samples)):
        sample, site, stop = runs.samples[run], runs.firsts[run], runs.stops[run]
        value = ids[runs.numbers[run]]
        if value < 0:
            for each in range(site, stop):
                members[call], places[call], numbers[call] = sample, each, runs.numbers[run]
                call += 1
            continue
        while site < stop:
            end = min(ends[site], stop)
            goes_on = joins and last >= 0 and samples[last] == sample and stops[last] == site and values[last] == value
            if goes_on and ends[site] == ends[site - 1]:
                stops[last] = end
            else:
                last += 1
                samples[last], firsts[last], stops[last], values[last] = sample, site, end, value
            site = end
    by_site = _order_by(places, np.arange(calls), sites)
    firsts, stops = firsts[: last + 1], stops[: last + 1]
    order = _order_by(firsts, _order_by(stops, np.arange(last + 1), sites), sites)
    cells = members[by_site], places[by_site], numbers[by_site]
    return cells, CellRuns(samples[order], firsts[order], stops[order], values[order])

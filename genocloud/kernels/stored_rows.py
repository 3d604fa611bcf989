"""Runs of cells as rows of CALLS and REFERENCE, in the order of files, and runs of several segments together."""

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
def split_runs(runs, ids, ends):
    """Cells that are calls, and runs of equal reference genotypes: (samples, sites, numbers), CellRuns of ids.

    ids   (genotypes,) int32; equal where genotypes are, -1: a call
    ends  (sites,) int32; where each site's stretch ends: no run crosses the end of one

    Cells are sorted by site, then sample; runs by first site, then by the site after the last, then by sample.
    Adjacent runs of one id are one.
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
            goes_on = last >= 0 and samples[last] == sample and stops[last] == site and values[last] == value
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


@kernel()
def merge_runs(runs, sites, others, places, base):
    """Runs of two sets of sites as runs of both: CellRuns.

    sites, places  int64, ascending; where the sites of `runs`, and those of `others`, stand among all
    base           what the numbers of `others` become larger by

    A run is cut where a site of the other set lies between two of its own.
    """
    room = 0
    for each, own in ((runs, sites), (others, places)):
        for run in range(len(each.samples)):
            first, last = each.firsts[run], each.stops[run] - 1
            # as many pieces as own sites, and as the sites of the other set between them, allow
            room += 1 + min(last - first, own[last] - own[first] - (last - first))
    samples, firsts = np.empty(room, np.int32), np.empty(room, np.int32)
    stops, numbers = np.empty(room, np.int32), np.empty(room, np.int32)
    count, run, other, site, place = 0, 0, 0, np.int64(-1), np.int64(-1)  # -1: the run has not begun
    while run < len(runs.samples) or other < len(others.samples):
        if run < len(runs.samples) and site < 0:
            site = runs.firsts[run]
        if other < len(others.samples) and place < 0:
            place = others.firsts[other]
        if other == len(others.samples):
            is_own = True
        elif run == len(runs.samples):
            is_own = False
        elif runs.samples[run] != others.samples[other]:
            is_own = runs.samples[run] < others.samples[other]
        else:
            is_own = sites[site] < places[place]
        each, own, at, begin = (runs, sites, run, site) if is_own else (others, places, other, place)
        end = begin + 1
        while end < each.stops[at] and own[end] == own[end - 1] + 1:
            end += 1
        samples[count], firsts[count], stops[count] = each.samples[at], own[begin], own[end - 1] + 1
        numbers[count] = each.numbers[at] + (0 if is_own else base)
        count += 1
        is_done = end == each.stops[at]
        if is_own:
            run, site = (run + 1, np.int64(-1)) if is_done else (run, np.int64(end))
        else:
            other, place = (other + 1, np.int64(-1)) if is_done else (other, np.int64(end))
    return CellRuns(samples[:count], firsts[:count], stops[:count], numbers[:count])

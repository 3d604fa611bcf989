"""Where the rows of CALLS and REFERENCE stand: sites by their positions, and the rows of each sample in order."""

import numpy as np

from genocloud.kernels.cell_runs import CellRuns
from genocloud.kernels.kernel import kernel


@kernel()
def find_sites(codes, firsts, stops, positions, wanted):
    """The number of the site at each place, (rows,) int32; -1 where there is none.

    codes          (rows,) int32; each row's contig
    firsts, stops  (contigs,) int64; the first of its sites, and the one after its last
    positions      (sites,) int64; ascending on each contig
    wanted         (rows,) int32

    Rows are sorted, nearly: a search begins where the one before ended, with steps that double.
    """
    out, at = np.empty(len(wanted), np.int32), np.int64(0)
    for row in range(len(wanted)):
        first, stop, position = firsts[codes[row]], stops[codes[row]], np.int64(wanted[row])
        at = min(max(at, first), stop - 1)
        low, high, step = first, stop, np.int64(1)  # the site, if it is there, is the last of low..high - 1 not beyond
        if first < stop and positions[at] <= position:
            low = at
            while low + step < stop and positions[low + step] <= position:
                low += step
                step *= 2
            high = min(low + step, stop)
        elif first < stop:
            high = at
            while high - step >= first and positions[high - step] > position:
                high -= step
                step *= 2
            low = max(high - step, first)
        while high - low > 1:
            middle = (low + high) // 2
            if positions[middle] <= position:
                low = middle
            else:
                high = middle
        if low < high and positions[low] == position:
            at = low
            out[row] = low
        else:
            out[row] = -1
    return out


@kernel()
def merge_rows(samples, first, stop, call_members, sites, run_members, firsts, lasts):
    """Calls and runs, each sorted by site, as rows by sample and site: (whole, offsets, starts, rows).

    first, stop           the sites that each sample must have, each in one row
    call_members, sites   (calls,) int32; sample and site of each call
    run_members, firsts, lasts  (runs,) int32; sample, first and last site of each run

    whole    whether each sample has each site just once; else the rest is of no use
    offsets  (samples + 1,) int64; where each sample's rows begin
    starts   (calls + runs,) int32; first site of each row; it reaches to the sample's next one, or to `stop`
    rows     (calls + runs,) int32; its number among the calls, or the number of calls + that among the runs
    """
    calls, total = len(sites), len(sites) + len(firsts)
    offsets, ends = np.zeros(samples + 1, np.int64), np.full(samples, first, np.int64)
    starts, rows = np.empty(total, np.int32), np.empty(total, np.int32)
    for member in call_members:
        offsets[member + 1] += 1
    for member in run_members:
        offsets[member + 1] += 1
    for sample in range(samples):
        offsets[sample + 1] += offsets[sample]
    places = offsets[:-1].copy()
    call, run = 0, 0
    while call + run < total:
        if run == len(firsts) or (call < calls and sites[call] <= firsts[run]):
            member, begin, end, row = call_members[call], sites[call], sites[call] + 1, call
            call += 1
        else:
            member, begin, end, row = run_members[run], firsts[run], lasts[run] + 1, calls + run
            run += 1
        if begin != ends[member] or end <= begin:
            return False, offsets, starts, rows
        ends[member] = end
        starts[places[member]], rows[places[member]] = begin, row
        places[member] += 1
    for end in ends:
        if end != stop:
            return False, offsets, starts, rows
    return True, offsets, starts, rows


@kernel()
def runs_between(offsets, starts, numbers, stop, first, last):
    """The runs of each sample at sites first to last - 1, numbered from the first: CellRuns; see merge_rows."""
    samples, count = len(offsets) - 1, 0
    begins, ends = np.empty(samples, np.int64), np.empty(samples, np.int64)
    for sample in range(samples if first < last else 0):
        begin, end = offsets[sample], offsets[sample + 1]
        begins[sample] = begin + np.searchsorted(starts[begin:end], first, "right") - 1
        ends[sample] = begin + np.searchsorted(starts[begin:end], last)
        count += ends[sample] - begins[sample]
    members, firsts = np.empty(count, np.int32), np.empty(count, np.int32)
    stops, values = np.empty(count, np.int32), np.empty(count, np.int32)
    at = 0
    for sample in range(samples if first < last else 0):
        for row in range(begins[sample], ends[sample]):
            after = starts[row + 1] if row + 1 < offsets[sample + 1] else stop
            members[at], values[at] = sample, numbers[row]
            firsts[at], stops[at] = max(starts[row], first) - first, min(after, last) - first
            at += 1
    return CellRuns(members, firsts, stops, values)

"""Rows lined up under sites: which row of each sample speaks at each position."""

import numpy as np
from numba import njit


@njit(cache=True, nogil=True)
def _last_before(starts, row, end, position):
    """The last row in [row, end) with start <= position, scanning forward from `row`; row itself if none."""
    while row + 1 < end and starts[row + 1] <= position:
        row += 1
    return row


@njit(cache=True, nogil=True)
def speaking_rows(positions, samples, starts, stops, variant_bounds, block_bounds):
    """The row that speaks for each sample at each position: (positions, samples) int32, -1 for none.

    positions       (sites,) int32, ascending, 0-based
    samples         (samples,) int32; the batch's samples that are in force
    starts, stops   (rows,) int32; variants first, then blocks, each sorted by (sample, start); rows of a sample
                    never overlap
    variant_bounds  (batch samples + 1,) int64; each sample's slice of the variants
    block_bounds    (batch samples + 1,) int64; each sample's slice of the blocks, counted in `starts`
    """
    out = np.full((len(positions), len(samples)), -1, np.int32)
    for column in range(len(samples)):
        for bounds in (variant_bounds, block_bounds):
            row, end = bounds[samples[column]], bounds[samples[column] + 1]
            if row == end:
                continue
            for site in range(len(positions)):
                position = positions[site]
                row = _last_before(starts, row, end, position)
                if starts[row] <= position < stops[row]:
                    out[site, column] = row
    return out

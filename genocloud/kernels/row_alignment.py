"""Alignment of rows to sites: the row of each sample that covers each position, and numbering of equal blocks."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from genocloud.kernels.alleles import first_from
from genocloud.kernels.cell_runs import CellRuns
from genocloud.kernels.kernel import kernel, uncounted

SPREAD = np.uint64(0x9E3779B97F4A7C15)
"""2^64 over the golden ratio: the multiplier of Fibonacci hashing (Knuth, The Art of Computer Programming, 6.4)."""


@kernel("int32[:,::1]")
def number_blocks(columns):
    """Number the distinct blocks: (numbers (blocks,) int32, firsts (distinct,) int64).

    columns  (facts, blocks) int32; a block's values apart from its place

    `firsts[number]` is the first block with this number. Open addressing, in a table that grows: at most half full.
    """
    facts, blocks = columns.shape
    numbers, firsts, count = np.empty(blocks, np.int32), np.empty(blocks, np.int64), 0
    codes, table = np.empty(blocks, np.uint64), np.full(1024, -1, np.int32)
    for block in range(blocks):
        code = np.uint64(0)
        for k in range(facts):
            code = (code + np.uint64(np.uint32(columns[k, block]))) * SPREAD
            code ^= code >> np.uint64(29)
        slot = np.int64(code & np.uint64(len(table) - 1))
        while table[slot] >= 0:
            known, k = table[slot], 0
            if codes[known] == code:
                while k < facts and columns[k, firsts[known]] == columns[k, block]:
                    k += 1
                if k == facts:
                    break
            slot = (slot + 1) & (len(table) - 1)
        if table[slot] < 0:
            table[slot], codes[count], firsts[count] = count, code, block
            count += 1
        numbers[block] = table[slot]
        if 2 * count > len(table):
            table = np.full(4 * len(table), -1, np.int32)
            for known in range(count):
                slot = np.int64(codes[known] & np.uint64(len(table) - 1))
                while table[slot] >= 0:
                    slot = (slot + 1) & (len(table) - 1)
                table[slot] = known
    return numbers, firsts[:count].copy()


class RowPlaces(NamedTuple):
    """Where some rows of a batch lie, sorted by (sample, start), without overlaps in a sample.

    starts, stops  (rows,) int32
    bounds         (samples of the batch + 1,) int64; each sample's slice of the rows
    numbers        (rows,) int32; what the runs of each row have
    """

    starts: npt.NDArray[np.int32]
    stops: npt.NDArray[np.int32]
    bounds: npt.NDArray[np.int64]
    numbers: npt.NDArray[np.int32]


@uncounted
def _first_from(positions, site, place):
    """The first site, from `site` on, at `place` or behind it: most rows end near where they begin."""
    low, step = site, 1
    while low + step <= len(positions) and positions[low + step - 1] < place:
        low += step
        step *= 2
    return low + first_from(positions[low : low + step - 1], place)


@uncounted
def _append(runs, count, sample, first, stop, number):
    """Append a run to the first `count` unless it has no site; return the new count."""
    if first >= stop:
        return count
    runs.samples[count], runs.firsts[count], runs.stops[count], runs.numbers[count] = sample, first, stop, number
    return count + 1


@kernel(
    "int32[::1], int32[::1], "
    + ", ".join(["row_alignment.RowPlaces(int32[::1], int32[::1], int64[::1], int32[::1])"] * 2)
)
def cover_sites(positions, samples, variants, blocks):
    """The row that covers each site in each sample: CellRuns, -1 where no row covers.

    What is true of a run's first and last site is true of each base between them: a run is of one row, or of rows with
    one number without a gap, or lies between two rows. So it can be told of sites that are found later.

    positions  (sites,) int32, ascending, 0-based
    samples    (active samples,) int32; their numbers in the batch
    variants, blocks   RowPlaces; a sample's rows of both do not overlap
    """
    room, sites = 2 * (len(variants.starts) + len(blocks.starts)) + len(samples), len(positions)
    runs = CellRuns(
        np.empty(room, np.int32), np.empty(room, np.int32), np.empty(room, np.int32), np.empty(room, np.int32)
    )
    count = 0
    for column in range(len(samples)):
        variant, variants_end = variants.bounds[samples[column]], variants.bounds[samples[column] + 1]
        block, blocks_end = blocks.bounds[samples[column]], blocks.bounds[samples[column] + 1]
        site, reach, last, is_open = 0, np.int32(-1), np.int32(-1), False
        while site < sites and (variant < variants_end or block < blocks_end):
            if block == blocks_end or (variant < variants_end and variants.starts[variant] < blocks.starts[block]):
                start, stop, number = variants.starts[variant], variants.stops[variant], variants.numbers[variant]
                variant += 1
            else:
                start, stop, number = blocks.starts[block], blocks.stops[block], blocks.numbers[block]
                block += 1
            first = _first_from(positions, site, start)
            end = _first_from(positions, first, stop)
            is_open = is_open and start == reach and number == last  # the last run goes on up to here
            reach, last = stop, number
            count = _append(runs, count, column, site, first, np.int32(-1))
            if is_open:
                runs.stops[count - 1] = end
            elif first < end:
                count = _append(runs, count, column, first, end, number)
                is_open = True
            site = end
        count = _append(runs, count, column, site, sites, np.int32(-1))
    return CellRuns(
        runs.samples[:count].copy(), runs.firsts[:count].copy(), runs.stops[:count].copy(), runs.numbers[:count].copy()
    )

"""Alignment of rows to sites: the row of each sample that covers each position, and numbering of equal blocks."""

import numpy as np

from genocloud.kernels.kernel import kernel

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


@kernel("int32[:,::1], int32[::1], int32[::1], int32[::1], int32[::1], int64[::1], int32[::1]")
def fill_covering_rows(out, positions, samples, starts, stops, bounds, numbers):
    """Write into `out` the number of the row that covers each position in each sample.

    out            (positions, samples) int32; entries without a covering row are left unchanged
    positions      (sites,) int32, ascending, 0-based
    samples        (samples,) int32; the batch's active samples
    starts, stops  (rows,) int32, sorted by (sample, start); rows of a sample never overlap
    bounds         (batch samples + 1,) int64; each sample's slice of the rows
    numbers        (rows,) int32; what to write for each row
    """
    for column in range(len(samples)):
        row, end = bounds[samples[column]], bounds[samples[column] + 1]
        site = 0
        while row < end and site < len(positions):
            if stops[row] <= positions[site]:
                row += 1
            elif starts[row] > positions[site]:
                site += 1
            else:
                out[site, column] = numbers[row]
                site += 1

"""Parsed rows as the buffers of Arrow columns: values, validity bits, offsets and letters."""

import numpy as np

from genocloud.kernels.allele_text import LETTERS, symbolic
from genocloud.kernels.kernel import compiled, kernel
from genocloud.kernels.vcf_fields import pointer


@compiled
def set_bits(valid, rows, bits):
    """Whether each row is valid, as Arrow's bits; returns how many rows are not.

    valid  (rows + 8,) bool, room to write on behind the rows;  bits  (bytes,) uint8
    """
    nulls = 0
    for k in range(rows):
        nulls += not valid[k]
    for k in range(rows, rows + 8):
        valid[k] = False
    for byte in range((rows + 7) // 8):
        value = 0
        for k in range(8):
            value |= valid[8 * byte + k] << k
        bits[byte] = value
    return nulls


@kernel(
    "float64[:,::1], int64[::1], int64, float64, float32[:,::1], uint8[:,::1], int64[::1]",
    "int32[:,::1], int64[::1], int64, int32, int32[:,::1], uint8[:,::1], int64[::1]",
    "int64[:,::1], int64[::1], int64, int64, int64[:,::1], uint8[:,::1], int64[::1]",
)
def fill_numbers(source, chosen, rows, missing, out, bits, nulls):
    """Number columns that may be null.

    source  (arrays, room), of which the rows `chosen` (columns,) are taken; a null is `missing`, or NaN
    out     (columns, width) with width >= rows, of the columns' dtype; bits (columns, bytes) uint8
    nulls   (columns,) int64: how many
    """
    valid = np.empty(rows + 8, np.bool_)
    for column in range(chosen.size):
        line, to = source[chosen[column]], out[column]
        for row in range(rows):
            value = line[row]
            to[row] = value
            valid[row] = value == value and value != missing
        nulls[column] = set_bits(valid, rows, bits[column])


@kernel("int32[:,::1], int64, int32[:,::1], uint8[:,::1], int64[::1]")
def fill_offsets(counts, rows, offsets, bits, nulls):
    """List columns: offsets (columns, rows + 1) int32 of lists with `counts` (columns, room) values; empty is null."""
    valid = np.empty(rows + 8, np.bool_)
    for column in range(offsets.shape[0]):
        at = 0
        for row in range(rows):
            offsets[column, row] = at
            at += counts[column, row]
            valid[row] = counts[column, row] > 0
        offsets[column, rows] = at
        nulls[column] = set_bits(valid, rows, bits[column])


@kernel("int32[:,:,::1], int64, int64[::1]")
def count_letters(spans, rows, sizes):
    """Bytes in all strings of each column, into sizes (columns,) int64; spans as in `fill_strings`."""
    for column in range(spans.shape[0]):
        total = 0
        for row in range(rows):
            total += max(0, spans[column, 1, row])
        sizes[column] = total


@kernel("uint8[::1], int32[:,:,::1], int64, boolean[::1], int32[:,::1], uint8[::1], uint8[:,::1], int64[::1]")
def fill_strings(text, spans, rows, upper, offsets, letters, bits, nulls):
    """String columns copied out of a text; returns whether a byte is not ASCII.

    text    (bytes,) uint8
    spans   (columns, 2, room) int32: start in the text, length (-1: null)
    upper   (columns,) bool: whether bytes become allele_text.LETTERS (strings with `<`, `[` or `]` stay as they are)
    offsets (columns, rows + 1) int32, from the column's first letter
    letters (bytes,) uint8, of all columns one after another
    bits    (columns, bytes) uint8;  nulls (columns,) int64
    """
    source, known = pointer(text), pointer(LETTERS)
    valid = np.empty(rows + 8, np.bool_)
    first, seen = 0, 0
    for column in range(spans.shape[0]):
        at = first
        for row in range(rows):
            offsets[column, row] = at - first
            start, size = spans[column, 0, row], max(0, spans[column, 1, row])  # of a null the start is any number
            valid[row] = spans[column, 1, row] >= 0
            if upper[column] and not symbolic(source, start, size):
                for k in range(start, start + size):
                    byte = source[k]
                    seen |= byte
                    letters[at] = known[byte]
                    at += 1
            else:
                for k in range(start, start + size):
                    seen |= source[k]
                    letters[at] = source[k]
                    at += 1
        offsets[column, rows] = at - first
        first = at
        nulls[column] = set_bits(valid, rows, bits[column])
    return seen > 127

"""Fill the buffers of Arrow columns from parsed rows: values, validity bitmaps, offsets and string data."""

import numpy as np

from genocloud.kernels.allele_text import STORED_BASES, symbolic
from genocloud.kernels.kernel import kernel, uncounted
from genocloud.kernels.vcf_fields import pointer


@uncounted
def set_bits(valid, rows, bits):
    """Pack a mask of valid rows into Arrow's validity bitmap; returns the number of nulls.

    valid  (rows + 8,) bool, with 8 spare entries;  bits  (bytes,) uint8
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
    """Fill nullable number columns.

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
    """Fill the offsets (columns, rows + 1) int32 of lists of `counts` (columns, room) values; empty lists are null."""
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
def count_bytes(spans, rows, sizes):
    """Count the bytes in all strings of each column, into sizes (columns,) int64; spans as in `fill_strings`."""
    for column in range(spans.shape[0]):
        total = 0
        for row in range(rows):
            total += max(0, spans[column, 1, row])
        sizes[column] = total


@kernel("uint8[::1], int32[:,:,::1], int64, boolean[::1], int32[:,::1], uint8[::1], uint8[:,::1], int64[::1]")
def fill_strings(text, spans, rows, upper, offsets, data, bits, nulls):
    """Copy string columns out of a text; returns whether a byte is not ASCII.

    text    (bytes,) uint8
    spans   (columns, 2, room) int32: start in the text, length (-1: null)
    upper   (columns,) bool: whether bytes become allele_text.STORED_BASES (not in strings with `<`, `[` or `]`)
    offsets (columns, rows + 1) int32, from the column's first byte
    data    (bytes,) uint8, of all columns one after another
    bits    (columns, bytes) uint8;  nulls (columns,) int64
    """
    source, known = pointer(text), pointer(STORED_BASES)
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
                    data[at] = known[byte]
                    at += 1
            else:
                for k in range(start, start + size):
                    seen |= source[k]
                    data[at] = source[k]
                    at += 1
        offsets[column, rows] = at - first
        first = at
        nulls[column] = set_bits(valid, rows, bits[column])
    return seen > 127

"""Dictionary encoding of short sequences: each distinct one gets a number."""

import numpy as np

from genocloud.kernels.kernel import kernel, uncounted

FNV_PRIME = np.uint64(1099511628211)
"""Multiplier of the Fowler-Noll-Vo hash, 64 bit."""


@uncounted
def _same(values, a, b, length):
    for k in range(length):
        if values[a + k] != values[b + k]:
            return False
    return True


@kernel("int64[::1], int8[::1]")
def number_words(offsets, values):
    """Number the distinct sequences in order of first appearance: (numbers (words,) int32, firsts (distinct,) int64).

    offsets  (words + 1,) int64; slices of values
    values   int8 or int32

    `firsts[number]` is the place of the first word with this number. Open addressing, in a table at most half full.
    """
    words, size, count = len(offsets) - 1, 2, 0
    while size < 2 * words:
        size *= 2
    numbers, table = np.empty(words, np.int32), np.full(size, -1, np.int32)
    firsts = np.empty(words, np.int64)
    for word in range(words):
        begin, length = offsets[word], offsets[word + 1] - offsets[word]
        code = np.uint64(length + 1)
        for k in range(begin, begin + length):
            code = code * FNV_PRIME + np.uint64(values[k] + 2)
        slot = np.int64(code & np.uint64(size - 1))
        while table[slot] >= 0:
            other = firsts[table[slot]]
            if offsets[other + 1] - offsets[other] == length and _same(values, begin, offsets[other], length):
                break
            slot = (slot + 1) % size
        if table[slot] < 0:
            table[slot], firsts[count] = count, word
            count += 1
        numbers[word] = table[slot]
    return numbers, firsts[:count].copy()


@kernel()
def number_rows(columns, offsets, values):
    """Number the distinct rows of a table as number_words does: (numbers (rows,) int32, firsts (distinct,) int64).

    columns          (columns, rows) int32
    offsets, values  (rows + 1,) int64 and int32; one more column, of lists

    The table grows, and what distinct rows have is kept together, so that a row is compared at one place in memory.
    """
    facts, rows = columns.shape
    numbers, firsts, count = np.empty(rows, np.int32), np.empty(rows, np.int64), 0
    codes, known, table = np.empty(rows, np.uint64), np.empty((rows, facts + 1), np.int32), np.full(1024, -1, np.int32)
    for row in range(rows):
        begin, length = offsets[row], offsets[row + 1] - offsets[row]
        code = np.uint64(length + 1)
        for column in range(facts):
            code = code * FNV_PRIME + np.uint64(columns[column, row] + 2)
        for k in range(begin, begin + length):
            code = code * FNV_PRIME + np.uint64(values[k] + 2)
        slot = _slot(code, table)
        while table[slot] >= 0:
            number, column = table[slot], 0
            if codes[number] == code and known[number, facts] == length:
                while column < facts and known[number, column] == columns[column, row]:
                    column += 1
                if column == facts and (length == 0 or _same(values, begin, offsets[firsts[number]], length)):
                    break
            slot = (slot + 1) & (len(table) - 1)
        if table[slot] < 0:
            table[slot], codes[count], firsts[count], known[count, facts] = count, code, row, length
            for column in range(facts):
                known[count, column] = columns[column, row]
            count += 1
        numbers[row] = table[slot]
        if 2 * count > len(table):
            table = np.full(4 * len(table), -1, np.int32)
            for number in range(count):
                slot = _slot(codes[number], table)
                while table[slot] >= 0:
                    slot = (slot + 1) & (len(table) - 1)
                table[slot] = number
    return numbers, firsts[:count].copy()


@uncounted
def _slot(code, table):
    """Where the search for a code begins."""
    return np.int64((code ^ code >> np.uint64(32)) & np.uint64(len(table) - 1))

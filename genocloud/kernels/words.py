"""Numbering distinct short sequences, so that each is stored once as a word of a dictionary."""

import numpy as np
from numba import njit


@njit(cache=True, nogil=True)
def _same(values, a, b, length):
    for k in range(length):
        if values[a + k] != values[b + k]:
            return False
    return True


@njit(cache=True, nogil=True)
def number_words(offsets, values):
    """Number the distinct sequences in order of first appearance: (numbers (words,) int32, firsts int64).

    offsets  (words + 1,) int64; slices of values
    values   int8

    `firsts[number]` is the place of the first word with this number. Open addressing; the table doubles when half full.
    """
    words = len(offsets) - 1
    numbers = np.empty(words, np.int32)
    firsts = np.empty(16, np.int64)
    table = np.full(64, -1, np.int32)
    found = 0
    for word in range(words):
        begin, length = offsets[word], offsets[word + 1] - offsets[word]
        code = np.uint64(length + 1)
        for k in range(length):
            code = code * np.uint64(1099511628211) + np.uint64(values[begin + k] + 2)
        slot = np.int64(code & np.uint64(len(table) - 1))
        while table[slot] >= 0:
            other = firsts[table[slot]]
            if offsets[other + 1] - offsets[other] == length and _same(values, begin, offsets[other], length):
                break
            slot = (slot + 1) % len(table)
        if table[slot] >= 0:
            numbers[word] = table[slot]
            continue
        if found == len(firsts):
            firsts = np.append(firsts, np.empty(found, np.int64))
        firsts[found] = word
        numbers[word] = found
        table[slot] = found
        found += 1
        if 2 * found > len(table):
            table = _rebuilt(offsets, values, firsts[:found], 4 * len(table))
    return numbers, firsts[:found]


@njit(cache=True, nogil=True)
def _rebuilt(offsets, values, firsts, size):
    table = np.full(size, -1, np.int32)
    for number in range(len(firsts)):
        begin, length = offsets[firsts[number]], offsets[firsts[number] + 1] - offsets[firsts[number]]
        code = np.uint64(length + 1)
        for k in range(length):
            code = code * np.uint64(1099511628211) + np.uint64(values[begin + k] + 2)
        slot = np.int64(code & np.uint64(size - 1))
        while table[slot] >= 0:
            slot = (slot + 1) % size
        table[slot] = number
    return table

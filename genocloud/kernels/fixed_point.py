"""Fixed-point sums over samples: integers, so that the result does not depend on order or grouping."""

import numpy as np

from genocloud.kernels.kernel import kernel, uncounted

UNIT = 2.0**40
"""Expected copies are counted in 2^-40: of a million diploids they stay below 2^62."""
HIGH, LOW_BITS = 2.0**14, 42
LOW = 2.0 ** (14 + LOW_BITS)
DIGIT = 2.0**40
"""Sums of shares have digits to this base, from the first that is not 0 (see `add_share`); of two million samples a
digit fits in int64."""
SHARE_SUM = 3
"""Columns of a sum of shares: its level, the digit there, the next digit."""
LEVELS = 27
"""Levels of shares: the smallest double, 2^-1074, has the last, 1074 // 40."""


@uncounted
def in_units(value):
    """A number, 0 or more, rounded to units of 2^-40: int64."""
    return np.int64(value * UNIT + 0.5)


@uncounted
def add_words(value, count, words, row):
    """Add a number, 0 or more, `count` times to a row of words, (sums, 2) int64."""
    scaled = value * HIGH
    whole = np.int64(scaled)
    words[row, 0] += count * whole
    words[row, 1] += count * np.int64((scaled - whole) * (LOW / HIGH) + 0.5)


@kernel()
def sums_of(high, low):
    """The doubles nearest to sums in two words, each (n,) int64; a sum of two doubles equals their double sum."""
    return (high + (low >> LOW_BITS)) / HIGH + (low & ((1 << LOW_BITS) - 1)) / LOW


@uncounted
def add_share(row, at, value, count):
    """Add a share, 0 to 1, `count` times to the sum in row[at : at + SHARE_SUM], int64, 0 before the first one.

    Floating point that no order and no grouping changes: a share's digits to base 2^40 are those of its place (at level
    n the digits of 2^-40(n + 1) and of 2^-40(n + 2)), and a sum keeps two places, from the first digit of the largest
    share it has met. So sums of tiny likelihoods have 40 significant bits and more, as those of halves have.
    """
    if value <= 0.0:
        return
    level, scaled = 0, value * DIGIT
    while scaled < 1.0:
        scaled *= DIGIT
        level += 1
    digit = np.int64(scaled)
    add_digits(row, at, level, count * digit, count * np.int64((scaled - digit) * DIGIT))


@uncounted
def add_share_sum(row, at, other, other_at, count):
    """Add another sum of shares, `count` times; both as in `add_share`."""
    digit, rest = other[other_at + 1], other[other_at + 2]
    if digit != 0 or rest != 0:
        add_digits(row, at, other[other_at], count * digit, count * rest)


@uncounted
def add_digits(row, at, level, digit, rest):
    """Add the digits of a level and the next; digits below the two kept levels are dropped."""
    below = level - row[at]
    if below != 0 and row[at + 1] == 0 and row[at + 2] == 0:
        row[at], below = level, 0
    if below < 0:
        row[at + 2] = row[at + 1] if below == -1 else 0
        row[at + 1] = 0
        row[at], below = level, 0
    if below == 0:
        row[at + 1] += digit
        row[at + 2] += rest
    elif below == 1:
        row[at + 2] += digit


@kernel("int64[:,:,::1]")
def add_share_sums(parts):
    """Add the sums of shares of several parts, (parts, rows, sums x SHARE_SUM) int64: (rows, sums x SHARE_SUM)."""
    out = parts[0].copy()
    for part in range(1, parts.shape[0]):
        for row in range(parts.shape[1]):
            for at in range(0, parts.shape[2], SHARE_SUM):
                add_share_sum(out[row], at, parts[part, row], at, 1)
    return out


@kernel("int64[:,::1]")
def share_sums(columns):
    """The doubles that (rows, sums x SHARE_SUM) int64 stand for: (rows, sums)."""
    out = np.empty((columns.shape[0], columns.shape[1] // SHARE_SUM))
    for row in range(out.shape[0]):
        for number in range(out.shape[1]):
            at = number * SHARE_SUM
            value = (columns[row, at + 1] + columns[row, at + 2] / DIGIT) / DIGIT
            for _ in range(columns[row, at]):
                value /= DIGIT
            out[row, number] = value
    return out

"""Sums over samples that no grouping changes: whole numbers instead of doubles."""

import numpy as np
from numba import njit

UNIT = 2.0**40
"""Expected copies are counted in 2^-40: of a million diploids they stay below 2^62."""
HIGH, LOW_BITS = 2.0**14, 42
LOW = 2.0 ** (14 + LOW_BITS)
"""Other sums are two words, in 2^-14 and 2^-56, the first as large as it can be.

Tenths up to 2^31, phred-scaled likelihoods in log10, are held exactly: no double of them has a bit below 2^-56. Of such
likelihoods either word has room for two million samples.
"""


@njit(cache=True, nogil=True)
def in_units(value):
    """A number, 0 or more, in the nearest UNIT: int64."""
    return np.int64(value * UNIT + 0.5)


@njit(cache=True, nogil=True)
def add_words(value, count, words, row):
    """Add a number, 0 or more, `count` times to a row of words, (sums, 2) int64."""
    scaled = value * HIGH
    whole = np.int64(scaled)
    words[row, 0] += count * whole
    words[row, 1] += count * np.int64((scaled - whole) * (LOW / HIGH) + 0.5)


@njit(cache=True, nogil=True)
def sums_of(high, low):
    """The doubles nearest to sums in two words, each (n,) int64: of two doubles what adding them gives."""
    return (high + (low >> LOW_BITS)) / HIGH + (low & ((1 << LOW_BITS) - 1)) / LOW

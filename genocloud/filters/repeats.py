"""Tandem repeats of the reference at sites: what indels, and wrong reads that look like indels, are often of."""

from typing import Any

import numpy as np
import numpy.typing as npt

LONGEST_UNIT = 6
"""Bases of the longest unit of a short tandem repeat, as the field counts them (microsatellites: 1 to 6)."""

MOST_BP = 100
"""Longer stretches count as so long: no read of 150 bases reaches over them and both sides."""

SITES_AT_ONCE = 1 << 16

_BASES = np.frombuffer(b"ACGT", np.uint8)


def repeat_lengths(letters: npt.NDArray[np.uint8], starts: npt.NDArray[Any]) -> npt.NDArray[np.int32]:
    """The longest tandem repeat that begins at each of some places: (places,) int32, bases.

    letters  (bases,) uint8, the reference's bases as ASCII in either case; a repeat goes no further than they do
    starts   (places,) integers, indices of `letters`; at or behind their end there is no repeat

    A stretch of n bases repeats a unit of k <= LONGEST_UNIT if each of its bases is the one k before, and n >= 2k; of
    k = 1 also a base alone (1). Bases other than A, C, G and T end it and begin none (0). At most MOST_BP.
    """
    upper = letters & 0xDF
    known = np.where(np.isin(upper, _BASES), upper, 0)
    padded = np.concatenate([known, np.zeros(MOST_BP + LONGEST_UNIT, np.uint8)])
    windows = np.lib.stride_tricks.sliding_window_view(padded, MOST_BP + LONGEST_UNIT)
    out = np.zeros(len(starts), np.int32)
    for first in range(0, len(starts), SITES_AT_ONCE):
        some = slice(first, first + SITES_AT_ONCE)
        out[some] = _longest(windows[np.minimum(starts[some], len(known))])
    return out


def _longest(bases: npt.NDArray[np.uint8]) -> npt.NDArray[np.int64]:
    """The longest repeat at the beginning of each row: (rows,); 0 is no base."""
    longest = (bases[:, 0] > 0).astype(np.int64)
    for unit in range(1, LONGEST_UNIT + 1):
        differs = (bases[:, unit:] != bases[:, :-unit]) | (bases[:, unit:] == 0)
        equal = np.where(differs.any(axis=1), differs.argmax(axis=1), differs.shape[1])
        longest = np.maximum(longest, np.where(equal >= unit, equal + unit, 0))
    return np.minimum(longest, MOST_BP)

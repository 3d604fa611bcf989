"""Multisets of floats, one for each site and field, as runs of equal values; merging them is exact."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from genocloud.kernels.site_statistics import merge_runs


class Runs(NamedTuple):
    """Multisets of floats.

    at (multisets + 1,) int64; slices of counts, int32, and values, float32: the distinct ones, ascending
    """

    at: npt.NDArray[np.int64]
    counts: npt.NDArray[np.int32]
    values: npt.NDArray[np.float32]


def add_runs(parts: Sequence[Runs]) -> Runs:
    """Merge the parts' multisets one by one; exact, in any order."""
    before = np.cumsum([0, *(len(part.counts) for part in parts[:-1])])
    return Runs(
        *merge_runs(
            np.stack([part.at + first for part, first in zip(parts, before, strict=True)]),
            np.concatenate([part.counts for part in parts]),
            np.concatenate([part.values for part in parts]),
        )
    )

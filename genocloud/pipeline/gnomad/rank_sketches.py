"""Sketches of multisets of floats as Hail's approx_cdf keeps them (k = 200, raw), made without chance."""

from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from genocloud import schema
from genocloud.genotypes import Runs

K = 200
"""Most items of the highest level. gnomAD merges sketches of this k only."""
SKETCH = pa.struct([("levels", schema.INTS), ("items", schema.DOUBLES), ("_compaction_counts", schema.INTS)])
_NAMES = [field.name for field in SKETCH]


def sketch(values: npt.NDArray[np.float64]) -> tuple[list[int], list[float], list[int]]:
    """(Where each level of items begins, and the end; items; compactions of each level) of ascending values.

    An item of level n stands for 2^n values. While a level has more than K, every other one of its values in order goes
    on to the next level, and an odd last one stays. Hail takes the first or second of two by chance; here levels
    alternate, so that the same values give the same sketch wherever they come from.
    """
    levels = []
    while len(values) > K:
        even = len(values) // 2 * 2
        levels.append(values[even:])
        values = values[len(levels) % 2 : even : 2]
    levels.append(values)
    items = np.concatenate(levels)
    starts = np.cumsum([0, *map(len, levels)])
    return starts.tolist(), items.tolist(), [1] * (len(levels) - 1) + [0]


def sketches(runs: Runs, wanted: npt.NDArray[np.int64], unit: float = 1.0) -> pa.StructArray:
    """Sketches of some of the multisets, whose values are in this unit; null for -1."""
    rows: list[dict[str, Any] | None] = []
    for number in wanted.tolist():
        part = slice(runs.at[number], runs.at[number + 1])
        values = np.repeat(runs.values[part].astype(np.float64) * unit, runs.counts[part])
        rows.append(None if number < 0 else dict(zip(_NAMES, sketch(values), strict=True)))
    return pa.array(rows, SKETCH)

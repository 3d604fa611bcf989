"""Depth of a sample's bases by contig, from its blocks and variants; copies of X and Y, and the sex that they say."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from genocloud import schema
from genocloud.schema import numbers

Integers = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

DEPTHS = 256
"""Bins of bases by depth; the last one has all larger depths."""

DEPTH_COLUMNS = ("contig", "start", "stop", "sample", "dp", "min_dp")
"""The columns of BLOCKS and VARIANTS that this module reads."""

MOST_OFF = 0.3
"""How far a ploidy may be from a whole number of copies.

gnomAD cuts at 5 standard deviations from the mean of a sex, which are some 0.03 each in genomes; half way is 0.5.
"""


LEAST_COVERED = 0.25
"""Share of X or Y that has reads, if it is there: of men's Y between its first pseudo-autosomal region and its
heterochromatin more than a half, of the whole contig with its N nearly a third.
"""


def bases_inside(start: Integers, stop: Integers, targets: Sequence[tuple[int, int]] | None) -> Integers:
    """How many bases of each row lie in sorted, disjoint targets of its contig; all of them where these are None."""
    if targets is None:
        return stop - start
    starts, stops = np.array(targets, np.int64).reshape(-1, 2).T
    before = np.append(0, np.cumsum(stops - starts))
    ends = np.append(0, stops)

    def inside_before(base: Integers) -> Integers:
        number = np.searchsorted(starts, base, side="right")
        return np.asarray(before[number] - np.maximum(ends[number] - base, 0) * (number > 0))

    return inside_before(stop) - inside_before(start)


def depth_sums(
    rows: schema.Records, samples: int, targets: Sequence[tuple[int, int]] | None = None
) -> tuple[Integers, Integers]:
    """(bases by depth (samples, DEPTHS), sums of the bases' depths (samples,)) of one contig's rows.

    A row's bases have its DP: of a block the median of its bases as GATK writes it, else MIN_DP. Rows with neither do
    not count.
    """
    start, stop, sample, dp, min_dp = (
        numbers(rows[name]).astype(np.int64) for name in ("start", "stop", "sample", "dp", "min_dp")
    )
    depth = np.where(dp >= 0, dp, min_dp)
    bases = np.where(depth >= 0, bases_inside(start, stop, targets), 0)
    depth = np.maximum(depth, 0)
    by_depth, sums = np.zeros(samples * DEPTHS, np.int64), np.zeros(samples, np.int64)
    np.add.at(by_depth, sample * DEPTHS + np.minimum(depth, DEPTHS - 1), bases)
    np.add.at(sums, sample, bases * depth)
    return by_depth.reshape(samples, DEPTHS), sums


def median_depth(by_depth: Integers) -> Floats:
    """Median depth of (..., DEPTHS) bases, interpolated inside its bin; NaN without bases."""
    below = np.cumsum(by_depth, axis=-1)
    half = below[..., -1:] / 2
    bin_ = np.argmax(below >= half, axis=-1)[..., None]
    count = np.take_along_axis(by_depth, bin_, axis=-1)
    inside = (half - np.take_along_axis(below, bin_, axis=-1)) / np.maximum(count, 1) + 0.5
    median = np.maximum(bin_ + inside, 0)[..., 0]
    return np.where(below[..., -1] > 0, median, np.nan)


def ploidies(by_depth: Integers, of_autosomes: Integers) -> Floats:
    """Copies of a contig in each sample, from bases by depth (samples, DEPTHS); NaN where there is no telling.

    Twice the ratio of the medians of bases with a read, where these are LEAST_COVERED of all; else 0. gnomAD has means
    of all bases in calling intervals; medians of covered bases need no intervals: N, repeats and reads that pile up,
    which Y is full of, do not move them, and in people without a Y a few stray reads cover little of it.
    """
    covered, autosomes = by_depth.copy(), of_autosomes.copy()
    covered[:, 0] = autosomes[:, 0] = 0
    bases, share = by_depth.sum(axis=1), covered.sum(axis=1) / np.maximum(by_depth.sum(axis=1), 1)
    copies = np.where(share >= LEAST_COVERED, 2 * median_depth(covered) / median_depth(autosomes), 0)
    return np.where((bases > 0) & autosomes.any(axis=1), copies, np.nan)


def sex_of(x_ploidy: float, y_ploidy: float) -> str | None:
    """XX, XY, X0, XXY and so on; `ambiguous` between; None if one is not known, but for two copies of X and no Y."""
    if np.isnan(x_ploidy):
        return None
    if np.isnan(y_ploidy):
        return "XX" if abs(x_ploidy - 2) <= MOST_OFF else None
    x, y = round(x_ploidy), round(y_ploidy)
    if max(abs(x_ploidy - x), abs(y_ploidy - y)) > MOST_OFF or not x:
        return "ambiguous"
    return "X" * x + "Y" * y if x + y > 1 else "X0"

"""From scores to sensitivities: the share of calibration variants above a score, smoothed as GATK does it."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from genocloud.errors import PackageMissing
from genocloud.filters.vets.forest import REMEDY

Array = npt.NDArray[Any]
BINS = 1000
"""EmpiricalDistribution.DEFAULT_BIN_COUNT."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Calibration:
    """The distribution of the calibration variants' scores.

    lowest, highest  of the scores; the bins between them are equally wide
    counts           (BINS,) int64: scores in each bin
    means            (BINS,) float64: of the scores in each bin; 0 without scores
    deviations       (BINS,) float64: their standard deviation, 0 of a single one

    Source: org.hipparchus.stat.fitting.EmpiricalDistribution, version 2.0, which GATK 4.6.2.0 uses.
    """

    lowest: float
    highest: float
    counts: Array
    means: Array
    deviations: Array

    def sensitivities(self, scores: Array) -> Array:
        """1 - the cumulative distribution at each score.

        Within a bin scores are normally distributed, cut at the bin's ends; where all are equal, they are that one.
        """
        width = (self.highest - self.lowest) / BINS
        which = _bins(scores, self.lowest, width)
        below = np.concatenate([[0.0], np.cumsum(self.counts / self.counts.sum())])
        below[-1] = 1.0
        ends = np.append(self.lowest + width * np.arange(BINS), self.highest)
        mean, deviation = self.means[which], self.deviations[which]
        share = np.where(scores < mean, 0.0, 1.0)
        spread = deviation > 0
        share[spread] = _cut_normal(
            scores[spread], ends[which][spread], ends[which + 1][spread], mean[spread], deviation=deviation[spread]
        )
        cumulative = below[which] + (below[which + 1] - below[which]) * share
        cumulative = np.where(scores < self.lowest, 0.0, np.where(scores >= self.highest, 1.0, cumulative))
        return np.asarray(1.0 - cumulative)


def calibrate(scores: Array) -> Calibration:
    """The distribution of some scores, at least one."""
    lowest, highest = float(scores.min()), float(scores.max())
    which = _bins(scores, lowest, (highest - lowest) / BINS)
    counts = np.bincount(which, minlength=BINS)
    means, squares = _running(scores, which, counts)
    with np.errstate(divide="ignore", invalid="ignore"):
        deviations = np.where(counts > 1, np.sqrt(squares / (counts - 1.0)), 0.0)
    return Calibration(lowest=lowest, highest=highest, counts=counts, means=means, deviations=deviations)


def _bins(scores: Array, lowest: float, width: float) -> Array:
    """The bin of each score, whose upper end is part of it; as Java casts to int, NaN to 0."""
    with np.errstate(divide="ignore", invalid="ignore"):
        places = np.ceil((scores - lowest) / width)
    return np.asarray(np.clip(np.nan_to_num(places, posinf=BINS), 1, BINS) - 1, np.int64)


def _running(scores: Array, which: Array, counts: Array) -> tuple[Array, Array]:
    """Mean and sum of squared deviations of each bin, updated by one score after the other, as GATK's are.

    Equal scores so have no deviation to the last bit. Source: hipparchus' FirstMoment and SecondMoment.
    """
    order = np.argsort(which, kind="stable")
    starts = np.cumsum(counts) - counts
    means, squares = np.zeros(BINS), np.zeros(BINS)
    for number in range(int(counts.max())):
        bins = np.flatnonzero(counts > number)
        apart = scores[order[starts[bins] + number]] - means[bins]
        step = apart / (number + 1.0)
        means[bins] += step
        squares[bins] += number * apart * step
    return means, squares


def _cut_normal(values: Array, lower: Array, upper: Array, mean: Array, *, deviation: Array) -> Array:
    """Cumulative normal distribution at values between `lower` and `upper`, cut there.

    Raises PackageMissing without scipy. Source: hipparchus' NormalDistribution.
    """
    try:
        from scipy.special import erf, erfc
    except ImportError:
        raise PackageMissing("scipy", REMEDY) from None
    unit = deviation * np.sqrt(2.0)

    def cumulative(places: Array) -> Array:
        apart = places - mean
        far = np.abs(apart) > 40 * deviation
        return np.asarray(np.where(far, apart > 0, 0.5 * erfc(-apart / unit)))

    mass = 0.5 * (erf((upper - mean) / unit) - erf((lower - mean) / unit))
    return np.asarray((cumulative(values) - cumulative(lower)) / mass)

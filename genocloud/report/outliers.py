"""Which samples stand out, by a stated rule."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from genocloud.report.statistics import Statistics
from genocloud.report.words import percent_text, ratio_text

Floats = npt.NDArray[np.float64]

DEVIATIONS = 5.0
"""Robust standard deviations from the median: one of a million normal samples lies further off by chance."""

MAD_TO_DEVIATION = 1.4826
"""A normal distribution's standard deviation over its median absolute deviation, 1 / Phi^-1(3/4)."""

FEWEST_SAMPLES = 8
"""Fewer samples than this have no median worth comparing with."""

LOWEST_CALL_RATE = 0.9
"""Below this a sample stands out whatever the others do."""

CALL_RATE_SLACK, HET_HOM_SLACK = 0.01, 0.2
"""Never flagged: call rates within a point of the median, and het/hom within a fifth of it."""

RULE = (
    f"A sample stands out if its call rate is below {LOWEST_CALL_RATE:.0%}; or if, among {FEWEST_SAMPLES} samples or "
    f"more, its call rate is lower than the median by over {DEVIATIONS:g} robust standard deviations "
    f"({MAD_TO_DEVIATION} x median absolute deviation) and a percentage point, or its het/hom ratio is off the median, "
    f"either way, by over {DEVIATIONS:g} of them and a fifth."
)
"""The rule in words, as the report prints it."""


@dataclass(frozen=True, slots=True)
class Outlier:
    """A sample that stands out, by its index, and why."""

    sample: int
    reason: str


def find_outliers(statistics: Statistics) -> list[Outlier]:
    """The samples that stand out by RULE, in the callset's order; one that does so twice comes twice."""
    rates, ratios = statistics.call_rates, statistics.het_hom
    low = call_rate_outliers(rates)
    off = het_hom_outliers(ratios)
    found = [Outlier(int(i), f"call rate {percent_text(rates[i])}{_against(rates, percent_text)}") for i in low]
    found += [Outlier(int(i), f"het/hom {ratio_text(ratios[i])}{_against(ratios, ratio_text)}") for i in off]
    return sorted(found, key=lambda outlier: outlier.sample)


def call_rate_outliers(rates: Floats) -> npt.NDArray[np.int64]:
    """Indices of the call rates (samples,) that are too low."""
    low = rates < LOWEST_CALL_RATE
    if _enough(rates):
        low |= rates < np.nanmedian(rates) - max(DEVIATIONS * _deviation(rates), CALL_RATE_SLACK)
    return np.flatnonzero(low)


def het_hom_outliers(ratios: Floats) -> npt.NDArray[np.int64]:
    """Indices of the het/hom ratios (samples,) that are too low or too high."""
    if not _enough(ratios):
        return np.zeros(0, np.int64)
    median = float(np.nanmedian(ratios))
    return np.flatnonzero(np.abs(ratios - median) > max(DEVIATIONS * _deviation(ratios), HET_HOM_SLACK * median))


def _enough(values: Floats) -> bool:
    return bool(np.count_nonzero(np.isfinite(values)) >= FEWEST_SAMPLES)


def _deviation(values: Floats) -> float:
    return float(MAD_TO_DEVIATION * np.nanmedian(np.abs(values - np.nanmedian(values))))


def _against(values: Floats, words: Callable[[float], str]) -> str:
    return f" (median {words(float(np.nanmedian(values)))})"

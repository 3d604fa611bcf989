"""Outliers: the stated rule, at its edges."""

import numpy as np
import pytest

from genocloud.report.outliers import call_rate_outliers, find_alarms, find_outliers, het_hom_outliers
from genocloud.report.statistics import Statistics


@pytest.mark.parametrize(
    ("odd", "others", "flagged"),
    [
        (0.899, [0.99, 0.99], [0]),
        (0.90, [0.99, 0.99], []),
        (0.97, [0.99] * 6, []),
        (0.97, [0.99] * 7, [0]),
        (0.981, [0.99] * 7, []),
        (0.97, [0.97, 0.975, 0.98, 0.985, 0.99, 0.995, 1.0], []),
        (1.0, [0.97] * 7, []),
        (np.nan, [0.99] * 8, []),
        (0.8, [0.85] * 2, []),
        (0.5, [0.85] * 8, [0]),
    ],
)
def test_low_call_rates(odd: float, others: list[float], flagged: list[int]) -> None:
    assert call_rate_outliers(np.array([odd, *others])).tolist() == flagged


@pytest.mark.parametrize(
    ("odd", "others", "flagged"),
    [
        (9.0, [1.5] * 6, []),
        (1.9, [1.5] * 7, [0]),
        (1.1, [1.5] * 7, [0]),
        (1.75, [1.5] * 7, []),
        (2.0, [1.2, 1.3, 1.4, 1.5, 1.6, 1.7, 1.8], []),
        (np.nan, [1.5] * 8, []),
    ],
)
def test_odd_het_hom_ratios(odd: float, others: list[float], flagged: list[int]) -> None:
    assert het_hom_outliers(np.array([odd, *others])).tolist() == flagged


def deep(depths: list[int], called: int = 5_000) -> Statistics:
    """Samples with half of their genotypes called, at these mean depths."""
    counted = Statistics.empty([f"s{number}" for number in range(len(depths))])
    counted.sample_counts[:, :4] = [5_000, called - 2_000, 1_000, 1_000]
    counted.sample_counts[:, 6] = np.array(depths) * called
    counted.sample_counts[:, 7] = called
    return counted


def test_when_most_are_low_the_alarm_is_the_cohorts() -> None:
    """Nobody is named for what most share, but one who is far below the others still is."""
    (alarm,) = find_alarms(deep([30] * 10))
    assert alarm.what == "10 of 10 samples have a call rate below 90% (median 50.00%)."
    assert "-L" in alarm.reason
    assert find_outliers(deep([30] * 10)) == []
    (alarm,) = find_alarms(deep([4] * 10))
    assert "too few reads: the median of the samples' mean depths is 4.0" in alarm.reason
    worse = deep([30] * 10)
    worse.sample_counts[3, 0] = 20_000
    assert [outlier.sample for outlier in find_outliers(worse)] == [3]


def test_half_of_the_samples_are_not_most() -> None:
    half = deep([30] * 4)
    half.sample_counts[:2, 0] = 10
    assert find_alarms(half) == []
    assert [outlier.sample for outlier in find_outliers(half)] == [2, 3]
    assert find_alarms(deep([30])) == []


def test_advice_goes_by_the_direction() -> None:
    counted = Statistics.empty([f"s{number}" for number in range(9)])
    counted.sample_counts[:, :4] = [10, 8_000, 1_500, 1_000]
    counted.sample_counts[4, 2], counted.sample_counts[5, 2] = 500, 3_000
    low, high = find_outliers(counted)
    assert (low.sample, high.sample) == (4, 5)
    assert "homozygosity" in low.advice
    assert "contamination" in high.advice


def test_without_values_no_sample_is_an_outlier() -> None:
    assert find_outliers(Statistics.empty(["ann"])) == []


def test_reasons_give_the_number_and_the_median() -> None:
    counted = Statistics.empty([f"s{number}" for number in range(9)])
    counted.sample_counts[:, :4] = [10, 8_000, 1_500, 1_000]
    counted.sample_counts[4, :4] = [5_000, 3_000, 2_500, 1_000]
    assert [(outlier.sample, outlier.reason) for outlier in find_outliers(counted)] == [
        (4, "call rate 56.52% (median 99.90%)"),
        (4, "het/hom 2.50 (median 1.50)"),
    ]

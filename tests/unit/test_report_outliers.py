"""Outliers: the stated rule, at its edges."""

import numpy as np
import pytest

from genocloud.report.outliers import call_rate_outliers, find_outliers, het_hom_outliers
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


def test_nobody_stands_out_of_nothing() -> None:
    assert find_outliers(Statistics.empty(["ann"])) == []


def test_reasons_give_the_number_and_the_median() -> None:
    counted = Statistics.empty([f"s{number}" for number in range(9)])
    counted.sample_counts[:, :4] = [10, 8_000, 1_500, 1_000]
    counted.sample_counts[4, :4] = [5_000, 3_000, 2_500, 1_000]
    assert [(outlier.sample, outlier.reason) for outlier in find_outliers(counted)] == [
        (4, "call rate 56.52% (median 99.90%)"),
        (4, "het/hom 2.50 (median 1.50)"),
    ]

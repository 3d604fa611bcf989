"""Sensitivities, against the formula one score at a time."""

import sys
from math import erf, erfc, sqrt

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from genocloud.errors import PackageMissing
from genocloud.filters.vets.calibration import BINS, calibrate
from tests.support.examples import examples

SCORES = st.one_of(
    st.floats(-1, 0, exclude_max=True, width=32), st.sampled_from([-0.5, -0.25, -0.4001, -0.4002]), st.just(-1e-300)
)


def sensitivity(calibration: list[float], score: float) -> float:
    """1 - EmpiricalDistribution.cumulativeProbability(score), bin by bin."""
    low, high = min(calibration), max(calibration)
    if score < low or score >= high:
        return 1.0 if score < low else 0.0
    width = (high - low) / BINS

    def bin_of(value: float) -> int:
        return min(max(int(np.ceil((value - low) / width)) - 1, 0), BINS - 1)

    number = bin_of(score)
    members = [each for each in calibration if bin_of(each) == number]
    below = sum(bin_of(each) < number for each in calibration) / len(calibration)
    mass = len(members) / len(calibration)
    if len(set(members)) < 2:
        return 1.0 - below - (0.0 if members and score < members[0] else mass)
    mean = float(np.mean(members))
    unit = float(np.std(members, ddof=1)) * sqrt(2)
    start = low + width * number
    end = low + width * (number + 1) if number < BINS - 1 else high

    def cumulative(value: float) -> float:
        return 0.5 * erfc((mean - value) / unit)

    whole = 0.5 * (erf((end - mean) / unit) - erf((start - mean) / unit))
    return 1.0 - below - mass * (cumulative(score) - cumulative(start)) / whole


@given(st.lists(SCORES, min_size=1, max_size=60), st.lists(SCORES, max_size=20))
@examples(400)
def test_sensitivities_are_the_formulas(calibration: list[float], scores: list[float]) -> None:
    every = [*scores, *calibration]
    got = calibrate(np.array(calibration)).sensitivities(np.array(every))
    np.testing.assert_allclose(got, [sensitivity(calibration, each) for each in every], rtol=0, atol=1e-9)


def test_crowded_bins() -> None:
    scores = np.random.default_rng(1).normal(-0.45, 0.03, 20_000)
    known = calibrate(scores)
    along = np.linspace(scores.min() - 0.01, scores.max() + 0.01, 200)
    wanted = [sensitivity(scores.tolist(), each) for each in along[::20]]
    np.testing.assert_allclose(known.sensitivities(along)[::20], wanted, rtol=0, atol=1e-9)
    assert (np.diff(known.sensitivities(along)) <= 1e-12).all()


def test_one_score() -> None:
    assert calibrate(np.array([-0.4])).sensitivities(np.array([-0.5, -0.4, -0.3])).tolist() == [1.0, 0.0, 0.0]


def test_without_scipy_the_remedy_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "scipy.special", None)
    with pytest.raises(PackageMissing, match=r"scipy is not installed; pip install 'genocloud\[filters\]'"):
        calibrate(np.array([-0.4, -0.5])).sensitivities(np.array([-0.45]))

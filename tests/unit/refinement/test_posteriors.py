"""Posteriors as PP, GT and GQ: by a slow twin."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from genocloud import refinement
from tests.support import slow_posteriors

VECTORS = st.integers(2, 6).flatmap(lambda n: st.lists(st.integers(0, 3000), min_size=n, max_size=n))


@given(st.data(), VECTORS)
def test_as_slow(data, pl):
    prior = data.draw(st.lists(st.floats(-9, 0), min_size=len(pl), max_size=len(pl)))
    log10 = np.array([pl]) / -10.0 + np.array([prior])
    pp, best, gq, no_call = slow_posteriors.call(pl, prior)
    near = any(abs((value / 10 * 20) % 1 - 0.5) < 1e-6 for value in np.ptp(log10, axis=1))
    ours = refinement.call(log10)
    if not near:
        np.testing.assert_allclose(ours.pp[0], pp, atol=1)
    assert (ours.best[0], ours.no_call[0]) == (best, no_call)
    assert abs(ours.gq[0] - gq) <= 1
    assert ours.pp[0].tolist() == refinement.phred(log10)[0].tolist()


@given(VECTORS)
def test_normalised_sums_to_one(pl):
    log10 = refinement.normalised(np.array([pl]) / -10.0)
    assert math.fsum(10 ** log10[0]) == pytest.approx(1)
    assert refinement.call(log10).pp[0].tolist() == [each - min(pl) for each in pl]


@pytest.mark.parametrize(("pl", "no_call"), [((0, 0, 0), True), ((0, 1, 348), True), ((0, 2, 9), False)])
def test_ref_alone_must_be_likelier_than_a_tenth(pl, no_call):
    log10 = refinement.normalised(np.array([pl]) / -10.0 + 1)
    assert refinement.call(log10).no_call.tolist() == [no_call]


@pytest.mark.parametrize("pl", [(1, 0, 348), (0, 0, 0)])
def test_a_carrier_is_called_however_unsure(pl):
    assert refinement.call(np.array([pl]) / -10.0)[1:3] == ([int(pl[0] > 0)], [pl[0]])


def test_no_genotypes():
    assert [len(each) for each in refinement.call(np.zeros((0, 3)))] == [0, 0, 0, 0]

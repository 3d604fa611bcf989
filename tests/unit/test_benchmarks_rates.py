"""The shipped rates: what a unit of each thing costs is recovered from what cohorts took."""

import pytest

from tests.benchmarks.bench_rates import fit


def test_rates_are_fitted_from_what_was_taken():
    true = {"one": 0.3, "file": 2e-3, "record": 1e-6}
    amounts = [{"one": 1, "file": f, "record": r} for f, r in ((2, 1e3), (10, 1e6), (500, 1e5), (200, 5e5))]
    fitted = fit(amounts, [sum(true[thing] * each[thing] for thing in true) for each in amounts], tuple(true))
    assert fitted == pytest.approx(true)


def test_no_rate_is_less_than_nothing():
    amounts = [{"one": 1, "cell": cells} for cells in (1, 10, 100)]
    assert fit(amounts, [3.0, 2.0, 1.0], ("one", "cell"))["cell"] == 0.0

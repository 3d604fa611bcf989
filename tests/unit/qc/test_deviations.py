"""Outliers and batches by median and MAD, after what sex and components explain."""

import numpy as np
import pytest

from genocloud.qc.deviations import METRICS, batch_table, deviation_flags, outlier_table, residuals_of
from genocloud.qc.tables import SAMPLE_METRICS, table_of


def metrics_of(values: np.ndarray, batches: list[str] | None = None, **others):
    """A table of samples whose metrics are all `values`; call rates and depths are good."""
    count = len(values)
    columns = {field.name: np.full(count, 0) for field in SAMPLE_METRICS}
    columns |= {"sample": [f"s{n}" for n in range(count)], "batch": batches or ["b"] * count}
    columns |= {name: np.round(values) if name.startswith("n_") else values for name in METRICS}
    columns |= {"call_rate": np.ones(count), "dp_mean": np.full(count, 30.0), **others}
    return table_of(columns, SAMPLE_METRICS)


def residuals(table, components=None, female=None):
    count = table.num_rows
    components = np.zeros((count, 0)) if components is None else components
    female = np.zeros(count, bool) if female is None else female
    return residuals_of(table, components, female=female, compared=np.ones(count, bool))


@pytest.fixture
def random():
    return np.random.default_rng(5)


def test_one_far_off_is_listed_and_flagged(random):
    values = random.normal(1000, 10, 200)
    values[17] = 2000
    table = metrics_of(values)
    outliers = outlier_table(table["sample"].to_pylist(), residuals(table))
    assert set(outliers["sample"].to_pylist()) == {"s17"}
    assert outliers["metric"].to_pylist() == list(METRICS) or set(outliers["metric"].to_pylist()) == set(METRICS)
    flags = list(deviation_flags(table, outliers, batch_table(["b"] * 200, [])))
    assert {flag.sample for flag in flags} == {"s17"}


def test_what_components_and_sex_explain_is_no_outlier(random):
    components = random.normal(0, 1, (200, 1))
    female = np.arange(200) % 2 == 0
    values = 1000 + 300 * components[:, 0] ** 2 + 400 * female + random.normal(0, 5, 200)
    table = metrics_of(values)
    assert outlier_table(table["sample"].to_pylist(), residuals(table, components, female)).num_rows == 0


def test_a_batch_off_is_flagged_once_for_each_of_its_samples(random):
    values = random.normal(1000, 10, 120)
    values[:20] += 500
    batches = ["odd"] * 20 + ["usual"] * 100
    table = metrics_of(values, batches)
    own = residuals(table)
    listed = batch_table(batches, own)
    assert set(listed["batch"].to_pylist()) == {"odd"}
    flags = list(deviation_flags(table, outlier_table(table["sample"].to_pylist(), own), listed))
    assert [(flag.sample, flag.check) for flag in flags] == [(f"s{n}", "batch") for n in range(20)]


def test_few_samples_are_not_compared(random):
    table = metrics_of(np.append(random.normal(1000, 10, 10), 9000))
    assert residuals(table) == []


def test_low_depth_and_call_rate(random):
    rates, depths = np.ones(40), np.full(40, 30.0)
    rates[3], depths[5] = 0.8, 10.0
    table = metrics_of(random.normal(1000, 5, 40), call_rate=rates, dp_mean=depths)
    nothing = outlier_table([], []), batch_table([], [])
    assert [(flag.sample, flag.check) for flag in deviation_flags(table, *nothing)] == [
        ("s3", "call rate"),
        ("s5", "depth"),
    ]
    worse = metrics_of(random.normal(1000, 5, 40), call_rate=np.full(40, 0.5))
    assert not list(deviation_flags(worse, *nothing))


def test_metrics_without_a_value_are_passed_over():
    table = metrics_of(np.full(30, np.nan), **{name: np.full(30, 100) for name in METRICS if name.startswith("n_")})
    assert {each.metric for each in residuals(table)} == {name for name in METRICS if name.startswith("n_")}
    assert outlier_table(table["sample"].to_pylist(), residuals(table)).num_rows == 0

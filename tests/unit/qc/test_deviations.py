"""Outliers and batches by median and MAD, after what sex and components explain."""

import numpy as np
import pyarrow as pa
import pytest

from genocloud.qc.deviations import METRICS, RATIOS, deviation_flags, outlier_table, residuals_of
from genocloud.qc.groups import batch_table, groups_of
from genocloud.qc.sample_metrics import ratio
from genocloud.qc.tables import SAMPLE_METRICS, table_of


def metrics_of(values: np.ndarray, batches: list[str] | None = None, **others):
    """A table of samples whose counts are all `values`, or fall as these rise; call rates and depths are good."""
    count = len(values)
    columns = {field.name: np.full(count, 0) for field in SAMPLE_METRICS}
    columns |= {"sample": [f"s{n}" for n in range(count)], "batch": batches or ["b"] * count}
    columns |= {name: [None] * count for name in ("site", "caller")}
    columns |= {name: np.round(values) for name in (*METRICS, "n_het") if name.startswith("n_")}
    columns |= {below: np.round(1e6 / values) for _, below in RATIOS.values()}
    columns |= {"call_rate": np.ones(count), "dp_mean": np.full(count, 30.0)}
    columns |= {name: np.round(each) if name.startswith("n_") else each for name, each in others.items()}
    columns |= {name: ratio(columns[above], columns[below]) for name, (above, below) in RATIOS.items()}
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
    flags = list(deviation_flags(table, outliers, [], batch_table([], [])))
    assert {flag.sample for flag in flags} == {"s17"}


def test_what_components_and_sex_explain_is_no_outlier(random):
    components = random.normal(0, 1, (200, 1))
    female = np.arange(200) % 2 == 0
    values = 1000 + 300 * components[:, 0] ** 2 + 400 * female + random.normal(0, 5, 200)
    hets = 1000 * np.exp(0.3 * components[:, 0] ** 2 + 0.4 * female + random.normal(0, 0.005, 200))
    table = metrics_of(values, n_transversion=values, n_deletion=values, n_het=hets, n_hom_var=np.full(200, 1000))
    assert outlier_table(table["sample"].to_pylist(), residuals(table, components, female)).num_rows == 0


def test_a_batch_off_is_flagged_once_for_each_of_its_samples(random):
    values = random.normal(1000, 10, 120)
    values[:20] += 500
    batches = ["odd"] * 20 + ["usual"] * 100
    table = metrics_of(values, batches)
    own = residuals(table)
    groups = groups_of(table)
    listed = batch_table(groups, own)
    assert {(row["grouping"], row["name"]) for row in listed.to_pylist()} == {("batch", "odd")}
    flags = list(deviation_flags(table, outlier_table(table["sample"].to_pylist(), own), groups, listed))
    assert [(flag.sample, flag.check) for flag in flags] == [(f"s{n}", "batch") for n in range(20)]


def listed_groups(random, shift, **groupings):
    """The groups that are listed, of 200 samples whose counts are higher where `shift` is true; and the flags."""
    values = random.normal(1000, 10, 200) + 500 * shift
    table = metrics_of(values)
    for name, each in groupings.items():
        table = table.set_column(table.column_names.index(name), name, pa.array(list(each)))
    own, groups = residuals(table), groups_of(table)
    listed = batch_table(groups, own)
    flags = deviation_flags(table, outlier_table(table["sample"].to_pylist(), own), groups, listed)
    return {(row["grouping"], row["name"]) for row in listed.to_pylist()}, list(flags)


NUMBERS = np.arange(200)
CALLERS = np.where(NUMBERS % 5 == 0, "dragen", "gatk")


def test_a_caller_off_takes_its_batches_and_sites_with_it_and_alone_is_listed(random):
    """Batch b0 has no other caller, and half of the samples of site far are of it."""
    batches = np.where(NUMBERS < 60, np.where(CALLERS == "dragen", "b0", "b1"), np.where(NUMBERS < 130, "b2", "b3"))
    sites = np.where((NUMBERS % 10 == 0) | (NUMBERS % 50 == 1) | (NUMBERS % 25 == 2), "far", "near")
    listed, flags = listed_groups(random, CALLERS == "dragen", batch=batches, site=sites, caller=CALLERS)
    assert listed == {("caller", "dragen")}
    assert {flag.check for flag in flags} == {"caller"}
    assert [flag.sample for flag in flags] == [f"s{n}" for n in range(0, 200, 5)]


def test_a_batch_off_is_not_its_callers_fault(random):
    """Three quarters of a caller's samples are of the batch."""
    batches = np.where((CALLERS == "dragen") & (NUMBERS % 20 != 0), "odd", "usual")
    listed, flags = listed_groups(random, batches == "odd", batch=batches, caller=CALLERS)
    assert listed == {("batch", "odd")}
    assert [flag.sample for flag in flags] == [f"s{n}" for n in np.flatnonzero(batches == "odd")]


def test_a_batch_and_another_caller_off_are_both_listed(random):
    batches = np.where(NUMBERS % 7 == 3, "odd", "usual")
    listed, _ = listed_groups(random, (CALLERS == "dragen") | (batches == "odd"), batch=batches, caller=CALLERS)
    assert listed == {("batch", "odd"), ("caller", "dragen")}


def test_groups_of_the_very_same_samples_are_flagged_once_and_named_together(random):
    listed, flags = listed_groups(random, CALLERS == "dragen", batch=CALLERS, caller=CALLERS)
    assert listed == {("batch", "dragen"), ("caller", "dragen")}
    assert {flag.check for flag in flags} == {"batch"}
    assert len(flags) == 40
    assert all(flag.value.startswith("dragen, which is caller dragen: ") for flag in flags)


def test_of_two_halves_nothing_tells_which_is_off(random):
    halves = np.where(NUMBERS < 100, "one", "two")
    listed, flags = listed_groups(random, halves == "one", site=halves)
    assert listed == {("site", "one"), ("site", "two")}
    assert len(flags) == 200


def test_samples_of_no_known_group_are_of_none(random):
    table = metrics_of(random.normal(1000, 10, 60))
    assert groups_of(table.set_column(2, "site", pa.array(["near"] * 10 + [None] * 50)))[0].name == "near"
    assert len(groups_of(table)) == 0


def test_few_samples_are_not_compared(random):
    table = metrics_of(np.append(random.normal(1000, 10, 10), 9000))
    assert residuals(table) == []


def test_low_depth_and_call_rate(random):
    rates, depths = np.ones(40), np.full(40, 30.0)
    rates[3], depths[5] = 0.8, 10.0
    table = metrics_of(random.normal(1000, 5, 40), call_rate=rates, dp_mean=depths)
    nothing = outlier_table([], []), [], batch_table([], [])
    assert [(flag.sample, flag.check) for flag in deviation_flags(table, *nothing)] == [
        ("s3", "call rate"),
        ("s5", "depth"),
    ]
    worse = metrics_of(random.normal(1000, 5, 40), call_rate=np.full(40, 0.5))
    assert not list(deviation_flags(worse, *nothing))


def test_counts_too_small_to_compare_are_passed_over_and_their_ratios():
    few = {name: np.full(30, 5) for name in METRICS if name.startswith("n_") and name != "n_snp"}
    table = metrics_of(np.full(30, 100.0), **few, n_hom_var=np.full(30, 5))
    assert {each.metric for each in residuals(table)} == {"n_snp"}
    assert outlier_table(table["sample"].to_pylist(), residuals(table)).num_rows == 0


@pytest.mark.parametrize(("above", "below"), [(0, 1000), (1000, 0)])
def test_a_sample_without_one_side_of_a_ratio_is_flagged(random, above, below):
    hets, homs = (np.round(random.normal(1000, 10, 60)) for _ in range(2))
    hets[7], homs[7] = above, below
    table = metrics_of(random.normal(1000, 10, 60), n_het=hets, n_hom_var=homs)
    outliers = outlier_table(table["sample"].to_pylist(), residuals(table))
    flags = deviation_flags(table, outliers, [], batch_table([], []))
    assert [(flag.sample, flag.check) for flag in flags] == [("s7", "r_het_hom_var")]


def test_chance_flags_a_sample_in_one_of_a_hundred_cohorts(random):
    """Ratios of counts in cohorts without faults; one of 100 is expected, five come once in 270 times."""
    flagged = 0
    for _ in range(100):
        counts = {name: random.poisson(500, 60) for name in (*METRICS, "n_het", "n_hom_var") if name.startswith("n_")}
        table = metrics_of(np.full(60, 500.0), **counts)
        own = residuals(table, random.normal(0, 1, (60, 1)), np.arange(60) % 2 == 0)
        outliers = outlier_table(table["sample"].to_pylist(), own)
        flagged += any(True for _ in deviation_flags(table, outliers, [], batch_table([], [])))
    assert flagged <= 4

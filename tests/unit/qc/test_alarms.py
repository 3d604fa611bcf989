"""Alarms are of the whole cohort: few sites, few calls, sexes that are not plain."""

import numpy as np

from genocloud.qc.alarms import alarm_table
from genocloud.qc.tables import SAMPLE_METRICS, SEXES, table_of
from genocloud.schema import GROUPINGS


def checks(rates: list[float], karyotypes: list[str], sites: int = 5000, depth: float = 30.0) -> list[tuple[str, str]]:
    count = len(rates)
    names = [f"s{n}" for n in range(count)]
    metrics = {field.name: np.zeros(count, int) for field in SAMPLE_METRICS}
    metrics |= dict.fromkeys(("sample", *GROUPINGS), names)
    sexes = {field.name: np.zeros(count, int) for field in SEXES} | {"sample": names, "karyotype": karyotypes}
    sexes |= {"sheet_sex": names, "sex": names}
    metrics |= {"call_rate": np.array(rates), "dp_mean": np.full(count, depth)}
    table = alarm_table(table_of(metrics, SAMPLE_METRICS), table_of(sexes, SEXES), sites)
    return [(row["check"], row["advice"]) for row in table.to_pylist()]


def test_a_good_cohort_has_none():
    assert checks([1.0] * 40, ["XX"] * 20 + ["XY"] * 18 + ["XXY", "X0"]) == []


def test_few_sites_few_calls_and_odd_sexes():
    few = checks([0.8] * 21 + [1.0] * 19, ["XX"] * 37 + ["ambiguous"] * 3, sites=499)
    assert [check for check, _ in few] == ["set of sites", "call rate", "karyotype"]
    assert "different regions" in few[1][1]
    assert "too few reads" in checks([0.5] * 3, ["XX"] * 3, depth=4.0)[0][1]


def test_of_no_sample_and_of_one_there_are_none():
    assert checks([], [], sites=0) == checks([1.0], ["XX"], sites=0) == []

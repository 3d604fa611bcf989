"""Rules: what can be written, who fails, and what the flag says."""

import pyarrow as pa
import pytest

from genocloud import qc

GOOD = {
    "sample": "ann",
    "contamination": 0.001,
    "charr_calls": 900,
    "hom_alt_ref_share": 0.001,
    "hom_alt_calls": 990,
    "depth": 31.0,
    "bases_over_1": 1000,
    "bases_over_20": 900,
    "covered": 1.0,
    "x_ploidy": 2.0,
    "y_ploidy": 0.0,
    "sex": "XX",
    "sheet": "female",
    "fingerprint_sites": 9000,
    "concordance": None,
    "nearest": None,
}


def flags(rules, **changes):
    table = pa.Table.from_pylist([GOOD | changes], qc.SCREEN)
    return [
        (flag.check, flag.value, flag.limit) for flag in qc.flags_of(table, [qc.parse_rule(rule) for rule in rules])
    ]


def test_a_good_sample_has_no_flag():
    assert flags(qc.DEFAULT_RULES) == []
    assert flags(qc.DEFAULT_RULES, contamination=None, hom_alt_ref_share=None, sex=None, sheet=None) == []


@pytest.mark.parametrize(
    ("changes", "flag"),
    [
        ({"contamination": 0.031234}, ("contamination", "0.03123", "<= 0.02")),
        ({"hom_alt_ref_share": 0.016}, ("hom_alt_ref_share", "0.016", "<= 0.015")),
        ({"depth": 14.9}, ("depth", "14.9", ">= 15")),
        ({"covered": 0.79}, ("covered", "0.79", ">= 0.8")),
        ({"sheet": "male"}, ("sex", "XX", "XY")),
        ({"sex": "XXY", "sheet": "male"}, ("karyotype", "XXY", "XX or XY")),
        ({"sex": "XXY", "sheet": "unknown"}, ("karyotype", "XXY", "XX or XY")),
        ({"sex": "X0"}, ("karyotype", "X0", "XX or XY")),
        ({"sex": "ambiguous", "sheet": "male"}, ("karyotype", "ambiguous", "XX or XY")),
        ({"concordance": 0.995, "nearest": "bob"}, ("duplicate", "0.995 with bob", "<= 0.95")),
    ],
)
def test_a_bad_sample_has_one_flag_for_each_check(changes, flag):
    assert flags(qc.DEFAULT_RULES, **changes) == [flag]


def test_a_sex_and_a_karyotype_are_two_checks():
    changes = {"sex": "X0", "sheet": "male"}
    assert flags(qc.DEFAULT_RULES, **changes) == [("sex", "X0", "XY"), ("karyotype", "X0", "XX or XY")]


def test_operators():
    for rule, fails in {"depth>=31": 1, "depth > 31": 0, "depth<=31": 1, "depth<31": 0}.items():
        assert len(flags([rule])) == fails
    assert flags(["sex=XX"]) == [("karyotype", "XX", "not XX")]
    assert flags(["sex==XY, X0"]) == []
    assert flags(["nearest!=bob"], nearest="cid") == [("nearest", "cid", "bob")]


@pytest.mark.parametrize(
    "text", ["", "depth", "depth!15", "dept<15", "depth=15", "sex>XX", "depth<deep", "depth<nan", "sex=sheet"]
)
def test_other_texts_are_refused_with_what_to_write(text):
    with pytest.raises(qc.BadRule, match=r"contamination>0\.03"):
        qc.parse_rule(text)

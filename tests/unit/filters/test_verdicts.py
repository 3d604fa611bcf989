"""FILTER and AS_FilterStatus: types of alleles, the most lenient ALT decides, presets are GATK's thresholds."""

import pyarrow as pa
import pytest

from genocloud.filters import (
    PRESETS,
    AlleleValues,
    BadFilter,
    SiteFilter,
    UnknownPreset,
    chosen_filters,
    count_filters,
    judge,
)  # fmt: skip

STRINGS, DOUBLES = pa.list_(pa.string()), pa.list_(pa.float64())
SITES = pa.table(
    {
        "ref": ["A", "AT", "A", "G", "C"],
        "alts": pa.array([["C"], ["A", "*", "AC"], [], ["GT", "A"], ["*"]], STRINGS),
        "qual": [10.0, 50.0, None, 40.0, 10.0],
        "filter": pa.array([None, "LowQual", None, None, None], pa.string()),
        "AS_QD": pa.array([[1.0], [3.0, None, 1.0], None, [1.5, 4.0], [1.0, 2.0]], DOUBLES),
    }
)


def verdict(*texts: str, sites: pa.Table = SITES) -> tuple[list[str], list[list[str]]]:
    status, by_alt = judge([SiteFilter.parse(text) for text in texts], AlleleValues(sites))
    return status.to_pylist(), by_alt.to_pylist()


def test_alleles_have_the_types_of_bcftools():
    values = AlleleValues(SITES)
    assert values["TYPE"].tolist() == ["snp", "indel", "overlap", "snp", "ref", "indel", "snp", "overlap"]
    assert values["N_ALT"].tolist() == [1, 3, 3, 3, 0, 2, 2, 1]
    assert [str(length) for length in values["ILEN"]] == ["nan", "-1.0", "nan", "nan", "nan", "1.0", "nan", "nan"]


def test_a_list_of_another_length_is_missing():
    assert str(AlleleValues(SITES)["AS_QD"].tolist()) == "[1.0, 3.0, nan, 1.0, nan, 1.5, 4.0, nan]"


def test_a_site_passes_if_one_of_its_alts_does():
    status, by_alt = verdict("low=QUAL < 30", "as=AS_QD < 2")
    assert status == ["low;as", "LowQual;as", "PASS", "PASS", "low"]
    assert by_alt == [["low&as"], ["LowQual", "LowQual", "LowQual&as"], [], ["as", "PASS"], ["low"]]


def test_a_spanning_deletion_does_not_save_its_site():
    status, by_alt = verdict("as=AS_QD < 4", sites=SITES.slice(1, 1).drop_columns(["filter"]))
    assert (status, by_alt) == (["as"], [["as", "PASS", "as"]])


def test_without_filters_or_sites_everything_passes():
    assert verdict(sites=SITES.drop_columns(["filter"]))[0] == ["PASS"] * 5
    assert verdict("low=QUAL < 30", sites=SITES.slice(0, 0)) == ([], [])


def test_a_filter_of_a_stored_name_joins_it():
    assert verdict("LowQual=QUAL < 30")[0] == ["LowQual", "LowQual", "PASS", "PASS", "LowQual"]


def annotated(ref: str, alt: str, **values: float) -> str:
    one = dict.fromkeys(("QD", "FS", "SOR", "MQ", "MQRankSum", "ReadPosRankSum", "qual")) | values
    columns = {name: pa.array([value], pa.float64()) for name, value in one.items()}
    sites = pa.table({"ref": [ref], "alts": pa.array([[alt]], STRINGS), **columns})
    return judge(PRESETS["hard"], AlleleValues(sites))[0].to_pylist()[0]


@pytest.mark.parametrize(
    ("alt", "values", "status"),
    [
        ("C", {"QD": 1.99}, "QD2"),
        ("C", {"QD": 2.0, "qual": 30.0, "SOR": 3.0, "FS": 60.0, "MQ": 40.0, "MQRankSum": -12.5}, "PASS"),
        ("C", {"qual": 29.99, "SOR": 3.01, "FS": 60.01}, "QUAL30;SOR3;FS60"),
        ("C", {"MQ": 39.99, "MQRankSum": -12.51, "ReadPosRankSum": -8.01}, "MQ40;MQRankSum-12.5;ReadPosRankSum-8"),
        ("C", {}, "PASS"),
        ("AC", {"SOR": 9.0, "FS": 199.0, "MQ": 1.0, "ReadPosRankSum": -19.0}, "PASS"),
        ("AC", {"QD": 1.0, "qual": 1.0, "FS": 200.1, "ReadPosRankSum": -20.1}, "QD2;QUAL30;FS200;ReadPosRankSum-20"),
    ],
)
def test_hard_filters_are_those_of_the_type(alt, values, status):
    assert annotated("A", alt, **values) == status


def test_filters_have_names_of_their_own():
    assert [each.name for each in chosen_filters(["gnomad"], [SiteFilter.parse("x=QD<2")])][-1] == "x"
    with pytest.raises(UnknownPreset, match="did you mean hard"):
        chosen_filters(["hrad"], [])
    with pytest.raises(BadFilter, match="QD2: it is there twice"):
        chosen_filters(["hard"], [SiteFilter.parse("QD2=QD<2")])
    for text in ("QD<2", "=QD<2", "a b=QD<2", "PASS=QD<2", "x=", "a;b=QD<2"):
        with pytest.raises(BadFilter):
            SiteFilter.parse(text)


def test_filters_are_counted_by_value():
    assert count_filters(pa.array(["PASS", "a;b", "PASS", "a"])) == {"PASS": 2, "a": 1, "a;b": 1}

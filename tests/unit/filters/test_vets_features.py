"""What a model sees of a callset: what GATK reads from its VCF."""

import math
from collections.abc import Sequence
from random import Random
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from genocloud import annotations
from genocloud.filters import vets
from genocloud.filters.vets.features import features, is_symbolic
from tests.support import callset_tables as make
from tests.support import vcf_text as twin
from tests.support.examples import examples

NAMES = (*vets.ALLELE_ANNOTATIONS, *vets.SITE_ANNOTATIONS, "DP", "ExcessHet", "MQ0")


def parsed(text: str | None) -> float:
    """As Java reads a number; infinite ones are missing."""
    value = math.nan if text in (None, ".") else float(text.replace("Infinity", "inf"))
    return math.nan if math.isinf(value) else value


def twin_rows(row: dict[str, Any], names: Sequence[str]) -> list[tuple[list[int], bool, list[float]]]:
    """For each row of the matrix: ALTs, whether it is a SNP, values; from the site's VCF line."""
    if row["filter"]:
        return []
    info = dict(each.split("=") for each in twin.site_text(row)[-1].split(";") if "=" in each)
    same = [len(alt) == len(row["ref"]) and not is_symbolic(alt) for alt in row["alts"]]
    if not any(name.startswith("AS_") for name in names):
        return [(list(range(len(same))), all(same), [parsed(info.get(name)) for name in names])]
    return [
        (
            [number],
            same[number],
            [
                parsed(info[name].split(",")[number * name.startswith("AS_")] if name in info else None)
                for name in names
            ],
        )
        for number, alt in enumerate(row["alts"])
        if alt != "*"
    ]


@given(st.integers(0, 2**32), st.sets(st.sampled_from(NAMES), min_size=1))
@examples(200)
def test_values_are_those_of_the_vcf(seed: int, chosen: set[str]) -> None:
    names = vets.annotation_names(chosen)
    rows = make.site_rows(Random(seed), "chr1", range(1, 20), 0.4)
    for row in rows:  # SITES have one of the two
        row["MQMedian"] = None if row["MQ"] is not None else row["MQMedian"]
        row["ExcessHetMedian"] = None if row["ExcessHet"] is not None else row["ExcessHetMedian"]
    table = make.as_table(rows, annotations.SITES)
    got = features(table, names)
    wanted = [(number, *each) for number, row in enumerate(table.to_pylist()) for each in twin_rows(row, names)]
    starts = np.cumsum([0, *(len(row["alts"]) for row in rows)])
    assert got.site.tolist() == [each[0] for each in wanted]
    assert got.first.tolist() == [starts[each[0]] + each[1][0] for each in wanted]
    assert got.end.tolist() == [starts[each[0]] + each[1][-1] + 1 for each in wanted]
    assert got.snp.tolist() == [each[2] for each in wanted]
    np.testing.assert_array_equal(got.values, np.array([each[3] for each in wanted]).reshape(-1, len(names)))


def test_what_is_no_number_is_missing() -> None:
    row = {"contig": "chr1", "pos": 1, "ref": "A", "alts": ["C", "G", "T"], "MQ": math.nan}
    table = make.as_table([row | {"AS_MQ": [math.inf, math.nan, 60.004]}], annotations.SITES)
    np.testing.assert_array_equal(
        features(table, ["AS_MQ", "MQ"]).values, [[math.nan] * 2, [math.nan] * 2, [60, math.nan]]
    )


def test_sites_without_alts_have_no_row() -> None:
    table = make.as_table([{"contig": "chr1", "pos": 1, "ref": "A", "alts": [], "DP": 3}], annotations.SITES)
    assert len(features(table, ["DP"]).site) == len(features(table, ["AS_QD"]).site) == 0
    assert features(table.slice(0, 0), ["AS_QD"]).values.shape == (0, 1)


def test_annotations_are_in_gatks_order_each_once() -> None:
    assert vets.annotation_names(["QD", "FS", "DP", "QD"]) == ("DP", "FS", "QD")


def test_defaults_are_by_allele_where_the_callset_has_such() -> None:
    assert vets.default_annotations(["StandardAnnotation"]) == tuple(sorted(vets.SITE_ANNOTATIONS))
    assert vets.default_annotations(["AS_StandardAnnotation"]) == tuple(sorted(vets.ALLELE_ANNOTATIONS))


def test_some_columns_are_enough() -> None:
    table = make.as_table(make.site_rows(Random(3), "chr1", range(1, 30), 0.3), annotations.SITES)
    columns = vets.site_columns(["MQ", "QD"])
    assert columns == ["contig", "pos", "ref", "alts", "filter", "MQ", "MQMedian", "QD"]
    few, every = (features(each, ["MQ", "QD"]).values for each in (table.select(columns), table))
    np.testing.assert_array_equal(few, every)


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("QD2", "none of this name; did you mean"),
        ("DB", "it is no number"),
        ("AF", "several numbers at a site"),
    ],
)
def test_other_annotations_are_refused(name: str, problem: str) -> None:
    with pytest.raises(vets.BadAnnotation, match=problem):
        vets.annotation_names([name])

"""Fingerprints: which sites, which genotypes there, and how alike two samples are; one at a time in the slow twins."""

from collections import Counter

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from genocloud import qc, schema
from genocloud.qc.fingerprints import VARIANT_COLUMNS, count_pairs, genotype_of

MODEL = qc.FingerprintModel(spacing_bp=10, min_sites=1)


def sites(rows):
    columns = ("contig", "start", "ref", "alt", "ref_frequency")
    return pa.Table.from_pylist([dict(zip(columns, row, strict=True)) for row in rows], schema.FREQUENCIES)


@given(
    st.lists(
        st.tuples(st.integers(0, 1), st.integers(0, 40), st.sampled_from([0.1, 0.2, 0.4, 0.5, 0.6, 0.8])), max_size=30
    )
)
def test_of_each_stretch_the_most_even_site_with_one_alt_is_chosen(places):
    rows = [(contig, start, "A", "CGT"[number % 3], p) for number, (contig, start, p) in enumerate(sorted(places))]
    times = Counter(row[:2] for row in rows)
    best = {}
    for row in rows:
        even = abs(row[4] - 0.5)
        stretch = row[0], row[1] // MODEL.spacing_bp
        if (
            times[row[:2]] == 1
            and even <= MODEL.most_uneven
            and even < abs(best.get(stretch, (0, 0, "", "", 9))[4] - 0.5)
        ):
            best[stretch] = row
    assert qc.choose_sites(sites(rows), MODEL).equals(sites(sorted(best.values())))


@pytest.mark.parametrize(
    ("ref", "alts", "gt", "genotype"),
    [
        ("A", ["C", "<NON_REF>"], [0, 1], 1),
        ("A", ["C", "<NON_REF>"], [1, 1], 2),
        ("A", ["C", "<NON_REF>"], [0, 0], 0),
        ("A", ["G", "C", "<NON_REF>"], [0, 2], 1),
        ("A", ["G", "C", "<NON_REF>"], [1, 2], 3),
        ("A", ["G", "<NON_REF>"], [0, 1], 3),
        ("A", ["G", "<NON_REF>"], [0, 0], 0),
        ("AT", ["A", "<NON_REF>"], [0, 1], 3),
        ("AT", ["A", "<NON_REF>"], [0, 0], 0),
        ("A", ["C"], [1], 3),
        ("A", ["C"], [-1, -1], 3),
        ("A", ["C"], [-1, 1], 3),
        ("G", ["C"], [1, 1], 3),
        ("A", [], [0, 0], 0),
        ("A", ["*", "<NON_REF>"], [0, 1], 3),
    ],
)
def test_the_genotype_of_a_record(ref, alts, gt, genotype):
    assert genotype_of(ref, alts, gt, "A", "C") == genotype


def test_records_at_sites_are_entered_if_depth_and_quality_are_good():
    row = {"contig": 0, "sample": 0, "ref": "A", "alts": ["C", "<NON_REF>"], "gt": [1, 1], "dp": 7, "gq": 20}
    rows = [row | {"start": 4}, row | {"start": 5}, row | {"start": 8, "dp": 6}, row | {"start": 9, "gq": None}]
    rows.append(row | {"start": 9, "sample": 1, "gt": [0, 1]})
    columns = schema.table([each for each in schema.VARIANT_COLUMNS if each.name in VARIANT_COLUMNS])
    table = pa.Table.from_pylist([{name: each[name] for name in columns.names} for each in rows], columns)
    genotypes = np.full((2, 3), qc.UNKNOWN)
    qc.read_variants(table, sites([(0, start, "A", "C", 0.5) for start in (5, 8, 9)]), genotypes, MODEL)
    assert genotypes.tolist() == [[2, 3, 3], [3, 3, 1]]


@st.composite
def blocks(draw):
    start = draw(st.integers(0, 30))
    return {
        "contig": 0,
        "start": start,
        "stop": start + draw(st.integers(1, 12)),
        "sample": draw(st.integers(0, 1)),
        "dp": draw(st.sampled_from([None, 6, 7])),
        "min_dp": draw(st.sampled_from([None, 6, 7])),
        "gq": draw(st.sampled_from([None, 19, 20])),
        "ploidy": draw(st.sampled_from([1, 2])),
        "called": draw(st.booleans()),
    }


@given(st.lists(blocks(), max_size=12), st.sets(st.integers(0, 40), max_size=12))
def test_blocks_are_hom_ref_at_the_sites_that_they_cover(rows, places):
    columns = schema.table([each for each in schema.BLOCK_COLUMNS if each.name in qc.COVER_COLUMNS])
    table = pa.Table.from_pylist([{name: row[name] for name in columns.names} for row in rows], columns)
    starts = sorted(places)
    genotypes = np.full((2, len(starts)), qc.UNKNOWN)
    qc.read_blocks(table, sites([(0, start, "A", "C", 0.5) for start in starts]), genotypes, MODEL)
    expected = np.full((2, len(starts)), qc.UNKNOWN)
    for row in rows:
        depth = row["min_dp"] if row["min_dp"] is not None else row["dp"]
        if (depth or 0) >= 7 and (row["gq"] or 0) >= 20 and row["ploidy"] == 2 and row["called"]:
            for place, start in enumerate(starts):
                if row["start"] <= start < row["stop"]:
                    expected[row["sample"], place] = 0
    assert (genotypes == expected).all()


def counts_of(a, b):
    """Counts of one pair. Source: somalier's relate."""
    both = [(one, other) for one, other in zip(a, b, strict=True) if 3 not in (one, other)]
    return {
        "ibs0": sum({*pair} == {0, 2} for pair in both),
        "ibs2": sum(one == other for one, other in both),
        "hets_a": sum(one == 1 for one, _ in both),
        "hets_b": sum(other == 1 for _, other in both),
        "shared_hets": both.count((1, 1)),
        "hom_alts_a": sum(one == 2 for one, _ in both),
        "hom_alts_b": sum(other == 2 for _, other in both),
        "shared_hom_alts": both.count((2, 2)),
        "n": len(both),
    }


genotype_rows = st.integers(1, 12).flatmap(
    lambda length: st.lists(st.lists(st.integers(0, 3), min_size=length, max_size=length), min_size=1, max_size=5)
)


@given(genotype_rows)
def test_counts_of_pairs_are_those_of_each_pair(rows):
    genotypes = np.array(rows, np.uint8)
    counts = count_pairs(genotypes[:2], genotypes)
    for one in range(len(genotypes[:2])):
        for other in range(len(genotypes)):
            expected = counts_of(rows[one], rows[other])
            assert {name: getattr(counts, name)[one, other] for name in expected} == expected
            hets = expected["hets_a"] + expected["hets_b"]
            kinship = 2 * (expected["shared_hets"] - 2 * expected["ibs0"]) / max(hets, 1)
            assert counts.relatedness[one, other] == kinship


@given(genotype_rows, st.integers(0, 5))
def test_each_pair_comes_once_however_samples_are_cut(rows, cut):
    genotypes, names = np.array(rows, np.uint8), [f"s{number}" for number in range(len(rows))]
    blocks = [(0, min(cut, len(rows))), (min(cut, len(rows)), len(rows))]
    related = [
        qc.related_pairs(genotypes[a:b], genotypes[c:d], (names[a:b], names[c:d]), (a, c), MODEL).to_pylist()
        for number, (a, b) in enumerate(blocks)
        for c, d in blocks[number:]
    ]
    whole = qc.related_pairs(genotypes, genotypes, (names, names), (0, 0), MODEL).to_pylist()
    assert sorted(str(row) for some in related for row in some) == sorted(map(str, whole))
    assert all(row["sample_a"] < row["sample_b"] and row["relatedness"] >= 0.2 for row in whole)

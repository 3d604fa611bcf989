"""CHARR and the share of REF's reads at hom-alt calls: as Hail's formula says, one call at a time."""

import math

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from genocloud import qc, schema
from genocloud.qc.contamination import UNIT
from genocloud.schema import numbers

SAMPLES = 3
ALTS = [
    ["C", "<NON_REF>"],
    ["C"],
    ["<NON_REF>"],
    ["C", "G", "<NON_REF>"],
    ["CT", "<NON_REF>"],
    ["*", "<NON_REF>"],
    ["C", "G"],
]
ALTS += [["T", "<*>"], [], ["AC", "<NON_REF>"]]
count = st.none() | st.integers(0, 40)


@st.composite
def rows(draw):
    """A row of VARIANTS, as odd as one may be."""
    return {
        "contig": 0,
        "start": draw(st.integers(0, 5)),
        "sample": draw(st.integers(0, SAMPLES - 1)),
        "ref": draw(st.sampled_from(["A", "C", "AC", "N"])),
        "alts": draw(st.sampled_from(ALTS)),
        "gt": draw(st.sampled_from([[1, 1], [1, 1], [0, 1], [1], [1, 1, 1], [-1, -1], [2, 2], [0, 0]])),
        "ad": draw(st.none() | st.lists(count, max_size=4)),
        "dp": draw(st.none() | st.sampled_from([5, 9, 10, 11, 100, 101])),
        "gq": draw(st.none() | st.sampled_from([0, 19, 20, 99])),
    }


@st.composite
def frequencies(draw):
    keys = draw(st.sets(st.tuples(st.integers(0, 5), st.sampled_from("AC"), st.sampled_from("CGT"))))
    p = st.sampled_from([0.05, 0.0501, 0.3, 0.5, 0.9, 0.95])
    return {key: draw(p) for key in sorted(keys) if key[1] != key[2]}


def table(rows):
    columns = schema.table([each for each in schema.VARIANT_COLUMNS if each.name in qc.CALL_COLUMNS])
    return pa.Table.from_pylist([{name: row[name] for name in columns.names} for row in rows], columns)


def frequency_table(p):
    rows = [
        {"contig": 0, "start": start, "ref": ref, "alt": alt, "ref_frequency": p[start, ref, alt]}
        for start, ref, alt in sorted(p)
    ]
    return pa.Table.from_pylist(rows, schema.FREQUENCIES)


def is_hom_alt_snv(row):
    concrete = [alt for alt in row["alts"] if not alt.startswith("<")]
    single = len(concrete) == 1 == len(row["ref"]) and row["alts"][0] == concrete[0] and len(row["alts"]) <= 2
    reads = [count or 0 for count in row["ad"] or []]
    return (
        single
        and row["ref"] in set("ACGT")
        and concrete[0] in set("ACGT")
        and row["gt"] == [1, 1]
        and len(reads) >= 2
        and reads[0] + reads[1] > 0
    )


def terms(rows, sample, p, model):
    """(CHARR's terms, shares of REF's reads) of a sample. Source: hail.methods.compute_charr."""
    charr, shares = [], []
    for row in rows:
        if row["sample"] == sample and is_hom_alt_snv(row):
            reads = [count or 0 for count in row["ad"]]
            depth = row["dp"] if row["dp"] is not None else sum(reads)
            share = reads[0] / (reads[0] + reads[1])
            if depth >= model.min_dp:
                shares.append(share)
            frequency = p.get((row["start"], row["ref"], row["alts"][0]), 0)
            good = (row["gq"] or 0) >= model.min_gq and model.min_dp <= depth <= model.max_dp
            if good and model.min_af < frequency < model.max_af:
                charr.append(share / frequency)
    return charr, shares


@given(st.lists(rows(), max_size=30), frequencies())
def test_the_sums_are_those_of_each_call(rows, p):
    model, common = qc.ContaminationModel(), frequency_table(p)
    calls = qc.hom_alt_calls(table(rows))
    charr = qc.charr_sums(calls, qc.frequency_keys(common), numbers(common["ref_frequency"]), SAMPLES, model)
    shares = qc.share_sums(calls, SAMPLES, model)
    for sample in range(SAMPLES):
        for (sums, counts), expected in zip((charr, shares), terms(rows, sample, p, model), strict=True):
            assert counts[sample] == len(expected)
            assert sums[sample] == sum(round(term * UNIT) for term in expected)
            mean = qc.mean_of(sums, counts, qc.ContaminationModel(min_calls=1))[sample]
            assert math.isnan(mean) if not expected else mean == pytest.approx(np.mean(expected), abs=1e-9)


@given(st.lists(rows(), max_size=20), st.integers(0, 20), frequencies())
def test_sums_of_pieces_add_up(rows, cut, p):
    model, common = qc.ContaminationModel(), frequency_table(p)

    def sums(some):
        keys, frequency = qc.frequency_keys(common), numbers(common["ref_frequency"])
        return np.array(qc.charr_sums(qc.hom_alt_calls(table(some)), keys, frequency, SAMPLES, model))

    assert (sums(rows[:cut]) + sums(rows[cut:]) == sums(rows)).all()


def test_few_calls_have_no_mean():
    means = qc.mean_of(np.array([99, 100]) * UNIT, np.array([99, 100]), qc.ContaminationModel())
    assert np.isnan(means[0])
    assert means[1] == 1

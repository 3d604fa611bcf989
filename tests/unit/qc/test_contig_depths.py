"""Depths of bases, one base at a time; medians; copies of X and Y, and what they say."""

import math
from statistics import median_grouped

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from genocloud import qc, schema
from genocloud.qc.contig_depths import MOST_OFF, median_depth

SAMPLES = 2
depths = st.none() | st.sampled_from([0, 1, 2, 20, 21, 254, 255, 256, 2**31 - 1])


@st.composite
def rows(draw):
    start = draw(st.integers(0, 40))
    return {
        "contig": 0,
        "start": start,
        "stop": start + draw(st.integers(1, 20)),
        "sample": draw(st.integers(0, SAMPLES - 1)),
        "dp": draw(depths),
        "min_dp": draw(depths),
    }


@st.composite
def targets(draw):
    edges = sorted(draw(st.sets(st.integers(0, 60), max_size=8)))
    return draw(st.none() | st.just(list(zip(edges[::2], edges[1::2], strict=False))))


def table(rows):
    columns = schema.table([each for each in schema.BLOCK_COLUMNS if each.name in qc.DEPTH_COLUMNS])
    return pa.Table.from_pylist([{name: row[name] for name in columns.names} for row in rows], columns)


@given(st.lists(rows(), max_size=20), targets())
def test_each_base_has_its_rows_depth(rows, targets):
    by_depth, sums = qc.depth_sums(table(rows), SAMPLES, targets)
    expected = [[] for _ in range(SAMPLES)]
    for row in rows:
        depth = row["dp"] if row["dp"] is not None else row["min_dp"]
        bases = range(row["start"], row["stop"])
        if targets is not None:
            bases = [base for base in bases if any(start <= base < stop for start, stop in targets)]
        expected[row["sample"]] += [depth for _ in bases if depth is not None]
    for sample in range(SAMPLES):
        assert sums[sample] == sum(expected[sample])
        bins = [min(depth, qc.DEPTHS - 1) for depth in expected[sample]]
        assert by_depth[sample].tolist() == np.bincount(bins, minlength=qc.DEPTHS).tolist()


@given(st.lists(st.integers(0, 40), min_size=1, max_size=30))
def test_the_median_is_that_of_grouped_values(values):
    median = median_depth(np.bincount(values, minlength=qc.DEPTHS)[None])[0]
    assert sorted(values)[(len(values) - 1) // 2] - 0.5 <= median <= sorted(values)[len(values) // 2] + 0.5
    if len(values) % 2:  # of an even number, Python's takes the upper of the two bins in the middle
        assert median == pytest.approx(max(median_grouped(values), 0))


def bases(**counts):
    """Bases by depth: d30=9 are nine of depth 30."""
    by_depth = np.zeros(qc.DEPTHS, np.int64)
    for depth, count in counts.items():
        by_depth[int(depth[1:])] = count
    return by_depth


@pytest.mark.parametrize(
    ("contig", "autosomes", "copies"),
    [
        (bases(d15=9), bases(d30=9), 1),
        (bases(d15=9, d0=20), bases(d30=9), 1),  # N and repeats do not count
        (bases(d15=9, d0=30), bases(d30=9), 0),  # stray reads alone
        (bases(d15=9, d200=4), bases(d30=9, d0=50), 1),
        (bases(), bases(d30=9), math.nan),
        (bases(d0=9), bases(d30=9), 0),
        (bases(d15=9), bases(d0=9), math.nan),
        (bases(d15=9), bases(), math.nan),
    ],
)
def test_copies_are_relative_to_autosomes_and_unknown_without_rows(contig, autosomes, copies):
    assert qc.ploidies(contig[None], autosomes[None]) == pytest.approx([copies], abs=0.02, nan_ok=True)


@pytest.mark.parametrize(
    ("x", "y", "sex"),
    [
        (2, 0, "XX"),
        (1.05, 0.95, "XY"),
        (1, 0, "X0"),
        (2, 1, "XXY"),
        (1, 2, "XYY"),
        (3, 0, "XXX"),
        (1.5, 0, "ambiguous"),
        (1, 0.5, "ambiguous"),
        (0, 1, "ambiguous"),
        (2 + MOST_OFF - 0.01, 0, "XX"),
        (math.nan, 1, None),
        (2, math.nan, "XX"),
        (1, math.nan, None),
    ],
)
def test_sex_from_copies(x, y, sex):
    assert qc.sex_of(x, y) == sex

"""Rows find their sites, and make each sample's runs again; rows that are not each cell once are refused."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from genocloud.kernels import row_places
from genocloud.kernels.cell_runs import fill_cells, runs_of_cells
from tests.support.kernel_twins import both

CELLS = st.tuples(st.integers(1, 7), st.integers(1, 4)).flatmap(
    lambda shape: arrays(np.int32, shape, elements=st.integers(0, 3))
)
BETWEEN = row_places.runs_between
CONTIGS = st.lists(st.sets(st.integers(1, 40), max_size=12).map(sorted), min_size=1, max_size=3)


@both(row_places.find_sites)
@given(contigs=CONTIGS, rows=st.lists(st.tuples(st.integers(0, 3), st.integers(0, 41)), max_size=30))
@settings(deadline=None)
def test_a_row_has_the_site_at_its_place(run, contigs, rows):
    edges = np.cumsum([0, *map(len, contigs)])
    firsts, stops = np.append(edges[:-1], 0), np.append(edges[1:], 0)  # the last is a contig without a site
    positions = np.array([position for contig in contigs for position in contig], np.int64)
    site_of = {
        (code, position): int(edges[code]) + place
        for code, contig in enumerate(contigs)
        for place, position in enumerate(contig)
    }
    rows = [(min(code, len(contigs)), position) for code, position in rows]
    codes, wanted = np.array(rows, np.int32).reshape(-1, 2).T.copy()
    assert run(codes, firsts, stops, positions, wanted).tolist() == [site_of.get(row, -1) for row in rows]


def split(cells: np.ndarray, first: int) -> tuple[list, list]:
    """Calls (cells of a number below 2) and runs of the others, each by site; the first site is `first`."""
    runs = list(zip(*(column.tolist() for column in runs_of_cells(cells)), strict=True))
    calls = [
        (site + first, sample) for sample, begin, stop, number in runs if number < 2 for site in range(begin, stop)
    ]
    others = [(begin + first, stop - 1 + first, sample) for sample, begin, stop, number in runs if number >= 2]
    return sorted(calls), sorted(others)


def columns(rows: list, width: int) -> list[np.ndarray]:
    return list(np.array(rows, np.int32).reshape(-1, width).T.copy())


@both(row_places.merge_rows)
@given(cells=CELLS, first=st.integers(0, 3), ends=st.tuples(st.integers(0, 7), st.integers(0, 7)))
@settings(deadline=None)
def test_rows_by_site_are_the_runs_of_each_sample(run, cells, first, ends):
    cells, stop = np.ascontiguousarray(cells), first + len(cells)
    calls, runs = split(cells, first)
    sites, call_members = columns(calls, 2)
    firsts, lasts, run_members = columns(runs, 3)
    whole, offsets, starts, rows = run(cells.shape[1], first, stop, call_members, sites, run_members, firsts, lasts)
    assert whole
    number_of = [cells[site - first, sample] for site, sample in calls] + [
        cells[begin - first, sample] for begin, _, sample in runs
    ]
    numbers = np.array(number_of, np.int32)[rows]
    begin, end = sorted(min(first + each, stop) for each in ends)
    made, twin = (each(offsets, starts, numbers, stop, begin, end) for each in (BETWEEN, BETWEEN.py_func))
    assert all(np.array_equal(*each) for each in zip(made, twin, strict=True))
    out = np.full((end - begin, cells.shape[1]), -1, np.int32)
    fill_cells(made, 0, out)
    assert np.array_equal(out, cells[begin - first : end - first])
    assert int((made.stops - made.firsts).sum()) == out.size


@pytest.mark.parametrize(
    ("calls", "runs"),
    [
        ([(0, 0)], [(0, 1, 1)]),  # sample 0 has nothing at site 1
        ([(0, 0), (1, 0)], []),  # sample 1 has nothing
        ([(0, 0), (0, 0), (1, 0)], [(0, 1, 1)]),  # twice
        ([(0, 0)], [(0, 1, 0), (0, 1, 1)]),  # a call within a run
        ([(1, 0), (0, 0)], [(0, 1, 1)]),  # not by site
        ([(0, 0), (1, 0), (2, 0)], [(0, 1, 1)]),  # beyond the last site
        ([], [(0, 1, 0), (0, 1, 1), (1, 0, 1)]),  # a run that ends before it begins
    ],
)
@both(row_places.merge_rows)
def test_rows_that_are_not_each_cell_once_are_refused(run, calls, runs):
    sites, call_members = columns(calls, 2)
    firsts, lasts, run_members = columns(runs, 3)
    assert not run(2, 0, 2, call_members, sites, run_members, firsts, lasts)[0]

"""Runs of cells: expanding gives the cells back, whole or from a site on; the runs are the longest."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from genocloud.kernels.cell_runs import (
    CellRuns,
    at_sites,
    cut_runs,
    fill_cells,
    joined,
    renumbered,
    runs_of_cells,
    spread,
)

CELLS = st.tuples(st.integers(0, 6), st.integers(0, 4)).flatmap(
    lambda shape: arrays(np.int32, shape, elements=st.integers(0, 2))
)


@given(CELLS, st.integers(0, 6))
def test_runs_stand_for_the_cells_that_they_were_made_of(cells, start):
    runs = runs_of_cells(np.ascontiguousarray(cells))
    rest = np.full((max(len(cells) - start, 0), cells.shape[1]), -1, np.int32)
    fill_cells(runs, start, rest)
    assert np.array_equal(rest, cells[start:])
    assert int((runs.stops - runs.firsts).sum()) == cells.size
    order = list(zip(runs.samples.tolist(), runs.firsts.tolist(), strict=True))
    assert order == sorted(set(order))


@given(CELLS)
def test_neighbouring_runs_of_a_sample_differ(cells):
    runs = runs_of_cells(np.ascontiguousarray(cells))
    same = (runs.samples[1:] == runs.samples[:-1]) & (runs.numbers[1:] == runs.numbers[:-1])
    assert not same.any()


def sites_of(mask: int, count: int) -> np.ndarray:
    return np.array([bool(mask >> site & 1) for site in range(count)], bool)


def cells_of(runs: CellRuns, shape: tuple[int, ...]) -> np.ndarray:
    """The cells of some runs, -1 where there is none; no cell is in two."""
    out = np.full(shape, -1, np.int32)
    fill_cells(runs, 0, out)
    assert int((runs.stops - runs.firsts).sum()) == np.count_nonzero(out >= 0)
    order = list(zip(runs.samples.tolist(), runs.firsts.tolist(), strict=True))
    assert order == sorted(set(order))
    return out


@given(CELLS, st.integers(0, 63))
def test_runs_of_some_sites_stand_for_their_cells(cells, mask):
    left = sites_of(mask, len(cells))
    runs = at_sites(runs_of_cells(np.ascontiguousarray(cells)), left)
    assert np.array_equal(cells_of(runs, (int(left.sum()), cells.shape[1])), cells[left])


@given(CELLS, st.integers(0, 63))
def test_runs_of_two_parts_of_the_sites_are_those_of_all(cells, mask):
    left, whole = sites_of(mask, len(cells)), runs_of_cells(np.ascontiguousarray(cells))
    parts = [spread(at_sites(whole, sites), sites) for sites in (left, ~left)]
    assert np.array_equal(cells_of(parts[0], cells.shape), np.where(left[:, None], cells, -1))
    assert np.array_equal(cells_of(joined(*parts), cells.shape), cells)


@given(CELLS, st.integers(0, 63))
def test_cut_runs_lie_within_marked_sites_or_within_others(cells, mask):
    marked = sites_of(mask, len(cells))
    for cut in (cut_runs, cut_runs.py_func):
        runs, are_marked = cut(runs_of_cells(np.ascontiguousarray(cells)), marked)
        assert np.array_equal(cells_of(runs, cells.shape), cells)
        assert all(
            set(marked[first:stop].tolist()) == {bool(is_marked)}
            for first, stop, is_marked in zip(runs.firsts, runs.stops, are_marked, strict=True)
        )


@given(CELLS, st.integers(0, 7))
def test_runs_of_some_numbers_are_numbered_anew(cells, mask):
    wanted = sites_of(mask, 3)
    runs, numbers = renumbered(runs_of_cells(np.ascontiguousarray(cells)), wanted)
    expected = np.where(np.isin(cells, np.flatnonzero(wanted)), cells, -1)
    assert numbers.tolist() == sorted(set(expected[expected >= 0].tolist()))
    assert np.array_equal(np.append(numbers, -1)[cells_of(runs, cells.shape)], expected)

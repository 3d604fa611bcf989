"""Runs of cells: expanding gives the cells back, whole or from a site on; the runs are the longest."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from genocloud.kernels.cell_runs import at_sites, fill_cells, runs_of_cells

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


@given(CELLS, st.integers(0, 63))
def test_runs_of_some_sites_stand_for_their_cells(cells, mask):
    left = np.array([bool(mask >> site & 1) for site in range(len(cells))], bool)
    runs = at_sites(runs_of_cells(np.ascontiguousarray(cells)), left)
    rest = np.full((int(left.sum()), cells.shape[1]), -1, np.int32)
    fill_cells(runs, 0, rest)
    assert np.array_equal(rest, cells[left])
    assert int((runs.stops - runs.firsts).sum()) == rest.size

"""Cells become rows in the order of files, and runs of two sets of sites runs of both."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from genocloud.kernels import stored_rows
from genocloud.kernels.cell_runs import CellRuns, fill_cells, runs_of_cells
from tests.support.kernel_twins import both

GENOTYPES = 5
CELLS = st.tuples(st.integers(1, 9), st.integers(1, 4)).flatmap(
    lambda shape: arrays(np.int32, shape, elements=st.integers(0, GENOTYPES - 1))
)
IDS = st.lists(st.integers(-1, 2), min_size=GENOTYPES, max_size=GENOTYPES)


def rows_of(runs: CellRuns) -> list[tuple[int, ...]]:
    return list(zip(*(column.tolist() for column in runs), strict=True))


def one_by_one(runs: CellRuns) -> CellRuns:
    """The same cells, each a run of its own: adjacent runs of equal numbers, as segments have them."""
    rows = [(sample, site, site + 1, number) for sample, *span, number in rows_of(runs) for site in range(*span)]
    return CellRuns(*np.array(rows, np.int32).reshape(-1, 4).T.copy())


@both(stored_rows.split_runs)
@given(cells=CELLS, ids=IDS, edges=st.sets(st.integers(1, 8)), by_cell=st.booleans())
@settings(deadline=None)
def test_cells_are_calls_or_in_the_longest_runs_of_a_stretch(run, cells, ids, edges, by_cell):
    sites, samples = cells.shape
    edges = sorted({*(edge for edge in edges if edge < sites), sites})
    ends = np.array([min(edge for edge in edges if edge > site) for site in range(sites)], np.int32)
    runs = runs_of_cells(np.ascontiguousarray(cells))
    calls, reference = run(one_by_one(runs) if by_cell else runs, np.array(ids, np.int32), ends)
    cells_by_site = sorted((site, sample, int(cells[site, sample])) for site, sample in np.ndindex(sites, samples))
    expected = [(sample, site, number) for site, sample, number in cells_by_site if ids[number] < 0]
    assert list(zip(*(column.tolist() for column in calls), strict=True)) == expected
    longest = []
    for sample in range(samples):
        first = 0
        for site in range(1, sites + 1):
            value = ids[cells[first, sample]]
            if site == sites or ids[cells[site, sample]] != value or site in edges:
                longest += [(first, site, sample, value)] if value >= 0 else []
                first = site
    assert [(first, stop, sample, value) for sample, first, stop, value in rows_of(reference)] == sorted(longest)


@both(stored_rows.merge_runs)
@given(cells=CELLS, data=st.data())
@settings(deadline=None)
def test_runs_of_two_sets_of_sites_are_those_of_all(run, cells, data):
    sites = len(cells)
    is_first = np.array(data.draw(st.lists(st.booleans(), min_size=sites, max_size=sites)))
    sets = [np.flatnonzero(is_first), np.flatnonzero(~is_first)]
    parts = [runs_of_cells(np.ascontiguousarray(cells[each])) for each in sets]
    merged = run(parts[0], sets[0], parts[1], sets[1], GENOTYPES)
    out = np.full(cells.shape, -1, np.int32)
    fill_cells(CellRuns(*(np.ascontiguousarray(each) for each in merged)), 0, out)
    assert np.array_equal(out, cells + np.where(is_first, 0, GENOTYPES)[:, None])
    rows = rows_of(merged)
    assert rows == sorted(rows)
    assert sum(stop - first for _, first, stop, _ in rows) == cells.size

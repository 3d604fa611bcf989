"""Cells become rows in the order of files."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from genocloud.kernels import stored_rows
from genocloud.kernels.cell_runs import CellRuns, runs_of_cells
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
    calls, reference = run(one_by_one(runs) if by_cell else runs, np.array(ids, np.int32), ends, True)
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


@both(stored_rows.split_runs)
@given(cells=CELLS)
@settings(deadline=None)
def test_runs_that_are_apart_stay_apart(run, cells):
    """Between them may be records that cover no site yet."""
    runs = runs_of_cells(np.ascontiguousarray(cells))
    ends = np.full(len(cells), len(cells), np.int32)
    for cell_runs in (runs, one_by_one(runs)):
        _, reference = run(cell_runs, np.zeros(GENOTYPES, np.int32), ends, False)
        assert sorted(rows_of(reference)) == sorted((*row[:3], 0) for row in rows_of(cell_runs))

"""Sums over the cells of each site, from runs, are those of adding every cell."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from genocloud.kernels import fixed_point, run_sums
from genocloud.kernels.cell_runs import runs_of_cells
from tests.support.kernel_twins import both

CELLS = st.tuples(st.integers(0, 6), st.integers(0, 4)).flatmap(
    lambda shape: arrays(np.int32, shape, elements=st.integers(0, 4))
)
SHARES = st.floats(0, 1) | st.integers(0, 400).map(lambda phred: 10.0 ** (phred / -1.0)) | st.just(5e-324)


@both(run_sums.sum_cells)
@given(CELLS, st.lists(st.tuples(st.integers(-9, 99), SHARES, SHARES), min_size=4, max_size=4))
def test_sums_of_runs_are_those_of_their_cells(run, cells, genotypes):
    """Sums of shares keep what they keep of the shares that are there, whatever larger ones have come and gone."""
    plain = np.array([[depth, 1] for depth, _, _ in genotypes], np.int64)
    shares = np.zeros((len(genotypes), 2 * fixed_point.SHARE_SUM), np.int64)
    for row, (_, first, second) in zip(shares, genotypes, strict=True):
        fixed_point.add_share(row, 0, first, 1)
        fixed_point.add_share(row, fixed_point.SHARE_SUM, second, 1)
    sums, share_sums = run(runs_of_cells(np.ascontiguousarray(cells)), len(cells), plain, shares)
    for site, line in enumerate(cells.tolist()):
        expected, shared = np.zeros(2, np.int64), np.zeros(2 * fixed_point.SHARE_SUM, np.int64)
        for number in line:
            if number < len(genotypes):  # others are left out
                expected += plain[number]
                fixed_point.add_share(shared, 0, genotypes[number][1], 1)
                fixed_point.add_share(shared, fixed_point.SHARE_SUM, genotypes[number][2], 1)
        assert sums[site].tolist() == expected.tolist()
        assert share_sums[site].tolist() == shared.tolist()

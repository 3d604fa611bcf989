"""Packed genotypes against one cell after another."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from genocloud.kernels import hard_calls
from genocloud.kernels.cell_runs import runs_of_cells
from tests.support.kernel_twins import both


@both(hard_calls.put_hard_calls)
@given(data=st.data())
def test_each_cell_has_the_code_of_its_word(run, data):
    sites, samples, words, most = (data.draw(st.integers(1, top)) for top in (5, 6, 4, 3))
    draw = np.random.default_rng(data.draw(st.integers(0, 1 << 30)))
    numbers = draw.integers(0, words, (sites, samples)).astype(np.int32)
    codes = draw.integers(0, 4, (words, most + 1)).astype(np.int8)
    codes[:, 0] = ~codes[:, 1:].any(axis=1)
    haploid, men = draw.random(sites) < 0.5, draw.random(samples) < 0.5
    variants = [(site, alt) for site in range(sites) for alt in range(1, most + 1) if draw.random() < 0.7]
    firsts = np.searchsorted([site for site, _ in variants], np.arange(sites + 1)).astype(np.int32)
    alts = np.array([alt for _, alt in variants], np.int32)
    columns = draw.permutation(samples + 2)[:samples].astype(np.int32)
    out = np.zeros((len(variants), (samples + 5) // 4), np.uint8)
    order = np.arange(words, dtype=np.int32)
    run(runs_of_cells(numbers), order, codes, columns, men, haploid, firsts, alts, out)
    for row, (site, alt) in enumerate(variants):
        for sample, column in enumerate(columns.tolist()):
            code = codes[numbers[site, sample], alt]
            wanted = 3 if code == 1 and men[sample] and haploid[site] else code
            assert out[row, column // 4] >> 2 * (column % 4) & 3 == wanted

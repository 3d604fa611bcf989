"""Bins and windows of an index are those of the specifications' own formula, at the edges of bins too."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from genocloud.callset import vcf_index

EDGES = st.builds(
    lambda level, number, shift: max((number << (14 + 3 * level)) + shift, 0),
    st.integers(0, 4),
    st.integers(0, 7),
    st.integers(-2, 2),
)


def reg2bin(begin: int, end: int, depth: int) -> int:
    """The bin of begin <= base < end (CSIv1, "Binning index": reg2bin with min_shift 14)."""
    shift, first, end = 14, ((1 << depth * 3) - 1) // 7, end - 1
    for level in range(depth, 0, -1):
        if begin >> shift == end >> shift:
            return first + (begin >> shift)
        shift += 3
        first -= 1 << ((level - 1) * 3)
    return 0


@given(st.lists(st.tuples(EDGES, st.integers(1, 3)), min_size=1, max_size=5), st.sampled_from((5, 6)))
def test_bins_are_those_of_the_specification(records, depth):
    begin = np.array([place for place, _ in records], np.int64)
    end = begin + np.array([length for _, length in records])
    bins = vcf_index._bins(begin, end, depth)
    assert bins.tolist() == [reg2bin(*each, depth) for each in zip(begin.tolist(), end.tolist(), strict=True)]


def test_a_window_begins_with_the_first_record_that_touches_it():
    begin, end = np.array([0, 16_383, 16_384, 40_000]), np.array([16_384, 16_385, 16_390, 50_000])
    first: dict[int, int] = {}
    for window, place in vcf_index._first_places(begin, end, np.array([10, 20, 30, 40])):
        first.setdefault(window, place)
    assert first == {0: 10, 1: 20, 2: 40, 3: 40}

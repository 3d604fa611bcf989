"""Keys come back as they were, and what callers write as a rule is stored as zeros."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from genocloud.genotypes import stored_keys

ENTRIES = st.integers(0, 300) | st.integers(-(2**31), 2**31 - 1)


@given(st.lists(st.lists(ENTRIES, max_size=4) | st.lists(ENTRIES, min_size=9, max_size=9), max_size=6))
def test_keys_come_back(keys):
    offsets = np.cumsum([0, *map(len, keys)])
    values = np.array([entry for key in keys for entry in key], np.int32)
    stored = stored_keys.packed(offsets, values)
    assert stored_keys.unpacked(offsets, stored).tolist() == values.tolist()


def test_a_carriers_key_is_stored_as_what_its_first_likelihoods_do_not_say():
    keys = [[2, 0, 1, 500, 0, 200, 530, 245, 775], [2, 0, 1, 501, 0, 90, 501, 90, 590]]
    stored = stored_keys.packed(np.array([0, 9, 18]), np.array(keys, np.int32).ravel())
    assert stored.reshape(9, 2).T.tolist() == [[2, 0, 1, 1000, 0, 200, 60, 90, 0], [2, 0, 1, 2, 0, 90, 0, 0, 1]]


def test_a_blocks_key_is_stored_as_what_the_one_before_does_not_say():
    keys = np.array([[2, -1, 0, 30, 440], [2, -1, 0, 30, 450]], np.int32)
    assert stored_keys.packed(np.array([0, 5, 10]), keys.ravel()).tolist() == [4, 0, 1, 0, 0, 0, 60, 0, 880, 20]

"""Keys come back as they were, and what callers write as a rule is stored as zeros."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from genocloud.differences import by_length, folded
from genocloud.kernels.stored_keys import pack_keys, unpack_keys
from tests.support.kernel_twins import both

ENTRIES = st.integers(0, 300) | st.integers(-(2**31), 2**31 - 1)
KEYS = st.lists(st.lists(ENTRIES, max_size=4) | st.lists(ENTRIES, min_size=9, max_size=9), max_size=6)


def raveled(keys):
    values = np.array([entry for key in keys for entry in key], np.int32)
    return np.cumsum([0, *map(len, keys)]).astype(np.int64), values


def packed_by_length(offsets, values):
    """Keys of each length as an array, packed together."""
    out = np.empty_like(values)
    for _, slices, at in by_length(offsets):
        part = values[slices]
        if len(part) == 9:
            _, _, _, ref, het, hom, ref_other, alt_other, _ = part
            less = np.stack([np.append(np.int32(0), ref[:-1]), ref, hom, ref_other + alt_other - het])
            part[[3, 6, 7, 8]] = folded(part[[3, 6, 7, 8]] - less)
        else:
            part = folded(np.diff(part, prepend=np.int32(0)))
        out[at] = part.ravel()
    return out


@both(pack_keys)
@given(KEYS)
def test_keys_are_stored_place_by_place(run, keys):
    with np.errstate(over="ignore"):
        assert run(*raveled(keys)).tolist() == packed_by_length(*raveled(keys)).tolist()


@both(unpack_keys)
@given(KEYS)
def test_keys_come_back(run, keys):
    offsets, values = raveled(keys)
    assert run(offsets, packed_by_length(offsets, values)).tolist() == values.tolist()


def test_a_carriers_key_is_stored_as_what_its_first_likelihoods_do_not_say():
    keys = [[2, 0, 1, 500, 0, 200, 530, 245, 775], [2, 0, 1, 501, 0, 90, 501, 90, 590]]
    stored = pack_keys(*raveled(keys))
    assert stored.reshape(9, 2).T.tolist() == [[2, 0, 1, 1000, 0, 200, 60, 90, 0], [2, 0, 1, 2, 0, 90, 0, 0, 1]]


def test_a_blocks_key_is_stored_as_what_the_one_before_does_not_say():
    assert pack_keys(*raveled([[2, -1, 0, 30, 440], [2, -1, 0, 30, 450]])).tolist() == [
        4,
        0,
        1,
        0,
        0,
        0,
        60,
        0,
        880,
        20,
    ]

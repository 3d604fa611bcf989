"""Thousandths as whole numbers are those that numpy finds, and come back bit for bit."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from genocloud.kernels.thousandths import CODES, UNIT, exchange_thousandths
from tests.support.kernel_twins import both

BITS = st.one_of(
    st.integers(-(2**31), 2**31 - 1),
    st.integers(-(2**22) - 2, 2**22 + 2),
    st.integers(-5_000_000, 5_000_000).map(lambda k: int(np.float32(k / 1000).view(np.int32))),
)


def exchanged(bits):
    with np.errstate(invalid="ignore"):  # NaNs
        values = bits.view(np.float32).astype(np.float64)
    codes = np.rint(np.where(np.abs(values) < CODES / UNIT, values, 0.0) * UNIT).astype(np.int32)
    is_code = np.abs(bits.astype(np.int64)) < CODES
    is_value = (codes / UNIT).astype(np.float32).view(np.int32) == bits
    return np.where(is_code, (bits / UNIT).astype(np.float32).view(np.int32), np.where(is_value, codes, bits))


@both(exchange_thousandths)
@given(st.lists(BITS, max_size=9))
def test_exchanging_twice_gives_the_bits_back(run, bits):
    bits = np.array(bits, np.int32)
    once = run(bits)
    assert once.tolist() == exchanged(bits).tolist()
    assert run(once).tolist() == bits.tolist()

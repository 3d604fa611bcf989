"""Floats that are whole thousandths as whole numbers, which compress better."""

import numpy as np

from genocloud.kernels.kernel import kernel

UNIT, CODES = 1000.0, 1 << 22


@kernel("int32[::1]")
def exchange_thousandths(bits):
    """Bits of floats with those of k / 1000 and of the whole number k exchanged, for |k| < 2^22; its own inverse.

    bits  (n,) int32; of float32

    As bits of floats these numbers are those of denormals and of NaNs with a sign.
    """
    values, out = bits.view(np.float32), np.empty_like(bits)
    exchanged = out.view(np.float32)
    for i in range(len(bits)):
        out[i] = bits[i]
        if abs(np.int64(bits[i])) < CODES:
            exchanged[i] = np.float32(bits[i] / UNIT)
        elif abs(values[i]) < CODES / UNIT:
            code = np.int32(np.rint(np.float64(values[i]) * UNIT))  # of -0.0 this is 0, whose bits are others
            exchanged[i] = np.float32(code / UNIT)
            out[i] = code if out[i] == bits[i] else bits[i]
    return out

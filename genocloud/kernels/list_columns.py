"""Take rows of a column of lists."""

import numpy as np

from genocloud.kernels.kernel import kernel


@kernel()
def take_lists(offsets, values, rows):
    """The lists of some rows: (offsets (rows + 1,) int32, values int32), of less than 2**31 values.

    offsets, values  (lists + 1,) int64 and int32; list i is values[offsets[i]:offsets[i + 1]]
    rows             (rows,) int32
    """
    out_offsets = np.zeros(len(rows) + 1, np.int32)
    for i in range(len(rows)):
        out_offsets[i + 1] = out_offsets[i] + offsets[rows[i] + 1] - offsets[rows[i]]
    out = np.empty(out_offsets[-1], np.int32)
    for i in range(len(rows)):
        shift = offsets[rows[i]] - out_offsets[i]
        for k in range(out_offsets[i], out_offsets[i + 1]):
            out[k] = values[shift + k]
    return out_offsets, out

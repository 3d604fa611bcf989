"""Likelihood keys as tables hold them, so that they compress: place by place, less what is before."""

import numpy as np
import numpy.typing as npt

from genocloud.differences import by_length, folded, unfolded

Places = npt.NDArray[np.int64]
Values = npt.NDArray[np.int32]

_PAIR = 9
"""Entries of a diploid's key at a site of one ALT: ploidy, its numbers of REF and ALT, and PL with <NON_REF>."""

_REF, _HET, _HOM, _REF_OTHER, _ALT_OTHER, _OTHER = range(3, _PAIR)
_CHANGED = [_REF, _REF_OTHER, _ALT_OTHER, _OTHER]
"""PL of such a key that are stored as differences.

A read that has one of two alleles counts half as much in 0/1 as in 0/2: PL of the latter is that of 0/0 and 3 for each
such read, that of 2/2 what those of 0/2 and 1/2 add up to. Of 10,000 people on 20 kb (25 batches) a carrier's key took
8.7 bytes, and takes 4.6; one of a block 2.7, and 0.7.
"""


def packed(offsets: Places, values: Values) -> Values:
    """Values of keys, sorted at each site, as they are stored; offsets (keys + 1,): the keys' slices."""
    out = np.empty_like(values)
    for _, slices, at in by_length(offsets):
        part = values[slices]
        if len(part) == _PAIR:
            less = np.stack([part[_REF], part[_REF], part[_HOM], part[_REF_OTHER] + part[_ALT_OTHER] - part[_HET]])
            less[0, 1:], less[0, :1] = part[_REF, :-1], 0
            part[_CHANGED] = folded(part[_CHANGED] - less)
        else:
            part = folded(np.diff(part, prepend=np.int32(0)))
        out[at] = part.ravel()
    return out


def unpacked(offsets: Places, stored: Values) -> Values:
    """The inverse of `packed`."""
    out = np.empty_like(stored)
    for _, slices, at in by_length(offsets):
        part = stored[at].reshape(slices.shape).copy()
        if len(part) == _PAIR:
            part[_CHANGED] = unfolded(part[_CHANGED])
            part[_REF] = np.cumsum(part[_REF], dtype=np.int32)
            part[_REF_OTHER] += part[_REF]
            part[_ALT_OTHER] += part[_HOM]
            part[_OTHER] += part[_REF_OTHER] + part[_ALT_OTHER] - part[_HET]
        else:
            part = np.cumsum(unfolded(part), axis=1, dtype=np.int32)
        out[slices] = part
    return out

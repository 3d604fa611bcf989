"""Likelihood keys as tables hold them, so that they compress: place by place, less what is before."""

import numpy as np

from genocloud.kernels.kernel import compiled, kernel, uncounted

_PAIR = 9
"""Entries of a diploid's key at a site of one ALT: ploidy, its numbers of REF and ALT, and PL with <NON_REF>."""

_REF, _HET, _HOM, _REF_OTHER, _ALT_OTHER, _OTHER = range(3, _PAIR)
"""PL of such a key, of which the second and the third are stored as they are.

A read that has one of two alleles counts half as much in 0/1 as in 0/2: PL of the latter is that of 0/0 and 3 for each
such read, that of 2/2 what those of 0/2 and 1/2 add up to. Of 10,000 people on 20 kb (25 batches) a carrier's key took
8.7 bytes, and takes 4.6; one of a block 2.7, and 0.7.
"""


@uncounted
def _folded(value):
    """`differences.folded` of a number that wraps around as int32 does: int32."""
    short = np.int64(np.int32(value))
    return np.int32((short << 1) ^ (short >> 31))


@uncounted
def _unfolded(value):
    """The reverse of `_folded`, of an int32: int64."""
    bits = np.int64(value) & 0xFFFFFFFF
    return (bits >> 1) ^ -(bits & 1)


@compiled
def _rooms(offsets):
    """For each length of a key how many have it, and where the first stored one begins: two of (longest + 1,) int64."""
    longest = np.int64(0)
    for key in range(len(offsets) - 1):
        longest = max(longest, offsets[key + 1] - offsets[key])
    counts, starts = np.zeros(longest + 1, np.int64), np.zeros(longest + 1, np.int64)
    for key in range(len(offsets) - 1):
        counts[offsets[key + 1] - offsets[key]] += 1
    for length in range(1, longest + 1):
        starts[length] = starts[length - 1] + (length - 1) * counts[length - 1]
    return counts, starts


@uncounted
def _pack_pair(values, first, last, out, at, step):
    """Pack the key of a pair that begins at `first`, the one before at `last`, or -1, into out[at::step]."""
    for k in range(_PAIR):
        out[at + k * step] = values[first + k]
    ref, het, hom = np.int64(values[first + _REF]), np.int64(values[first + _HET]), np.int64(values[first + _HOM])
    ref_other, alt_other = np.int64(values[first + _REF_OTHER]), np.int64(values[first + _ALT_OTHER])
    before = np.int64(values[last + _REF]) if last >= 0 else np.int64(0)
    out[at + _REF * step] = _folded(ref - before)
    out[at + _REF_OTHER * step] = _folded(ref_other - ref)
    out[at + _ALT_OTHER * step] = _folded(alt_other - hom)
    out[at + _OTHER * step] = _folded(np.int64(values[first + _OTHER]) - (ref_other + alt_other - het))


@uncounted
def _unpack_pair(stored, at, step, out, first, last):
    """The reverse of `_pack_pair`: stored[at::step] into out, whose key before begins at `last`, or -1."""
    for k in range(_PAIR):
        out[first + k] = stored[at + k * step]
    before = np.int64(out[last + _REF]) if last >= 0 else np.int64(0)
    ref = before + _unfolded(stored[at + _REF * step])
    ref_other = ref + _unfolded(stored[at + _REF_OTHER * step])
    alt_other = np.int64(out[first + _HOM]) + _unfolded(stored[at + _ALT_OTHER * step])
    other = ref_other + alt_other - out[first + _HET] + _unfolded(stored[at + _OTHER * step])
    out[first + _REF], out[first + _REF_OTHER] = np.int32(ref), np.int32(ref_other)
    out[first + _ALT_OTHER], out[first + _OTHER] = np.int32(alt_other), np.int32(other)


@kernel()
def pack_keys(offsets, values):
    """Values of keys, sorted at each site, as they are stored: int32.

    offsets  (keys + 1,) int64; the keys' slices of values, int32

    Those of keys of one length stand together, of these all first values, then all second. PL of pairs are less what
    others of them say, values of other keys less those of the key before of their length. Differences wrap around.
    """
    (counts, starts), out = _rooms(offsets), np.empty_like(values)
    before = np.full(len(counts), -1, np.int64)
    for key in range(len(offsets) - 1):
        first, length = offsets[key], offsets[key + 1] - offsets[key]
        at, step, last = starts[length], counts[length], before[length]
        if length == _PAIR:
            _pack_pair(values, first, last, out, at, step)
        else:
            for k in range(length):
                less = np.int64(values[last + k]) if last >= 0 else np.int64(0)
                out[at + k * step] = _folded(np.int64(values[first + k]) - less)
        starts[length], before[length] = at + 1, first
    return out


@kernel()
def unpack_keys(offsets, stored):
    """The inverse of `pack_keys`: int32."""
    (counts, starts), out = _rooms(offsets), np.empty_like(stored)
    before = np.full(len(counts), -1, np.int64)
    for key in range(len(offsets) - 1):
        first, length = offsets[key], offsets[key + 1] - offsets[key]
        at, step, last = starts[length], counts[length], before[length]
        if length == _PAIR:
            _unpack_pair(stored, at, step, out, first, last)
        else:
            for k in range(length):
                less = np.int64(out[last + k]) if last >= 0 else np.int64(0)
                out[first + k] = np.int32(less + _unfolded(stored[at + k * step]))
        starts[length], before[length] = at + 1, first
    return out

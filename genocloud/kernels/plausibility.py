"""Checks for values that no record may have: impossible ALTs, negative counts, numbers beyond float32."""

import numpy as np

from genocloud.kernels.allele_text import symbolic
from genocloud.kernels.kernel import uncounted
from genocloud.kernels.vcf_fields import MISSING, pointer, stay_apart

DONE = 0
BAD_ALT_LETTERS, BAD_ALT_REF, BAD_ALT_TWICE, BAD_NEGATIVE, BAD_ALT_COUNT = range(32, 37)
"""Statuses, as parsing.parse returns them."""

MAX_ALTS = 4096
"""Of a record; one with so many would have 8 million PLs a sample. Each ALT is compared with those before it."""

LARGEST = float(np.finfo(np.float32).max)
"""Annotations are stored with 32 bits."""


def _bases():
    bases = np.zeros(256, np.uint8)
    bases[np.frombuffer(b"ACGTNRYSWKMBDHVacgtnryswkmbdhv", np.uint8)] = 1
    return bases


BASES = _bases()
"""Source: VCF 4.3, section 1.6.1: ALT; and codes of several bases, which are read as N."""


@uncounted
def finite(number):
    """The number, or NaN if it does not fit in float32."""
    return number if abs(number) <= LARGEST else np.nan


@uncounted
def alike(text, one, other, size):
    """Whether two texts are equal, ignoring case."""
    for k in range(size):
        if (text[one + k] | 32) != (text[other + k] | 32):
            return False
    return True


@uncounted
def only_bases(text, start, size):
    """Whether an ALT is bases, `*`, or a breakend, whose mate may be unknown (`A.`)."""
    bases = pointer(BASES)
    for k in range(size):
        if bases[text[start + k]] == 0:
            return (size == 1 and text[start] == 42) or symbolic(text, start, size)
    return True


@uncounted
def check_alternates(text, ref, ref_size, starts, sizes, first, count):
    """Check each ALT for characters that VCF does not allow, equality with REF, and duplicates: a status."""
    stay_apart()
    if count > MAX_ALTS:
        return BAD_ALT_COUNT
    for k in range(first, first + count):
        start, size = starts[k], sizes[k]
        if size == ref_size and alike(text, start, ref, size):
            return BAD_ALT_REF
        for j in range(first, k):
            if sizes[j] == size and alike(text, start, starts[j], size):
                return BAD_ALT_TWICE
        if text[start] != 60 and not only_bases(text, start, size):
            return BAD_ALT_LETTERS
    return DONE


@uncounted
def any_negative(values, first, count):
    """Whether some number is below zero; a missing one is not."""
    stay_apart()
    for k in range(first, first + count):
        if values[k] < 0 and values[k] != MISSING:
            return True
    return False

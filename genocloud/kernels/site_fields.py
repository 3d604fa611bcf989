"""Parse a record's columns from CHROM to INFO."""

import numpy as np

from genocloud.kernels.allele_text import NON_REF, deletion_like, old_star, reference_allele, symbolic
from genocloud.kernels.info_fields import find_end
from genocloud.kernels.kernel import uncounted
from genocloud.kernels.plausibility import finite
from genocloud.kernels.record_layout import (
    BAD_ALLELE,
    BAD_COLUMNS,
    BAD_END,
    BAD_NUMBER,
    BAD_POSITION,
    DONE,
    OTHER_CONTIG,
    R_ALTS,
    R_COVERS,
    R_FILTER,
    R_FILTER_END,
    R_ID,
    R_ID_END,
    R_INFO,
    R_INFO_END,
    R_REAL,
    R_REF,
    R_REF_SIZE,
    R_START,
    R_STOP,
    R_SYMBOLIC,
)
from genocloud.kernels.vcf_fields import BAD, CR, MISSING, TAB, integer, pointer, real, same, skip


@uncounted
def alternates(text, at, record, alt_starts, alt_sizes, first):
    """Parse ALT into alt_starts[first:], alt_sizes[first:] and R_ALTS, R_REAL, R_COVERS: (status, place after)."""
    count = 0
    is_real = covers = is_symbolic = False
    if same(text, at, pointer(NON_REF), 0, 9) and text[at + 9] == TAB:
        alt_starts[first] = at
        alt_sizes[first] = 9
        count = 1
        at += 9
    elif text[at] == 46 and text[at + 1] == TAB:
        at += 1
    else:
        while True:
            start = at
            while text[at] > CR and text[at] != 44:
                at += 1
            size = at - start
            if size == 0:
                return BAD_ALLELE, at
            if old_star(text, start, size):
                start, size = start + 1, np.int64(1)
            alt_starts[first + count] = start
            alt_sizes[first + count] = size
            count += 1
            if not reference_allele(text, start, size):
                is_real = True
                if symbolic(text, start, size):
                    is_symbolic = True
                elif record[R_REF_SIZE] > 1:
                    covers |= deletion_like(text, record[R_REF], record[R_REF_SIZE], start, size)
            if text[at] != 44:
                break
            at += 1
    record[R_ALTS] = count
    record[R_REAL] = is_real
    record[R_COVERS] = covers
    record[R_SYMBOLIC] = is_symbolic
    return DONE, at


@uncounted
def parse_site(text, at, chrom, chrom_size, length, record, reals, row, alt_starts, alt_sizes, first):
    """Parse CHROM to INFO into the record, QUAL into reals[row]: (status, place after INFO)."""
    if not same(text, at, chrom, 0, chrom_size) or text[at + chrom_size] != TAB:
        return OTHER_CONTIG, at
    at += chrom_size
    pos, at = integer(text, at + 1)
    if pos < 1:
        return BAD_NUMBER if pos == BAD else BAD_POSITION, at
    if text[at] != TAB:
        return BAD_COLUMNS, at
    record[R_ID] = at + 1
    at = skip(text, at + 1)
    record[R_ID_END] = at
    if text[at] != TAB:
        return BAD_COLUMNS, at
    record[R_REF] = at + 1
    at = skip(text, at + 1)
    record[R_REF_SIZE] = at - record[R_REF]
    if text[at] != TAB:
        return BAD_COLUMNS, at
    if record[R_REF_SIZE] == 0:
        return BAD_ALLELE, at
    status, at = alternates(text, at + 1, record, alt_starts, alt_sizes, first)
    if status != DONE or text[at] != TAB:
        return status if status != DONE else BAD_COLUMNS, at
    if text[at + 1] == 46 and text[at + 2] == TAB:
        reals[row] = np.nan
        at += 2
    else:
        number, at, good = real(text, at + 1)
        reals[row] = finite(number)
        if not good or text[at] != TAB:
            return BAD_NUMBER, at
    record[R_FILTER] = at + 1
    at = skip(text, at + 1)
    record[R_FILTER_END] = at
    if text[at] != TAB:
        return BAD_COLUMNS, at
    record[R_INFO] = at + 1
    stop, at = find_end(text, at + 1)
    record[R_INFO_END] = at
    if stop == BAD:
        return BAD_NUMBER, at
    if text[at] != TAB:
        return BAD_COLUMNS, at
    if stop == MISSING:
        stop = pos - 1 + (record[R_REF_SIZE] if record[R_COVERS] else 1)
    record[R_START] = pos - 1
    record[R_STOP] = stop
    return DONE if pos <= stop <= length else BAD_END, at

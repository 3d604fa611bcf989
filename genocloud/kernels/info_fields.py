"""Parse a record's INFO: END, and a variant's values into the arrays of variants."""

import numpy as np

from genocloud.kernels.kernel import uncounted
from genocloud.kernels.plausibility import finite
from genocloud.kernels.record_layout import I_INFO_DP, I_MQ0, REAL_ROWS, S_FT, SPAN_ROWS
from genocloud.kernels.vcf_fields import (
    BAD,
    CR,
    MISSING,
    MISSING_LONG,
    TAB,
    field_end,
    find_key,
    integer,
    keys,
    pointer,
    real,
)

INFOS, INFO_LENGTHS = keys(
    (
        "DP",
        "MQ0",
        "BaseQRankSum",
        "ClippingRankSum",
        "MQRankSum",
        "ReadPosRankSum",
        "MQ",
        "ExcessHet",
        "AS_RAW_BaseQRankSum",
        "AS_RAW_MQ",
        "AS_RAW_MQRankSum",
        "AS_RAW_ReadPosRankSum",
        "AS_SB_TABLE",
        "RAW_MQandDP",
        "RAW_MQ",
        "MQ_DP",
    )
)
N_DP, N_MQ0, N_FIRST_REAL, N_FIRST_TEXT, N_RAW_MQ, N_OLD_RAW_MQ, N_OLD_MQ_DP = 0, 1, 2, 8, 13, 14, 15


@uncounted
def find_end(text, at):
    """INFO's END and the place after INFO; the value may be MISSING or BAD."""
    value = np.int64(MISSING)
    while True:
        if text[at] == 69 and text[at + 1] == 78 and text[at + 2] == 68 and text[at + 3] == 61:
            begin = at + 4
            value, at = integer(text, begin)
            if value == BAD or at == begin or (text[at] > CR and text[at] != 59):
                return np.int64(BAD), at
        at = field_end(text, at)
        if text[at] <= CR:
            return value, at
        at += 1


@uncounted
def set_span(text, spans, room, which, row, start, end):
    """Store the start and length of a string; length -1 for `.` or an empty one."""
    missing = end == start or (end == start + 1 and text[start] == 46)
    spans[2 * which * room + row] = start
    spans[(2 * which + 1) * room + row] = -1 if missing else end - start


@uncounted
def parse_info(text, start, end, room, row, ints, reals, longs, spans):
    """Parse a variant record's INFO into its row; False when a number is malformed."""
    ints[I_INFO_DP * room + row] = MISSING
    ints[I_MQ0 * room + row] = MISSING
    for k in range(1, len(REAL_ROWS)):
        reals[k * room + row] = np.nan
    longs[row] = MISSING_LONG
    longs[room + row] = MISSING_LONG
    for k in range(S_FT + 1, len(SPAN_ROWS)):
        spans[(2 * k + 1) * room + row] = -1
    at = start
    good = True
    while at < end:
        begin = at
        while at < end and text[at] != 61 and text[at] != 59:
            at += 1
        key = np.int64(-1)
        if text[at] == 61:
            key = find_key(text, begin, at, pointer(INFOS), pointer(INFO_LENGTHS), len(INFO_LENGTHS))
        at += 1
        if key == N_DP or key == N_MQ0:
            value, at = integer(text, at)
            if value == BAD or (at < end and text[at] != 59) or (value < 0 and value != MISSING):
                return False
            ints[(I_INFO_DP + key) * room + row] = value
        elif N_FIRST_REAL <= key < N_FIRST_TEXT:
            number, at, fine = real(text, at)
            good &= fine and (at == end or text[at] == 59)
            reals[(key - N_FIRST_REAL + 1) * room + row] = finite(number)
        elif key == N_RAW_MQ:
            good &= raw_mq_and_depth(text, at, room, row, longs)
        elif key == N_OLD_RAW_MQ:
            number, at, fine = real(text, at)
            number = finite(number)
            good &= fine and (at == end or text[at] == 59) and not abs(number) > 1e15
            if longs[row] == MISSING_LONG and number >= 0:
                longs[row] = np.int64(number + 0.5)
        elif key == N_OLD_MQ_DP:
            value, at = integer(text, at)
            if value == BAD or (at < end and text[at] != 59):
                return False
            if longs[room + row] == MISSING_LONG and value >= 0:
                longs[room + row] = value
        if at <= end and text[at - 1] != 59:
            begin = at
            at = field_end(text, at)
            if N_FIRST_TEXT <= key < N_RAW_MQ:
                set_span(text, spans, room, key - N_FIRST_TEXT + S_FT + 1, row, begin, at)
            at += 1
        if not good:
            return False
    return True


@uncounted
def raw_mq_and_depth(text, at, room, row, longs):
    """RAW_MQandDP=sum,reads: two integers of 64 bits, or `.`; False when malformed."""
    if text[at] == 46 and (text[at + 1] == TAB or text[at + 1] == 59):
        return True
    for k in range(2):
        begin = at
        value = np.int64(0)
        while 48 <= text[at] <= 57:
            value = value * 10 + (text[at] - 48)
            at += 1
        if at == begin or at - begin > 18 or (text[at] == 44 and k == 1) or (text[at] != 44 and k == 0):
            return False
        longs[k * room + row] = value
        at += 1
    return text[at - 1] == TAB or text[at - 1] == 59

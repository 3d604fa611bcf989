"""gVCF text to typed arrays: one pass over the bytes, record by record."""

import numpy as np
from numba import njit, types
from numba.extending import intrinsic, overload

from genocloud import schema

MISSING = int(schema.MISSING)
BAD = MISSING - 1
"""What `integer` returns for text that is no number of 32 bits (it returns 64-bit values)."""

MISSING_LONG = int(np.iinfo(np.int64).min)

FORMAT_KEYS = 1024
"""FORMAT keys of a record that are looked at; real files have about ten."""

TAB, LF, CR, HASH = 9, 10, 13, 35

# What `parse` writes: rows of its two-dimensional arrays.
BLOCK_ROWS = ("start", "stop", "dp", "gq", "min_dp", "pl0", "pl1", "pl2", "ploidy", "called", "kept")
B_START, B_STOP, B_DP, B_GQ, B_MIN_DP, B_PL0, B_PL1, B_PL2, B_PLOIDY, B_CALLED, B_KEPT = range(11)
INT_ROWS = ("start", "stop", "phased", "dp", "gq", "min_dp", "ps", "info_dp", "mq0", "kept")
I_START, I_STOP, I_PHASED, I_DP, I_GQ, I_MIN_DP, I_PS, I_INFO_DP, I_MQ0, I_KEPT = range(10)
REAL_ROWS = (
    "qual", "base_q_rank_sum", "clipping_rank_sum", "mq_rank_sum", "read_pos_rank_sum", "mq", "excess_het",
)  # fmt: skip
SPAN_ROWS = (
    "id", "ref", "filter", "pgt", "pid", "as_raw_base_q_rank_sum", "as_raw_mq", "as_raw_mq_rank_sum",
    "as_raw_read_pos_rank_sum", "as_sb_table",
)  # fmt: skip
S_ID, S_REF, S_FILTER, S_PGT, S_PID = range(5)
LIST_ROWS = ("alts", "gt", "ad", "pl", "sb")
L_ALTS, L_GT, L_AD, L_PL, L_SB = range(5)

# `record`, what is known of the record being read.
RECORD = (
    "start", "stop", "id", "id_end", "ref", "ref_size", "alts", "real", "covers", "filter", "filter_end", "info",
    "info_end", "format", "format_size", "keys", "dp", "gq", "min_dp", "ps", "gt_count", "ad_count", "pl_count",
    "sb_count", "phased", "pgt", "pgt_end", "pid", "pid_end", "called", "block", "kept",
)  # fmt: skip
(
    R_START, R_STOP, R_ID, R_ID_END, R_REF, R_REF_SIZE, R_ALTS, R_REAL, R_COVERS, R_FILTER, R_FILTER_END, R_INFO,
    R_INFO_END, R_FORMAT, R_FORMAT_SIZE, R_KEYS, R_DP, R_GQ, R_MIN_DP, R_PS, R_GT_COUNT, R_AD_COUNT, R_PL_COUNT,
    R_SB_COUNT, R_PHASED, R_PGT, R_PGT_END, R_PID, R_PID_END, R_CALLED, R_BLOCK, R_KEPT,
) = range(len(RECORD))  # fmt: skip
R_FIRST_VALUE, R_LAST_VALUE = R_DP, R_PS + 1
R_LAST_COUNT = R_PID_END + 1
"""What no field writes is 0 from R_GT_COUNT on: no values, not phased, empty strings."""

# `outcome`, what `parse` returns in numbers.
OUTCOME = (
    "status", "consumed", "blocks", "variants", "alts", "gts", "ads", "pls", "sbs", "lines", "read", "doubles",
    "strays", "place",
)  # fmt: skip
(
    O_STATUS, O_CONSUMED, O_BLOCKS, O_VARIANTS, O_ALTS, O_GTS, O_ADS, O_PLS, O_SBS, O_LINES, O_READ, O_DOUBLES,
    O_STRAYS, O_PLACE,
) = range(len(OUTCOME))  # fmt: skip

# `status`
(
    DONE, OTHER_CONTIG, BAD_COLUMNS, BAD_NUMBER, BAD_POSITION, BAD_END, BAD_ORDER, BAD_DOUBLE, BAD_GT, BAD_STRAY,
    BAD_AD, BAD_PL, BAD_VALUES, BAD_ALLELE,
) = range(14)  # fmt: skip


def pointer(array):
    """The first element of an array, from where the functions below index.

    Compiled, it is a bare pointer: handed from function to function, arrays are counted, and each count costs about as
    much as parsing a number. Whoever holds the arrays keeps them alive. In plain Python it is the array itself.
    """
    return array


@intrinsic
def _first_element(_, array):
    def generate(context, builder, signature, args):
        return context.make_array(signature.args[0])(context, builder, args[0]).data

    return types.CPointer(array.dtype)(array), generate


@overload(pointer)
def _pointer(array):  # noqa: ARG001  (numba looks at the name)
    return lambda array: _first_element(array)


WIDEST = 24
"""Letters of the longest key, rounded up."""


def _keys(names):
    """Names as (bytes (names * WIDEST,), lengths (names,)): tables that numba freezes into the code."""
    text = b"".join(name.encode().ljust(WIDEST, b"\0") for name in names)
    return np.frombuffer(text, np.uint8), np.array([len(name) for name in names])


FORMATS, FORMAT_LENGTHS = _keys(("GT", "DP", "GQ", "MIN_DP", "PL", "AD", "SB", "PGT", "PID", "PS", "GL"))
F_GT, F_DP, F_GQ, F_MIN_DP, F_PL, F_AD, F_SB, F_PGT, F_PID, F_PS, F_GL = range(11)
INFOS, INFO_LENGTHS = _keys(
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
    )
)
N_DP, N_MQ0, N_FIRST_REAL, N_FIRST_TEXT, N_RAW_MQ = 0, 1, 2, 8, 13
NON_REF = np.frombuffer(b"<NON_REF>", np.uint8)
POWERS = 10.0 ** np.arange(23)
"""Powers of ten that a double holds exactly: dividing a 53-bit integer by one rounds once, as strtod does."""


@njit(cache=True, nogil=True)
def ends_value(byte):
    """Whether a byte ends a value: tab, line end, comma, colon, semicolon."""
    return byte <= CR or byte == 44 or byte == 58 or byte == 59


@njit(cache=True, nogil=True)
def integer(text, at):
    """(value, place after it): MISSING for `.` or nothing; BAD for what is no integer of 32 bits."""
    first = at
    byte = text[at]
    negative = byte == 45
    if negative or byte == 43:
        at += 1
    value = np.int64(0)
    digits = at
    while True:
        digit = np.int64(text[at]) - 48
        if digit < 0 or digit > 9:
            break
        value = value * 10 + digit
        at += 1
    if at > digits and at - digits < 12 and ends_value(text[at]):
        value = -value if negative else value
        return (value if -2147483648 < value <= 2147483647 else np.int64(BAD)), at
    if ends_value(text[first]):
        return np.int64(MISSING), first
    if text[first] == 46 and ends_value(text[first + 1]):
        return np.int64(MISSING), first + 1
    return np.int64(BAD), first


@njit(cache=True, nogil=True)
def word_is(text, start, end, word, size):
    """Whether text[start:end] is word[:size], case apart."""
    if end - start != size:
        return False
    for k in range(size):
        if (text[start + k] | 32) != (word[k] | 32):
            return False
    return True


NAN, INF, INFINITY = (np.frombuffer(word, np.uint8) for word in (b"nan", b"inf", b"infinity"))


@njit(cache=True, nogil=True)
def real(text, at):
    """(value, place after it, well formed): NaN for `.` or nothing; NaN and infinities may be written out."""
    end = at
    while not ends_value(text[end]):
        end += 1
    if end == at or (end == at + 1 and text[at] == 46):
        return np.nan, end, True
    negative = text[at] == 45
    if negative or text[at] == 43:
        at += 1
    value, digits, shift = 0.0, 0, 0
    while at < end and 48 <= text[at] <= 57:
        value = value * 10.0 + (text[at] - 48)
        digits += 1
        at += 1
    if at < end and text[at] == 46:
        at += 1
        while at < end and 48 <= text[at] <= 57:
            if value < 1e17:  # later decimals are below a double's precision
                value = value * 10.0 + (text[at] - 48)
                shift -= 1
            digits += 1
            at += 1
    if digits == 0:
        if word_is(text, at, end, pointer(INF), 3) or word_is(text, at, end, pointer(INFINITY), 8):
            return -np.inf if negative else np.inf, end, True
        return np.nan, end, word_is(text, at, end, pointer(NAN), 3)
    if at < end and (text[at] | 32) == 101:
        power, after = integer(text, at + 1)
        if power == BAD or power == MISSING or abs(power) > 400:
            return np.nan, end, False
        shift += power
        at = after
    if shift < 0:
        value = value / POWERS[-shift] if shift > -23 else value * 10.0 ** np.float64(shift)
    elif shift > 0:
        value = value * POWERS[shift] if shift < 23 else value * 10.0 ** np.float64(shift)
    return -value if negative else value, end, at == end


@njit(cache=True, nogil=True)
def rounded(text, at):
    """An integer that some callers write as a float (GQ): rounded, halves up; otherwise as `integer`."""
    value, after = integer(text, at)
    if value != BAD:
        return value, after
    number, after, good = real(text, at)
    if not good or abs(number) > 2e9:
        return np.int64(BAD), after
    return (np.int64(MISSING) if np.isnan(number) else np.int64(np.floor(number + 0.5))), after


@njit(cache=True, nogil=True)
def integers(text, at, out, first):
    """Integers, `,` between, into out[first:]: (count, place after); none for `.` or nothing; BAD when malformed."""
    if ends_value(text[at]) and text[at] != 44:
        return np.int64(0), at
    count = np.int64(0)
    while True:
        value, at = integer(text, at)
        if value == BAD:
            return value, at
        out[first + count] = value
        count += 1
        if text[at] != 44:
            break
        at += 1
    if count == 1 and value == MISSING:
        count = np.int64(0)
    return count, at


@njit(cache=True, nogil=True)
def likelihoods(text, at, out, first):
    """Log10 likelihoods (GL) as PL into out[first:]: -10 x (GL - largest), rounded, halves up; returns as `integers`.

    Source: htsjdk GenotypeLikelihoods.GLsToPLs.
    """
    begin, count, best = at, np.int64(0), -np.inf
    missing = False
    while True:
        value, at, good = real(text, at)
        if not good:
            return np.int64(BAD), at
        missing |= np.isnan(value)
        best = max(best, value)
        count += 1
        if text[at] != 44:
            break
        at += 1
    if missing or not np.isfinite(best):
        return np.int64(0), at
    at = begin
    for k in range(count):
        value, at, good = real(text, at)
        out[first + k] = np.int64(min(np.floor(-10.0 * (value - best) + 0.5), 2147483647.0))
        at += 1
    return count, at - 1


@njit(cache=True, nogil=True)
def genotype(text, at, out, first):
    """GT into out[first:]: (alleles, place after, phased); BAD alleles when malformed or above 127."""
    if ends_value(text[at]):
        return np.int64(0), at, False
    count = np.int64(0)
    phased = False
    while True:
        value = np.int64(0)
        begin = at
        if text[at] == 46:
            value = np.int64(-1)
            at += 1
        else:
            while 48 <= text[at] <= 57 and at - begin < 4:
                value = value * 10 + (text[at] - 48)
                at += 1
        if at == begin or value > 127:
            return np.int64(BAD), at, phased
        out[first + count] = value
        count += 1
        if text[at] == 124:
            phased = True
        elif text[at] != 47:
            break
        at += 1
    return (count if ends_value(text[at]) else np.int64(BAD)), at, phased


@njit(cache=True, nogil=True)
def find_key(text, start, end, keys, lengths, count):
    """Index of text[start:end] among some keys (of `_keys`), or -1."""
    size = end - start
    for k in range(count):
        if lengths[k] == size:
            same = True
            for j in range(size):
                if keys[k * WIDEST + j] != text[start + j]:
                    same = False
                    break
            if same:
                return k
    return -1


@njit(cache=True, nogil=True)
def format_codes(text, start, end, codes):
    """What each FORMAT key of text[start:end] is, into codes; returns how many there are."""
    count = 0
    at = start
    while at <= end and count < FORMAT_KEYS:
        begin = at
        while at < end and text[at] != 58:
            at += 1
        codes[count] = find_key(text, begin, at, pointer(FORMATS), pointer(FORMAT_LENGTHS), len(FORMAT_LENGTHS))
        count += 1
        at += 1
    return count


@njit(cache=True, nogil=True)
def combinations(alleles, ploidy):
    """Genotypes of a ploidy: the multisets of that many alleles."""
    count = 1
    for k in range(ploidy):
        count = count * (alleles + k) // (k + 1)
    return count


@njit(cache=True, nogil=True)
def fits(length, alleles, ploidy):
    """Whether a PL may have this length; a block that writes no ALT may give the likelihoods of an unwritten one."""
    if length == combinations(alleles, ploidy):
        return True
    return alleles == 1 and length == combinations(2, ploidy)


@njit(cache=True, nogil=True)
def find_end(text, at):
    """INFO's END and the place after INFO; the value may be MISSING or BAD."""
    found = np.int64(MISSING)
    while True:
        if text[at] == 69 and text[at + 1] == 78 and text[at + 2] == 68 and text[at + 3] == 61:
            found, at = integer(text, at + 4)
            if found == BAD:
                return found, at
        while text[at] > CR and text[at] != 59:
            at += 1
        if text[at] <= CR:
            return found, at
        at += 1


@njit(cache=True, nogil=True)
def set_span(text, spans, room, which, row, start, end):
    """Note where a string stands: nothing for `.` or an empty one."""
    missing = end == start or (end == start + 1 and text[start] == 46)
    spans[2 * which * room + row] = start
    spans[(2 * which + 1) * room + row] = -1 if missing else end - start


@njit(cache=True, nogil=True)
def parse_info(text, start, end, room, row, ints, reals, longs, spans):
    """A variant record's INFO into its row; False when a number is malformed."""
    ints[I_INFO_DP * room + row] = MISSING
    ints[I_MQ0 * room + row] = MISSING
    for k in range(1, len(REAL_ROWS)):
        reals[k * room + row] = np.nan
    longs[row] = MISSING_LONG
    longs[room + row] = MISSING_LONG
    for k in range(S_PID + 1, len(SPAN_ROWS)):
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
            good &= value != BAD and text[at] != 44
            ints[(I_INFO_DP + key) * room + row] = value
        elif N_FIRST_REAL <= key < N_FIRST_TEXT:
            number, at, fine = real(text, at)
            good &= fine and text[at] != 44
            reals[(key - N_FIRST_REAL + 1) * room + row] = number
        elif key == N_RAW_MQ:
            good &= raw_mq(text, at, room, row, longs)
        if at <= end and text[at - 1] != 59:
            begin = at
            while at < end and text[at] != 59:
                at += 1
            if N_FIRST_TEXT <= key < N_RAW_MQ:
                set_span(text, spans, room, key - N_FIRST_TEXT + 5, row, begin, at)
            at += 1
        if not good:
            return False
    return True


@njit(cache=True, nogil=True)
def raw_mq(text, at, room, row, longs):
    """RAW_MQandDP=sum,reads: two integers of 64 bits, or `.`; False when malformed."""
    if text[at] == 46 and ends_value(text[at + 1]):
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
    return ends_value(text[at - 1])


@njit(cache=True, nogil=True)
def deletion_like(text, ref, ref_size, alt, alt_size):
    """Whether this ALT makes the record cover its whole REF (GenomicsDB's rule; a symbolic ALT never does)."""
    if alt_size < ref_size:
        return True
    if alt_size > ref_size:
        return False
    different = 0
    for k in range(ref_size):
        different += (text[ref + k] & 0xDF) != (text[alt + k] & 0xDF)
    return different > 1


@njit(cache=True, nogil=True)
def symbolic(text, start, size):
    """Whether an ALT is no sequence of bases: `<...>` or a breakend."""
    for k in range(size):
        byte = text[start + k]
        if byte == 60 or byte == 91 or byte == 93:
            return True
    return False


@njit(cache=True, nogil=True)
def reference_allele(text, start, size):
    """Whether an ALT stands for whatever is not the reference: `<NON_REF>` or `<*>`."""
    if size == 3:
        return text[start] == 60 and text[start + 1] == 42 and text[start + 2] == 62
    return word_is(text, start, start + size, pointer(NON_REF), 9)


@njit(cache=True, nogil=True)
def skip(text, at):
    """The end of a column: the place of the next tab or line end."""
    while text[at] > CR:
        at += 1
    return at


@njit(cache=True, nogil=True)
def alternates(text, at, record, alt_starts, alt_sizes, first):
    """ALT into alt_starts[first:], alt_sizes[first:] and R_ALTS, R_REAL, R_COVERS: (status, place after)."""
    count = 0
    is_real = covers = False
    if text[at] == 46 and text[at + 1] == TAB:
        at += 1
    else:
        while True:
            start = at
            while text[at] > CR and text[at] != 44:
                at += 1
            size = at - start
            if size == 0:
                return BAD_ALLELE, at
            alt_starts[first + count] = start
            alt_sizes[first + count] = size
            count += 1
            if not reference_allele(text, start, size):
                is_real = True
                if record[R_REF_SIZE] > 1 and not symbolic(text, start, size):
                    covers |= deletion_like(text, record[R_REF], record[R_REF_SIZE], start, size)
            if text[at] != 44:
                break
            at += 1
    record[R_ALTS] = count
    record[R_REAL] = is_real
    record[R_COVERS] = covers
    return DONE, at


@njit(cache=True, nogil=True)
def parse_site(text, at, chrom, letters, length, record, reals, row, alt_starts, alt_sizes, first):
    """CHROM to INFO into the record, QUAL into reals[row]: (status, place after INFO)."""
    for k in range(letters):
        if text[at + k] != chrom[k]:
            return OTHER_CONTIG, at
    at += letters
    if text[at] != TAB:
        return OTHER_CONTIG, at
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
        reals[row], at, good = real(text, at + 1)
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


@njit(cache=True, nogil=True)
def parse_format(text, at, record, codes):
    """FORMAT, looked up only where it differs from the last record's: the place after it."""
    start, size = record[R_FORMAT], record[R_FORMAT_SIZE]
    k = 0
    while k < size and text[at + k] == text[start + k]:
        k += 1
    if k == size and size > 0 and text[at + k] <= CR:
        return at + k
    end = skip(text, at)
    record[R_FORMAT] = at
    record[R_FORMAT_SIZE] = end - at
    record[R_KEYS] = format_codes(text, at, end, codes)
    return end


@njit(cache=True, nogil=True)
def parse_sample(text, at, record, codes, gts, ads, pls, sbs, outcome):
    """The sample's values into the record and behind the lists' present ends: (status, place after)."""
    for k in range(R_FIRST_VALUE, R_LAST_VALUE):
        record[k] = MISSING
    for k in range(R_GT_COUNT, R_LAST_COUNT):
        record[k] = 0
    gl = -1
    for k in range(record[R_KEYS] + 1):
        if k == record[R_KEYS]:
            return BAD_VALUES, at
        code = codes[k]
        value = np.int64(0)
        if code == F_GT:
            value, at, phased = genotype(text, at, gts, outcome[O_GTS])
            if value == BAD:
                return BAD_GT, at
            record[R_GT_COUNT] = value
            record[R_PHASED] = phased
        elif code == F_GQ:
            value, at = rounded(text, at)
            record[R_GQ] = value
        elif code == F_DP or code == F_MIN_DP or code == F_PS:
            value, at = integer(text, at)
            record[R_DP if code == F_DP else R_MIN_DP if code == F_MIN_DP else R_PS] = value
        elif code == F_PL:
            value, at = integers(text, at, pls, outcome[O_PLS])
            record[R_PL_COUNT] = value
        elif code == F_AD:
            value, at = integers(text, at, ads, outcome[O_ADS])
            record[R_AD_COUNT] = value
        else:
            start = at
            commas = 0
            while text[at] > CR and text[at] != 58:
                commas += text[at] == 44
                at += 1
            if code == F_SB and commas == 3:  # elsewhere SB is another number: Strelka2's strand bias
                value, at = integers(text, start, sbs, outcome[O_SBS])
                record[R_SB_COUNT] = value
            elif code == F_GL:
                gl = start
            elif code == F_PGT:
                record[R_PGT], record[R_PGT_END] = start, at
            elif code == F_PID:
                record[R_PID], record[R_PID_END] = start, at
        if value == BAD or (text[at] != 58 and text[at] > CR):
            return BAD_NUMBER, at
        if text[at] != 58:
            break
        at += 1
    if gl >= 0 and record[R_PL_COUNT] == 0:
        record[R_PL_COUNT], _ = likelihoods(text, gl, pls, outcome[O_PLS])
        if record[R_PL_COUNT] == BAD:
            return BAD_NUMBER, at
    return DONE, at


@njit(cache=True, nogil=True)
def check_lists(record, gts, pls, first_gt, first_pl):
    """Hold GT, AD and PL to the number of alleles: a status. Drops PLs that are none; finds an unwritten ploidy."""
    alleles = record[R_ALTS] + 1
    count = record[R_PL_COUNT]
    for k in range(count):
        if pls[first_pl + k] < 0:  # missing, or nonsense (xAtlas): no likelihoods at all
            count = np.int64(0)
            break
    record[R_PL_COUNT] = count
    ploidy = record[R_GT_COUNT]
    if count > 0:
        if ploidy == 0 or (ploidy == 1 and gts[first_gt] == -1):  # GT not written: the likelihoods say the ploidy
            ploidy = np.int64(1 if fits(count, alleles, 1) else 2)
            record[R_GT_COUNT] = ploidy
            for k in range(ploidy):
                gts[first_gt + k] = -1
        if not fits(count, alleles, ploidy):
            return BAD_PL
    if record[R_AD_COUNT] > 0 and record[R_AD_COUNT] != alleles:
        return BAD_AD
    top, lowest = np.int64(-1), np.int64(127)
    for k in range(ploidy):
        top = max(top, np.int64(gts[first_gt + k]))
        lowest = min(lowest, np.int64(gts[first_gt + k]))
    record[R_CALLED] = top == 0
    plain = record[R_REAL] == 0 and record[R_AD_COUNT] == 0 and record[R_SB_COUNT] == 0
    record[R_BLOCK] = plain and 1 <= ploidy <= 2 and top == lowest and top <= 0
    return BAD_STRAY if top >= alleles else DONE


@njit(cache=True, nogil=True)
def write_block(record, pls, first_pl, room, row, blocks):
    """A record into its row of `blocks`."""
    count = record[R_PL_COUNT]
    blocks[B_START * room + row] = record[R_START]
    blocks[B_STOP * room + row] = record[R_STOP]
    blocks[B_DP * room + row] = record[R_DP]
    blocks[B_GQ * room + row] = record[R_GQ]
    blocks[B_MIN_DP * room + row] = record[R_MIN_DP]
    blocks[B_PL0 * room + row] = pls[first_pl] if count > 0 else MISSING
    blocks[B_PL1 * room + row] = pls[first_pl + 1] if count > 1 else MISSING
    blocks[B_PL2 * room + row] = pls[first_pl + 2] if count > 2 else MISSING
    blocks[B_PLOIDY * room + row] = record[R_GT_COUNT]
    blocks[B_CALLED * room + row] = record[R_CALLED]
    blocks[B_KEPT * room + row] = record[R_KEPT]


@njit(cache=True, nogil=True)
def write_variant(text, record, room, row, ints, reals, longs, spans, counts):
    """A record into its row of the variants' arrays; False when a number in INFO is malformed."""
    ints[I_START * room + row] = record[R_START]
    ints[I_STOP * room + row] = record[R_STOP]
    ints[I_PHASED * room + row] = record[R_PHASED]
    ints[I_DP * room + row] = record[R_DP]
    ints[I_GQ * room + row] = record[R_GQ]
    ints[I_MIN_DP * room + row] = record[R_MIN_DP]
    ints[I_PS * room + row] = record[R_PS]
    ints[I_KEPT * room + row] = record[R_KEPT]
    set_span(text, spans, room, S_ID, row, record[R_ID], record[R_ID_END])
    set_span(text, spans, room, S_REF, row, record[R_REF], record[R_REF] + record[R_REF_SIZE])
    set_span(text, spans, room, S_FILTER, row, record[R_FILTER], record[R_FILTER_END])
    set_span(text, spans, room, S_PGT, row, record[R_PGT], record[R_PGT_END])
    set_span(text, spans, room, S_PID, row, record[R_PID], record[R_PID_END])
    counts[L_ALTS * room + row] = record[R_ALTS]
    for k in range(4):
        counts[(L_GT + k) * room + row] = record[R_GT_COUNT + k]
    return parse_info(text, record[R_INFO], record[R_INFO_END], room, row, ints, reals, longs, spans)


@njit(cache=True, nogil=True)
def parse(
    text, begin, end, chrom, length, column, columns, lenient, final,
    blocks, ints, reals, longs, spans, counts, alts, gts, ads, pls, sbs, codes, record, held, outcome,
):  # fmt: skip
    """Rows of the records text[begin:end] as long as they lie on one contig.

    text    (bytes,) uint8; text[end - 1] is a line end
    chrom   (letters,) uint8; the contig's name
    length  bases of the contig
    column, columns   the sample's place among the file's samples, and how many there are
    lenient (2,) bool: whether a second record at a position, and a GT that names an allele the record lacks, are
            dropped and counted rather than refused
    final   whether the text ends with the file; if not, the last position's records are left for the next call,
            because only the next record tells where they stop
    blocks  (BLOCK_ROWS, room) int32
    ints    (INT_ROWS, room) int32;  reals (REAL_ROWS, room) float64;  longs (2, room) int64: raw_mq, raw_mq_dp
    spans   (SPAN_ROWS, 2, room) int32: start in the text, length (-1: missing)
    counts  (LIST_ROWS, room) int32: how many values the row has in each of the next five
    alts    (2, room) int32: start, length;  gts (room,) int8;  ads, pls, sbs (room,) int32
    codes   (keys,) int32, record (RECORD,) int64, held (OUTCOME,) int64: scratch
    outcome (OUTCOME,) int64

    Of two records at one position the one with more evidence stays (kept = 1): a real ALT, then the larger likelihood
    of the reference genotype, then QUAL, then the first.
    """
    room = blocks.shape[1]
    for k in range(len(OUTCOME)):
        outcome[k] = 0
    parse_records(
        pointer(text), begin, end, pointer(chrom), chrom.size, length, column, columns, lenient[0], lenient[1], final,
        pointer(blocks.reshape(-1)), pointer(ints.reshape(-1)), pointer(reals.reshape(-1)), pointer(longs.reshape(-1)),
        pointer(spans.reshape(-1)), pointer(counts.reshape(-1)), room, pointer(alts[0]), pointer(alts[1]), pointer(gts),
        pointer(ads), pointer(pls), pointer(sbs), pointer(codes), pointer(record), pointer(held), pointer(outcome),
    )  # fmt: skip


@njit(cache=True, nogil=True)
def parse_records(
    text, begin, end, chrom, letters, length, column, columns, doubles, strays, final,
    blocks, ints, reals, longs, spans, counts, room, alt_starts, alt_sizes, gts, ads, pls, sbs,
    codes, record, held, outcome,
):  # fmt: skip
    """What `parse` does, on pointers."""
    outcome[O_CONSUMED] = begin
    record[R_FORMAT_SIZE] = 0
    # the record that speaks at the present position
    last_start = last_stop = last_row = last_pl = np.int64(-1)
    last_block = last_real = np.int64(0)
    last_qual = -1.0
    at = np.int64(begin)
    status = DONE
    while at < end:
        outcome[O_PLACE] = at
        blank = text[at] == LF or (text[at] == CR and text[at + 1] == LF)
        if blank or text[at] == HASH:  # headers stand between records in files that were strung together
            while text[at] != LF:
                at += 1
            at += 1
            outcome[O_LINES] += 1
            continue
        nv, nb = outcome[O_VARIANTS], outcome[O_BLOCKS]
        first_gt, first_pl = outcome[O_GTS], outcome[O_PLS]
        status, at = parse_site(
            text, at, chrom, letters, length, record, reals, nv, alt_starts, alt_sizes, outcome[O_ALTS]
        )
        if status != DONE:
            break
        start = record[R_START]
        at = parse_format(text, at + 1, record, codes)
        for _ in range(column):
            if text[at] == TAB:
                at = skip(text, at + 1)
        if text[at] != TAB:
            status = BAD_COLUMNS
            break
        status, at = parse_sample(text, at + 1, record, codes, gts, ads, pls, sbs, outcome)
        if status != DONE:
            break
        while column + 1 < columns and text[at] != LF:  # other samples are not looked at
            at += 1
        at += text[at] == CR
        if text[at] != LF:
            status = BAD_COLUMNS
            break
        at += 1
        status = check_lists(record, gts, pls, first_gt, first_pl) if start >= last_start else BAD_ORDER
        if status == BAD_STRAY and strays:
            status = DONE
            outcome[O_STRAYS] += 1
            outcome[O_READ] += 1
            outcome[O_LINES] += 1
            continue
        if status != DONE:
            break
        pl = np.int64(pls[first_pl]) if record[R_PL_COUNT] > 0 else np.int64(-1)
        qual = -1.0 if np.isnan(reals[nv]) else reals[nv]
        # the earlier record stops here, or one of the two gives way
        kept = True
        if start == last_start:
            if not doubles:
                status = BAD_DOUBLE
                break
            kept = record[R_REAL] > last_real
            if record[R_REAL] == last_real:
                kept = pl > last_pl or (pl == last_pl and qual > last_qual)
            outcome[O_DOUBLES] += 1
            if kept and last_block:
                blocks[B_KEPT * room + last_row] = 0
            elif kept:
                ints[I_KEPT * room + last_row] = 0
        else:
            if last_row >= 0 and last_block:
                blocks[B_STOP * room + last_row] = min(last_stop, start)
            elif last_row >= 0:
                ints[I_STOP * room + last_row] = min(last_stop, start)
            for k in range(len(OUTCOME)):
                held[k] = outcome[k]
        if kept:
            last_start, last_stop, last_real, last_pl, last_qual = start, record[R_STOP], record[R_REAL], pl, qual
            last_block = record[R_BLOCK]
            last_row = nb if last_block else nv
        record[R_KEPT] = kept
        if record[R_BLOCK]:
            write_block(record, pls, first_pl, room, nb, blocks)
            outcome[O_BLOCKS] += 1
        else:
            if not write_variant(text, record, room, nv, ints, reals, longs, spans, counts):
                status = BAD_NUMBER
                break
            outcome[O_VARIANTS] += 1
            outcome[O_ALTS] += record[R_ALTS]
            for k in range(4):
                outcome[O_GTS + k] += record[R_GT_COUNT + k]
        outcome[O_READ] += 1
        outcome[O_LINES] += 1
    if status == DONE and not final and last_row >= 0:
        for k in range(len(OUTCOME)):
            outcome[k] = held[k]
        outcome[O_CONSUMED] = held[O_PLACE]
    elif status == OTHER_CONTIG:
        outcome[O_CONSUMED] = outcome[O_PLACE]
    else:
        outcome[O_CONSUMED] = at
    outcome[O_STATUS] = status


@njit(cache=True, nogil=True)
def gather(text, starts, sizes, upper, offsets, out):
    """Copy pieces of a text one after another.

    text    (bytes,) uint8
    starts, sizes (pieces,) int32; a size below 0 is none
    upper   whether letters become capitals (pieces with `<`, `[` or `]` stay as they are)
    offsets (pieces + 1,) int32, of each piece in out
    out     (sum of sizes,) uint8
    """
    at = 0
    for k in range(starts.size):
        offsets[k] = at
        lift = upper and not symbolic(pointer(text), starts[k], sizes[k])
        for j in range(starts[k], starts[k] + sizes[k]):
            byte = text[j]
            out[at] = byte - 32 if lift and 97 <= byte <= 122 else byte
            at += 1
    offsets[starts.size] = at

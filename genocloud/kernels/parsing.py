"""gVCF text to typed arrays: one pass over the bytes, record by record."""

import numpy as np
from numba import njit

from genocloud import schema

MISSING = int(schema.MISSING)
BAD = MISSING - 1
"""What `integer` returns for text that is no number of 32 bits (it returns 64-bit values)."""

MISSING_LONG = int(np.iinfo(np.int64).min)

TAB, LF, CR, HASH = 9, 10, 13, 35

# What `parse` writes: rows of its two-dimensional arrays.
BLOCK_ROWS = ("start", "stop", "dp", "gq", "min_dp", "pl0", "pl1", "pl2", "ploidy", "called", "kept")
B_START, B_STOP, B_DP, B_GQ, B_MIN_DP, B_PL0, B_PL1, B_PL2, B_PLOIDY, B_CALLED, B_KEPT = range(11)
INT_ROWS = ("start", "stop", "phased", "dp", "gq", "min_dp", "ps", "info_dp", "mq0", "kept")
I_START, I_STOP, I_PHASED, I_DP, I_GQ, I_MIN_DP, I_PS, I_INFO_DP, I_MQ0, I_KEPT = range(10)
REAL_ROWS = (
    "qual",
    "base_q_rank_sum",
    "clipping_rank_sum",
    "mq_rank_sum",
    "read_pos_rank_sum",
    "mq",
    "excess_het",
)
SPAN_ROWS = (
    "id",
    "ref",
    "filter",
    "pgt",
    "pid",
    "as_raw_base_q_rank_sum",
    "as_raw_mq",
    "as_raw_mq_rank_sum",
    "as_raw_read_pos_rank_sum",
    "as_sb_table",
)
S_ID, S_REF, S_FILTER, S_PGT, S_PID = range(5)
LIST_ROWS = ("alts", "gt", "ad", "pl", "sb")
L_ALTS, L_GT, L_AD, L_PL, L_SB = range(5)

# `outcome`, what `parse` returns in numbers.
OUTCOME = (
    "status",
    "consumed",
    "blocks",
    "variants",
    "alts",
    "gts",
    "ads",
    "pls",
    "sbs",
    "lines",
    "read",
    "doubles",
    "strays",
    "place",
)
(
    O_STATUS,
    O_CONSUMED,
    O_BLOCKS,
    O_VARIANTS,
    O_ALTS,
    O_GTS,
    O_ADS,
    O_PLS,
    O_SBS,
    O_LINES,
    O_READ,
    O_DOUBLES,
    O_STRAYS,
    O_PLACE,
) = range(14)

# `status`
(
    DONE,
    OTHER_CONTIG,
    BAD_COLUMNS,
    BAD_NUMBER,
    BAD_POSITION,
    BAD_END,
    BAD_ORDER,
    BAD_DOUBLE,
    BAD_GT,
    BAD_STRAY,
    BAD_AD,
    BAD_PL,
    BAD_VALUES,
    BAD_ALLELE,
) = range(14)


def _keys(names):
    """Names as (bytes (names, longest), lengths (names,)): tables that numba freezes into the code."""
    table = np.zeros((len(names), max(map(len, names))), np.uint8)
    for row, name in zip(table, names, strict=True):
        row[: len(name)] = np.frombuffer(name.encode(), np.uint8)
    return table, np.array([len(name) for name in names])


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
    return byte == 44 or byte == 58 or byte == 59 or byte == TAB or byte == LF or byte == CR


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
        if word_is(text, at, end, INF, 3) or word_is(text, at, end, INFINITY, 8):
            return -np.inf if negative else np.inf, end, True
        return np.nan, end, word_is(text, at, end, NAN, 3)
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
    """Comma-separated integers into out[first:]: (count, place after); no values for `.` or nothing; BAD when malformed."""
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
    if missing:
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
def find_key(text, start, end, keys, lengths):
    """Index of text[start:end] among some keys, or -1."""
    size = end - start
    for k in range(lengths.size):
        if lengths[k] == size:
            same = True
            for j in range(size):
                if keys[k, j] != text[start + j]:
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
    while at <= end and count < codes.size:
        begin = at
        while at < end and text[at] != 58:
            at += 1
        codes[count] = find_key(text, begin, at, FORMATS, FORMAT_LENGTHS)
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
def find_end(text, start, end):
    """INFO's END: its value, MISSING or BAD."""
    at = start
    found = np.int64(MISSING)
    while at < end:
        if text[at] == 69 and text[at + 1] == 78 and text[at + 2] == 68 and text[at + 3] == 61:
            found, after = integer(text, at + 4)
            if found == BAD:
                return found
            at = after
        while at < end and text[at] != 59:
            at += 1
        at += 1
    return found


@njit(cache=True, nogil=True)
def set_span(text, spans, which, row, start, end):
    """Note where a string stands: nothing for `.` or an empty one."""
    missing = end == start or (end == start + 1 and text[start] == 46)
    spans[which, 0, row] = start
    spans[which, 1, row] = -1 if missing else end - start


@njit(cache=True, nogil=True)
def parse_info(text, start, end, row, ints, reals, longs, spans):
    """A variant record's INFO into its row; False when a number is malformed."""
    ints[I_INFO_DP, row] = MISSING
    ints[I_MQ0, row] = MISSING
    reals[1:, row] = np.nan
    longs[:, row] = MISSING_LONG
    spans[5:, 1, row] = -1
    at = start
    good = True
    while at < end:
        begin = at
        while at < end and text[at] != 61 and text[at] != 59:
            at += 1
        key = find_key(text, begin, at, INFOS, INFO_LENGTHS) if text[at] == 61 else -1
        at += 1
        if key == N_DP or key == N_MQ0:
            value, at = integer(text, at)
            good &= value != BAD and text[at] != 44
            ints[I_INFO_DP + key, row] = value
        elif N_FIRST_REAL <= key < N_FIRST_TEXT:
            number, at, fine = real(text, at)
            good &= fine and text[at] != 44
            reals[key - N_FIRST_REAL + 1, row] = number
        elif key == N_RAW_MQ:
            good &= raw_mq(text, at, row, longs)
        if at <= end and text[at - 1] != 59:
            begin = at
            while at < end and text[at] != 59:
                at += 1
            if N_FIRST_TEXT <= key < N_RAW_MQ:
                set_span(text, spans, key - N_FIRST_TEXT + 5, row, begin, at)
            at += 1
        if not good:
            return False
    return True


@njit(cache=True, nogil=True)
def raw_mq(text, at, row, longs):
    """RAW_MQandDP=sum,reads: two integers of 64 bits, or `.`; False when malformed."""
    if text[at] == 46 and ends_value(text[at + 1]):
        return True
    for k in range(2):
        begin = at
        value = np.int64(0)
        while 48 <= text[at] <= 57:
            value = value * 10 + (text[at] - 48)
            at += 1
        if at == begin or at - begin > 18 or text[at] == 44 and k == 1 or text[at] != 44 and k == 0:
            return False
        longs[k, row] = value
        at += 1
    return ends_value(text[at - 1])


@njit(cache=True, nogil=True)
def deletion_like(text, ref, ref_size, alt, alt_size):
    """Whether this ALT makes the record cover its whole REF (GenomicsDB's rule; a symbolic ALT never does)."""
    if ref_size == 1:
        return False
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
    return word_is(text, start, start + size, NON_REF, 9)


@njit(cache=True, nogil=True)
def note(outcome, consumed, blocks, variants, alts, gts, ads, pls, sbs, lines, read, doubles, strays):
    """Fill `outcome` with how far parsing has come."""
    outcome[O_CONSUMED] = consumed
    outcome[O_BLOCKS] = blocks
    outcome[O_VARIANTS] = variants
    outcome[O_ALTS] = alts
    outcome[O_GTS] = gts
    outcome[O_ADS] = ads
    outcome[O_PLS] = pls
    outcome[O_SBS] = sbs
    outcome[O_LINES] = lines
    outcome[O_READ] = read
    outcome[O_DOUBLES] = doubles
    outcome[O_STRAYS] = strays


@njit(cache=True, nogil=True)
def parse(
    text, begin, end, chrom, length, column, columns, lenient, final,
    blocks, ints, reals, longs, spans, counts, alts, gts, ads, pls, sbs, codes, outcome,
):  # fmt: skip
    """Rows of the records text[begin:end] as long as they lie on one contig.

    text    (bytes,) uint8; text[end - 1] is a line end
    chrom   (letters,) uint8; the contig's name
    length  bases of the contig
    column, columns   the sample's place among the file's samples, and how many there are
    lenient bool (2,): whether a second record at a position, and a GT that names an allele the record lacks, are
            dropped and counted rather than refused
    final   whether the text ends with the file; if not, the last position's records are left for the next call,
            because only the next record tells where they stop
    blocks  (BLOCK_ROWS, room) int32
    ints    (INT_ROWS, room) int32;  reals (REAL_ROWS, room) float64;  longs (2, room) int64: raw_mq, raw_mq_dp
    spans   (SPAN_ROWS, 2, room) int32: start in the text, length (-1: missing)
    counts  (LIST_ROWS, room) int32: how many values the row has in each of the next five
    alts    (2, room) int32: start, length;  gts (room,) int8;  ads, pls, sbs (room,) int32
    codes   (keys,) int32, scratch
    outcome (OUTCOME,) int64

    Of two records at one position the one with more evidence stays (kept = 1): a real ALT, then the larger likelihood
    of the reference genotype, then QUAL, then the first.
    """
    nb = nv = na = ng = nd = np_ = ns = 0
    lines = read = doubles = strays = 0
    status = DONE
    last_start = last_end = np.int64(-1)
    last_block, last_row = False, -1
    last_real, last_pl, last_qual = False, np.int64(-1), -1.0
    format_start = format_size = format_count = 0
    outcome[O_CONSUMED] = begin
    held = -1
    at = begin
    place = begin
    while at < end:
        place = at
        if text[at] == LF or (text[at] == CR and text[at + 1] == LF):
            at += 1 if text[at] == LF else 2
            lines += 1
            continue
        if text[at] == HASH:  # header lines between records, in files that were strung together
            while text[at] != LF:
                at += 1
            continue
        # CHROM
        same = True
        for k in range(chrom.size):
            if text[at + k] != chrom[k]:
                same = False
                break
        if not same or text[at + chrom.size] != TAB:
            status = OTHER_CONTIG
            break
        # POS, ID, REF
        pos, at = integer(text, at + chrom.size + 1)
        if pos < 1 or text[at] != TAB:
            status = BAD_NUMBER if pos == BAD else BAD_POSITION
            break
        start = pos - 1
        at += 1
        id_start = at
        while text[at] > CR:
            at += 1
        id_end = at
        if text[at] != TAB:
            status = BAD_COLUMNS
            break
        at += 1
        ref_start = at
        while text[at] > CR:
            at += 1
        ref_size = at - ref_start
        if text[at] != TAB:
            status = BAD_COLUMNS
            break
        if ref_size == 0:
            status = BAD_ALLELE
            break
        at += 1
        # ALT
        n_alts = 0
        is_real = covers = False
        if text[at] == 46 and text[at + 1] == TAB:
            at += 1
        else:
            while True:
                alt_start = at
                while text[at] > CR and text[at] != 44:
                    at += 1
                alt_size = at - alt_start
                if alt_size == 0:
                    status = BAD_ALLELE
                    break
                alts[0, na + n_alts] = alt_start
                alts[1, na + n_alts] = alt_size
                n_alts += 1
                if not reference_allele(text, alt_start, alt_size):
                    is_real = True
                    if not symbolic(text, alt_start, alt_size):
                        covers |= deletion_like(text, ref_start, ref_size, alt_start, alt_size)
                if text[at] != 44:
                    break
                at += 1
        if status != DONE:
            break
        if text[at] != TAB:
            status = BAD_COLUMNS
            break
        # QUAL, FILTER, INFO
        qual, at, good = real(text, at + 1)
        if not good or text[at] != TAB:
            status = BAD_NUMBER
            break
        at += 1
        filter_start = at
        while text[at] > CR:
            at += 1
        filter_end = at
        if text[at] != TAB:
            status = BAD_COLUMNS
            break
        at += 1
        info_start = at
        while text[at] > CR:
            at += 1
        info_end = at
        if text[at] != TAB:
            status = BAD_COLUMNS
            break
        stop = find_end(text, info_start, info_end)
        if stop == BAD:
            status = BAD_NUMBER
            break
        if stop == MISSING:
            stop = start + (ref_size if covers else 1)
        if stop <= start or stop > length:
            status = BAD_END
            break
        if start < last_start:
            status = BAD_ORDER
            break
        # FORMAT
        at += 1
        k = 0
        while k < format_size and text[at + k] == text[format_start + k]:
            k += 1
        if format_size == 0 or k < format_size or text[at + k] != TAB:
            format_start = at
            while text[at] > CR:
                at += 1
            format_size = at - format_start
            format_count = format_codes(text, format_start, at, codes)
        else:
            at += k
        for _ in range(column):
            at += 1
            while text[at] > CR:
                at += 1
            if text[at] != TAB:
                break
        if text[at] != TAB:
            status = BAD_COLUMNS
            break
        at += 1
        # the sample's fields
        n_gt = n_ad = n_pl = n_sb = np.int64(0)
        phased = False
        dp = gq = min_dp = ps = np.int64(MISSING)
        pgt_start = pgt_end = pid_start = pid_end = at
        gl_start = -1
        k = 0
        good = True
        while True:
            code = codes[k] if k < format_count else -2
            value = np.int64(0)
            if code == F_GT:
                n_gt, at, phased = genotype(text, at, gts, ng)
                if n_gt == BAD:
                    status = BAD_GT
                    break
            elif code == F_DP:
                dp, at = integer(text, at)
                value = dp
            elif code == F_GQ:
                gq, at = rounded(text, at)
                value = gq
            elif code == F_MIN_DP:
                min_dp, at = integer(text, at)
                value = min_dp
            elif code == F_PL:
                n_pl, at = integers(text, at, pls, np_)
                value = n_pl
            elif code == F_AD:
                n_ad, at = integers(text, at, ads, nd)
                value = n_ad
            elif code == F_SB:
                commas = 0
                while not (text[at] == 58 or text[at] <= CR):
                    commas += text[at] == 44
                    at += 1
                if commas == 3:  # elsewhere SB is another number: Strelka2's strand bias
                    while text[at - 1] != 58 and text[at - 1] > CR:
                        at -= 1
                    n_sb, at = integers(text, at, sbs, ns)
                    value = n_sb
            elif code == F_PS:
                ps, at = integer(text, at)
                value = ps
            else:
                if code == F_GL:
                    gl_start = at
                field_start = at
                while text[at] != 58 and text[at] > CR:
                    at += 1
                if code == F_PGT:
                    pgt_start, pgt_end = field_start, at
                elif code == F_PID:
                    pid_start, pid_end = field_start, at
                elif code == -2:
                    status = BAD_VALUES
                    break
            if value == BAD or text[at] != 58 and text[at] > CR:
                status = BAD_NUMBER
                break
            if text[at] != 58:
                break
            at += 1
            k += 1
        if status != DONE:
            break
        # nothing may follow the last sample; other samples are not looked at
        if column + 1 < columns:
            while text[at] != LF:
                at += 1
        elif text[at] == CR and text[at + 1] == LF:
            at += 1
        if text[at] != LF:
            status = BAD_COLUMNS
            break
        at += 1
        # checks that need several fields
        if n_pl == 0 and gl_start >= 0:
            n_pl, _ = likelihoods(text, gl_start, pls, np_)
            if n_pl == BAD:
                status = BAD_NUMBER
                break
        for k in range(n_pl):
            if pls[np_ + k] < 0:  # missing, or nonsense (xAtlas): no likelihoods at all
                n_pl = np.int64(0)
                break
        if n_pl > 0:
            if n_gt == 0 or (n_gt == 1 and gts[ng] == -1):  # no genotype written: the likelihoods say the ploidy
                n_gt = np.int64(1 if fits(n_pl, n_alts + 1, 1) else 2)
                gts[ng : ng + n_gt] = -1
            if not fits(n_pl, n_alts + 1, n_gt):
                status = BAD_PL
                break
        if n_ad > 0 and n_ad != n_alts + 1:
            status = BAD_AD
            break
        top, lowest = np.int64(-1), np.int64(127)
        for k in range(n_gt):
            top = max(top, gts[ng + k])
            lowest = min(lowest, gts[ng + k])
        if top > n_alts:
            if not lenient[1]:
                status = BAD_STRAY
                break
            strays += 1
            read += 1
            lines += 1
            continue
        first_pl = np.int64(pls[np_]) if n_pl > 0 else np.int64(-1)
        known_qual = -1.0 if np.isnan(qual) else qual
        # the earlier record stops here, or one of the two gives way
        kept = 1
        if start == last_start:
            if not lenient[0]:
                status = BAD_DOUBLE
                break
            stronger = is_real and not last_real
            if is_real == last_real:
                stronger = first_pl > last_pl or (first_pl == last_pl and known_qual > last_qual)
            doubles += 1
            if not stronger:
                kept = 0
            elif last_block:
                blocks[B_KEPT, last_row] = 0
            else:
                ints[I_KEPT, last_row] = 0
        else:
            if last_row >= 0:
                if last_block:
                    blocks[B_STOP, last_row] = min(last_end, start)
                else:
                    ints[I_STOP, last_row] = min(last_end, start)
            held = place
            note(outcome, place, nb, nv, na, ng, nd, np_, ns, lines, read, doubles, strays)
        is_block = not is_real and n_ad == 0 and n_sb == 0 and 1 <= n_gt <= 2 and top == lowest and top <= 0
        if kept:
            last_start, last_end, last_real, last_pl, last_qual = start, stop, is_real, first_pl, known_qual
            last_block, last_row = is_block, (nb if is_block else nv)
        # write the row
        if is_block:
            blocks[B_START, nb] = start
            blocks[B_STOP, nb] = stop
            blocks[B_DP, nb] = dp
            blocks[B_GQ, nb] = gq
            blocks[B_MIN_DP, nb] = min_dp
            blocks[B_PL0, nb] = pls[np_] if n_pl > 0 else MISSING
            blocks[B_PL1, nb] = pls[np_ + 1] if n_pl > 1 else MISSING
            blocks[B_PL2, nb] = pls[np_ + 2] if n_pl > 2 else MISSING
            blocks[B_PLOIDY, nb] = n_gt
            blocks[B_CALLED, nb] = top == 0
            blocks[B_KEPT, nb] = kept
            nb += 1
        else:
            if not parse_info(text, info_start, info_end, nv, ints, reals, longs, spans):
                status = BAD_NUMBER
                break
            ints[I_START, nv] = start
            ints[I_STOP, nv] = stop
            ints[I_PHASED, nv] = phased
            ints[I_DP, nv] = dp
            ints[I_GQ, nv] = gq
            ints[I_MIN_DP, nv] = min_dp
            ints[I_PS, nv] = ps
            ints[I_KEPT, nv] = kept
            reals[0, nv] = qual
            set_span(text, spans, S_ID, nv, id_start, id_end)
            spans[S_REF, 0, nv] = ref_start
            spans[S_REF, 1, nv] = ref_size
            set_span(text, spans, S_FILTER, nv, filter_start, filter_end)
            set_span(text, spans, S_PGT, nv, pgt_start, pgt_end)
            set_span(text, spans, S_PID, nv, pid_start, pid_end)
            counts[L_ALTS, nv] = n_alts
            counts[L_GT, nv] = n_gt
            counts[L_AD, nv] = n_ad
            counts[L_PL, nv] = n_pl
            counts[L_SB, nv] = n_sb
            na += n_alts
            ng += n_gt
            nd += n_ad
            np_ += n_pl
            ns += n_sb
            nv += 1
        read += 1
        lines += 1
    outcome[O_STATUS] = status
    outcome[O_PLACE] = place
    complete = status == OTHER_CONTIG or (status == DONE and (final or held < 0))
    if complete:
        consumed = place if status == OTHER_CONTIG else at
        note(outcome, consumed, nb, nv, na, ng, nd, np_, ns, lines, read, doubles, strays)
    if status > OTHER_CONTIG:
        outcome[O_LINES] = lines


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
        lift = upper and not symbolic(text, starts[k], sizes[k])
        for j in range(starts[k], starts[k] + sizes[k]):
            byte = text[j]
            out[at] = byte - 32 if lift and 97 <= byte <= 122 else byte
            at += 1
    offsets[starts.size] = at

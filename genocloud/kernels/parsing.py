"""gVCF text to typed arrays: one pass over the bytes, record by record."""

import numpy as np

from genocloud.kernels.fields import (
    BAD,
    CR,
    HASH,
    LF,
    MISSING,
    MISSING_LONG,
    TAB,
    field_end,
    find_key,
    genotype,
    integer,
    integers,
    keys,
    likelihoods,
    pointer,
    real,
    rounded,
    same,
    skip,
)  # fmt: skip
from genocloud.kernels.kernel import compiled, kernel
from genocloud.kernels.letters import (
    NON_REF,
    contradicts,
    deletion_like,
    old_star,
    reference_allele,
    repeats,
    symbolic,
)
from genocloud.kernels.plausibility import BAD_NEGATIVE, any_negative, check_alternates, finite

FORMAT_KEYS = 1024
"""FORMAT keys of a record that are looked at; real files have about ten."""

# What `parse` writes: rows of its two-dimensional arrays.
BLOCK_ROWS = ("start", "stop", "dp", "gq", "min_dp", "pl0", "pl1", "pl2", "ploidy", "called", "kept")
B_START, B_STOP, B_DP, B_GQ, B_MIN_DP, B_PL0, B_PL1, B_PL2, B_PLOIDY, B_CALLED, B_KEPT = range(11)
INT_ROWS = ("start", "stop", "phased", "dp", "gq", "min_dp", "ps", "info_dp", "mq0", "kept")
I_START, I_STOP, I_PHASED, I_DP, I_GQ, I_MIN_DP, I_PS, I_INFO_DP, I_MQ0, I_KEPT = range(10)
REAL_ROWS = (
    "qual", "base_q_rank_sum", "clipping_rank_sum", "mq_rank_sum", "read_pos_rank_sum", "mq", "excess_het",
)  # fmt: skip
SPAN_ROWS = (
    "id", "ref", "filter", "pgt", "pid", "ft", "as_raw_base_q_rank_sum", "as_raw_mq", "as_raw_mq_rank_sum",
    "as_raw_read_pos_rank_sum", "as_sb_table",
)  # fmt: skip
S_ID, S_REF, S_FILTER, S_PGT, S_PID, S_FT = range(6)
LIST_ROWS = ("alts", "gt", "ad", "pl", "sb")
L_ALTS, L_GT, L_AD, L_PL, L_SB = range(5)

# `record`, what is known of the record being read.
RECORD = (
    "start", "stop", "id", "id_end", "ref", "ref_size", "alts", "real", "covers", "filter", "filter_end", "info",
    "info_end", "format", "format_size", "keys", "dp", "gq", "min_dp", "ps", "length", "gt_count", "ad_count",
    "pl_count", "sb_count", "phased", "pgt", "pgt_end", "pid", "pid_end", "ft", "ft_end", "called", "block", "kept",
    "partial", "symbolic",
)  # fmt: skip
(
    R_START, R_STOP, R_ID, R_ID_END, R_REF, R_REF_SIZE, R_ALTS, R_REAL, R_COVERS, R_FILTER, R_FILTER_END, R_INFO,
    R_INFO_END, R_FORMAT, R_FORMAT_SIZE, R_KEYS, R_DP, R_GQ, R_MIN_DP, R_PS, R_LENGTH, R_GT_COUNT, R_AD_COUNT,
    R_PL_COUNT, R_SB_COUNT, R_PHASED, R_PGT, R_PGT_END, R_PID, R_PID_END, R_FT, R_FT_END, R_CALLED, R_BLOCK, R_KEPT,
    R_PARTIAL, R_SYMBOLIC,
) = range(len(RECORD))  # fmt: skip
R_FIRST_VALUE, R_LAST_VALUE = R_DP, R_LENGTH + 1
R_LAST_COUNT = R_FT_END + 1
"""What no field writes is 0 from R_GT_COUNT on: no values, not phased, empty strings."""

# `outcome`, what `parse` returns in numbers.
OUTCOME = (
    "status", "consumed", "blocks", "variants", "alts", "gts", "ads", "pls", "sbs", "lines", "read", "doubles",
    "weaker", "strays", "tabs", "overlaps", "partial", "symbolic", "place", "covered",
)  # fmt: skip
(
    O_STATUS, O_CONSUMED, O_BLOCKS, O_VARIANTS, O_ALTS, O_GTS, O_ADS, O_PLS, O_SBS, O_LINES, O_READ, O_DOUBLES,
    O_WEAKER, O_STRAYS, O_TABS, O_OVERLAPS, O_PARTIAL, O_SYMBOLIC, O_PLACE, O_COVERED,
) = range(len(OUTCOME))  # fmt: skip

# `status`
(
    DONE, OTHER_CONTIG, BAD_COLUMNS, BAD_NUMBER, BAD_POSITION, BAD_END, BAD_ORDER, BAD_DOUBLE, BAD_GT, BAD_STRAY,
    BAD_AD, BAD_PL, BAD_VALUES, BAD_ALLELE, BAD_HASH, BAD_REPEAT, BAD_REF,
) = range(17)  # fmt: skip


FORMATS, FORMAT_LENGTHS = keys(("GT", "DP", "GQ", "MIN_DP", "PL", "AD", "SB", "PGT", "PID", "PS", "GL", "FT", "LEN"))
F_GT, F_DP, F_GQ, F_MIN_DP, F_PL, F_AD, F_SB, F_PGT, F_PID, F_PS, F_GL, F_FT, F_LEN = range(13)
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


@compiled
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


@compiled
def combinations(alleles, ploidy):
    """Genotypes of a ploidy: the multisets of that many alleles."""
    count = 1
    for k in range(ploidy):
        count = count * (alleles + k) // (k + 1)
    return count


@compiled
def fits(length, alleles, ploidy):
    """Whether a PL may have this length; a block that writes no ALT may give the likelihoods of an unwritten one."""
    if length == combinations(alleles, ploidy):
        return True
    return alleles == 1 and length == combinations(np.int64(2), ploidy)


@compiled
def find_end(text, at):
    """INFO's END and the place after INFO; the value may be MISSING or BAD."""
    found = np.int64(MISSING)
    while True:
        if text[at] == 69 and text[at + 1] == 78 and text[at + 2] == 68 and text[at + 3] == 61:
            begin = at + 4
            found, at = integer(text, begin)
            if found == BAD or at == begin or (text[at] > CR and text[at] != 59):
                return np.int64(BAD), at
        at = field_end(text, at)
        if text[at] <= CR:
            return found, at
        at += 1


@compiled
def set_span(text, spans, room, which, row, start, end):
    """Note where a string stands: nothing for `.` or an empty one."""
    missing = end == start or (end == start + 1 and text[start] == 46)
    spans[2 * which * room + row] = start
    spans[(2 * which + 1) * room + row] = -1 if missing else end - start


@compiled
def parse_info(text, start, end, room, row, ints, reals, longs, spans):
    """A variant record's INFO into its row; False when a number is malformed."""
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


@compiled
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


@compiled
def alternates(text, at, record, alt_starts, alt_sizes, first):
    """ALT into alt_starts[first:], alt_sizes[first:] and R_ALTS, R_REAL, R_COVERS: (status, place after)."""
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


@compiled
def parse_site(text, at, chrom, letters, length, record, reals, row, alt_starts, alt_sizes, first):
    """CHROM to INFO into the record, QUAL into reals[row]: (status, place after INFO)."""
    if not same(text, at, chrom, 0, letters) or text[at + letters] != TAB:
        return OTHER_CONTIG, at
    at += letters
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


@compiled
def parse_format(text, at, record, codes):
    """FORMAT, looked up only where it differs from the last record's: the place after it."""
    start, size = record[R_FORMAT], record[R_FORMAT_SIZE]
    if size > 0 and same(text, at, text, start, size) and text[at + size] <= CR:
        return at + size
    end = skip(text, at)
    record[R_FORMAT] = at
    record[R_FORMAT_SIZE] = end - at
    record[R_KEYS] = format_codes(text, at, end, codes)
    return end


@compiled
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
        elif code == F_LEN:
            value, at = integer(text, at)
            record[R_LENGTH] = value
        elif code == F_PL:
            value, at = integers(text, at, pls, outcome[O_PLS])
            record[R_PL_COUNT] = value
        elif code == F_AD:
            value, at = integers(text, at, ads, outcome[O_ADS])
            record[R_AD_COUNT] = value
            if any_negative(ads, outcome[O_ADS], value):
                return BAD_NEGATIVE, at
        else:
            start = at
            commas = 0
            while text[at] > CR and text[at] != 58:
                commas += text[at] == 44
                at += 1
            if code == F_SB and commas == 3:  # elsewhere SB is another number: Strelka2's strand bias
                value, at = integers(text, start, sbs, outcome[O_SBS])
                record[R_SB_COUNT] = value
                if any_negative(sbs, outcome[O_SBS], value):
                    return BAD_NEGATIVE, at
            elif code == F_GL:
                gl = start
            elif code == F_PGT:
                record[R_PGT], record[R_PGT_END] = start, at
            elif code == F_PID:
                record[R_PID], record[R_PID_END] = start, at
            elif code == F_FT:
                record[R_FT], record[R_FT_END] = start, at
        if value < 0 and value != MISSING:
            return BAD_NUMBER if value == BAD or code == F_PS or code == F_LEN else BAD_NEGATIVE, at
        if text[at] != 58 and text[at] > CR:
            return BAD_NUMBER, at
        if text[at] != 58:
            break
        at += 1
    if gl >= 0 and record[R_PL_COUNT] == 0:
        record[R_PL_COUNT], _ = likelihoods(text, gl, pls, outcome[O_PLS])
        if record[R_PL_COUNT] == BAD:
            return BAD_NUMBER, at
    return DONE, at


@compiled
def set_length(record, length):
    """The sample's own LEN into R_STOP: a block's length; of a record with a real ALT it may reach beyond REF.

    Source: VCF 4.5, section 1.6.2: LEN, the length of the sample's reference block, where INFO has no END or the
    largest of all samples.
    """
    stop = record[R_START] + record[R_LENGTH]
    if record[R_REAL]:
        stop = max(stop, record[R_STOP])
    record[R_STOP] = stop
    return DONE if record[R_LENGTH] > 0 and stop <= length else BAD_END


@compiled
def check_lists(record, gts, pls, first_gt, first_pl, strays):
    """Hold GT, AD and PL to the number of alleles: a status. Drops PLs that are none; finds an unwritten ploidy.

    Negative PLs are none where `strays` is set, elsewhere a fault.
    """
    alleles = record[R_ALTS] + 1
    count = record[R_PL_COUNT]
    present = np.int64(0)
    for k in range(count):
        present += pls[first_pl + k] >= 0
    record[R_PARTIAL] = 0 < present < count
    if present < count:  # some are missing, or nonsense (xAtlas): no likelihoods at all, as GATK takes it
        if not strays and any_negative(pls, first_pl, count):
            return BAD_NEGATIVE
        count = np.int64(0)
    record[R_PL_COUNT] = count
    ploidy = record[R_GT_COUNT]
    if count > 0:
        if ploidy == 0 or (ploidy == 1 and gts[first_gt] == -1):  # GT not written: the likelihoods say the ploidy
            ploidy = np.int64(1 if fits(count, alleles, np.int64(1)) else 2)
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


@compiled
def hide_genotype(record, gts, first_gt):
    """Make the sample's genotype one that nothing is known of; its depth stays."""
    for k in range(record[R_GT_COUNT]):
        gts[first_gt + k] = -1
    record[R_PL_COUNT] = record[R_AD_COUNT] = record[R_PHASED] = record[R_PARTIAL] = 0
    record[R_GQ] = record[R_PS] = MISSING
    record[R_PGT_END], record[R_PID_END] = record[R_PGT], record[R_PID]


@compiled
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


@compiled
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
    set_span(text, spans, room, np.int64(S_ID), row, record[R_ID], record[R_ID_END])
    set_span(text, spans, room, np.int64(S_REF), row, record[R_REF], record[R_REF] + record[R_REF_SIZE])
    set_span(text, spans, room, np.int64(S_FILTER), row, record[R_FILTER], record[R_FILTER_END])
    set_span(text, spans, room, np.int64(S_PGT), row, record[R_PGT], record[R_PGT_END])
    set_span(text, spans, room, np.int64(S_PID), row, record[R_PID], record[R_PID_END])
    set_span(text, spans, room, np.int64(S_FT), row, record[R_FT], record[R_FT_END])
    counts[L_ALTS * room + row] = record[R_ALTS]
    for k in range(4):
        counts[(L_GT + k) * room + row] = record[R_GT_COUNT + k]
    return parse_info(text, record[R_INFO], record[R_INFO_END], room, row, ints, reals, longs, spans)


@compiled
def skip_line(text, at, title, title_size):
    """(whether this is a blank line or a header line that may stand among records, the place after it).

    Headers stand there in files that were strung together: `##` lines, and the title of the same samples.
    """
    if text[at] == HASH and text[at + 1] != HASH:
        if not same(text, at, title, 0, title_size):
            return False, at
        end = at + title_size
        while text[end] == TAB:
            end += 1
        if text[end] > CR:
            return False, at
    while text[at] != LF:
        at += 1
    return True, at + 1


@compiled
def rest_of_line(text, at, others):
    """(whether just the other samples' columns follow, the place after the line)."""
    while others > 0 and text[at] == TAB:
        at = skip(text, at + 1)
        others -= 1
    while others == 0 and text[at] == TAB:  # tabs at a line's end mean nothing
        at += 1
    at += text[at] == CR
    return others == 0 and text[at] == LF, at + 1


@kernel(
    "uint8[::1], int64, int64, (uint8[::1]!, int64, int64), (uint8[::1]!, int64, int64), (int64, int64), "
    "uint8[::1]!, boolean[::1], boolean, boolean, int32[:,::1], int32[:,::1], float64[:,::1], int64[:,::1], "
    "int32[:,:,::1], int32[:,::1], int32[:,::1], int8[::1], int32[::1], int32[::1], int32[::1], int32[::1], "
    "int64[::1], int64[::1], int64[::1]"
)
def parse(
    text, begin, end, contig, bases, sample, title, rules, final, further,
    blocks, ints, reals, longs, spans, counts, alts, gts, ads, pls, sbs, codes, record, held, outcome,
):  # fmt: skip
    """Rows of the records text[begin:end] as long as they lie on one contig.

    text    (bytes,) uint8; text[end - 1] is a line end; 16 bytes behind it are memory that may be looked at
    contig  its name's letters, (letters,) uint8 with 8 bytes of any value behind, how many they are, bases it has
    bases   the FASTA's bytes from the contig's first base on, (bytes,) uint8, bases and bytes of a line; 0 bases: no
            reference to hold REF to
    sample  the sample's place among the file's samples, and how many there are
    title   (bytes,) uint8, 8 bytes of any value at its end: the #CHROM line
    rules   (2,) bool: whether a second record at a position, and a GT that names an allele the record lacks, are
            dropped and counted rather than refused
    final   whether the text ends with the file; if not, the last position's records are left for the next call,
            because only the next record tells where they stop
    further whether the rows follow those of the last call, on another contig, which `outcome` counts
    blocks  (BLOCK_ROWS, room) int32
    ints    (INT_ROWS, room) int32;  reals (REAL_ROWS, room) float64;  longs (2, room) int64: raw_mq, raw_mq_dp
    spans   (SPAN_ROWS, 2, room) int32: start in the text, length (-1: missing)
    counts  (LIST_ROWS, room) int32: how many values the row has in each of the next five
    alts    (2, room) int32: start, length;  gts (room,) int8;  ads, pls, sbs (room,) int32
    codes   (keys,) int32, record (RECORD,) int64, held (OUTCOME,) int64: scratch
    outcome (OUTCOME,) int64; `covered`, where the contig's blocks so far end, is taken from it too

    Of two records at one position the one with more evidence stays (kept = 1): a real ALT, then the larger likelihood
    of the reference genotype, then QUAL, then the first.
    """
    room = blocks.shape[1]
    if not further:
        for k in range(O_COVERED):
            outcome[k] = 0
    parse_records(
        pointer(text), begin, end, pointer(contig[0]), contig[1], contig[2], pointer(bases[0]), bases[1], bases[2],
        sample[0], sample[1], pointer(title), title.size - 8, rules[0], rules[1], final,
        pointer(blocks.reshape(-1)), pointer(ints.reshape(-1)), pointer(reals.reshape(-1)), pointer(longs.reshape(-1)),
        pointer(spans.reshape(-1)), pointer(counts.reshape(-1)), room, pointer(alts[0]), pointer(alts[1]), pointer(gts),
        pointer(ads), pointer(pls), pointer(sbs), pointer(codes), pointer(record), pointer(held), pointer(outcome),
    )  # fmt: skip


@compiled
def parse_records(
    text, begin, end, chrom, letters, length, bases, line_bases, line_bytes,
    column, columns, title, title_size, doubles, strays, final,
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
    covers = first_place = np.int64(0)  # where blocks of the present position end; where its first record stands
    at = np.int64(begin)
    status = DONE
    while at < end:
        outcome[O_PLACE] = at
        if text[at] <= HASH and (text[at] == LF or text[at] == HASH or (text[at] == CR and text[at + 1] == LF)):
            skipped, at = skip_line(text, at, title, title_size)
            if not skipped:
                status = BAD_HASH
                break
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
        if line_bases > 0 and contradicts(
            text, record[R_REF], record[R_REF_SIZE], start, length, bases, line_bases, line_bytes
        ):
            status = BAD_REF
            break
        if record[R_REAL]:
            status = check_alternates(
                text, record[R_REF], record[R_REF_SIZE], alt_starts, alt_sizes, outcome[O_ALTS], record[R_ALTS]
            )
            if status != DONE:
                break
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
        whole, at = rest_of_line(text, at, columns - column - 1)
        if not whole:
            status = BAD_COLUMNS
            break
        outcome[O_TABS] += text[at - 2] == TAB or (text[at - 2] == CR and text[at - 3] == TAB)
        status = check_lists(record, gts, pls, first_gt, first_pl, strays) if start >= last_start else BAD_ORDER
        if status == DONE and record[R_LENGTH] != MISSING:
            status = set_length(record, length)
        if status == DONE and record[R_SYMBOLIC]:  # a kept genotype would be another one without that allele
            hide_genotype(record, gts, first_gt)
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
            if not doubles or repeats(text, first_place, outcome[O_PLACE], record[R_REF]):
                status = BAD_REPEAT if doubles else BAD_DOUBLE
                break
            kept = record[R_REAL] > last_real
            if record[R_REAL] == last_real:
                kept = pl > last_pl or (pl == last_pl and qual > last_qual)
            outcome[O_DOUBLES] += 1
            outcome[O_WEAKER] += record[R_REAL] and last_real
            if kept and last_block:
                blocks[B_KEPT * room + last_row] = 0
            elif kept:
                ints[I_KEPT * room + last_row] = 0
        else:
            if last_row >= 0 and last_block:
                blocks[B_STOP * room + last_row] = min(last_stop, start)
            elif last_row >= 0:
                ints[I_STOP * room + last_row] = min(last_stop, start)
            outcome[O_COVERED] = max(outcome[O_COVERED], covers)
            covers = np.int64(0)
            first_place = outcome[O_PLACE]
            for k in range(len(OUTCOME)):
                held[k] = outcome[k]
        if not record[R_REAL]:
            outcome[O_OVERLAPS] += start < outcome[O_COVERED]
            covers = max(covers, record[R_STOP])
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
        outcome[O_PARTIAL] += record[R_PARTIAL]
        outcome[O_SYMBOLIC] += record[R_SYMBOLIC]
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

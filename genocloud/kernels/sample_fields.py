"""Parse FORMAT and one sample's values, and check them against the record's number of alleles."""

import numpy as np

from genocloud.kernels.kernel import uncounted
from genocloud.kernels.plausibility import BAD_NEGATIVE, any_negative
from genocloud.kernels.record_layout import (
    BAD_AD,
    BAD_END,
    BAD_GT,
    BAD_NUMBER,
    BAD_PL,
    BAD_STRAY,
    BAD_VALUES,
    DONE,
    FORMAT_KEYS,
    O_ADS,
    O_GTS,
    O_PLS,
    O_SBS,
    R_AD_COUNT,
    R_ALTS,
    R_BLOCK,
    R_CALLED,
    R_DP,
    R_FIRST_VALUE,
    R_FORMAT,
    R_FORMAT_SIZE,
    R_FT,
    R_FT_END,
    R_GQ,
    R_GT_COUNT,
    R_KEYS,
    R_LAST_COUNT,
    R_LAST_VALUE,
    R_LENGTH,
    R_MIN_DP,
    R_PARTIAL,
    R_PGT,
    R_PGT_END,
    R_PHASED,
    R_PID,
    R_PID_END,
    R_PL_COUNT,
    R_PS,
    R_REAL,
    R_SB_COUNT,
    R_START,
    R_STOP,
)
from genocloud.kernels.vcf_fields import (
    BAD,
    CR,
    MISSING,
    find_key,
    genotype,
    integer,
    integers,
    keys,
    likelihoods,
    pointer,
    rounded,
    same,
    skip,
)

FORMATS, FORMAT_LENGTHS = keys(("GT", "DP", "GQ", "MIN_DP", "PL", "AD", "SB", "PGT", "PID", "PS", "GL", "FT", "LEN"))
F_GT, F_DP, F_GQ, F_MIN_DP, F_PL, F_AD, F_SB, F_PGT, F_PID, F_PS, F_GL, F_FT, F_LEN = range(13)


@uncounted
def format_codes(text, start, end, codes):
    """Write the code of each FORMAT key of text[start:end] into codes; returns the number of keys."""
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


@uncounted
def combinations(alleles, ploidy):
    """Genotypes of a ploidy: the multisets of that many alleles."""
    count = 1
    for k in range(ploidy):
        count = count * (alleles + k) // (k + 1)
    return count


@uncounted
def fits(length, alleles, ploidy):
    """Whether a PL may have this length; a block that writes no ALT may give the likelihoods of an unwritten one."""
    if length == combinations(alleles, ploidy):
        return True
    return alleles == 1 and length == combinations(np.int64(2), ploidy)


@uncounted
def parse_format(text, at, record, codes):
    """Parse FORMAT, if it differs from the last record's; returns the place after it."""
    start, size = record[R_FORMAT], record[R_FORMAT_SIZE]
    if size > 0 and same(text, at, text, start, size) and text[at + size] <= CR:
        return at + size
    end = skip(text, at)
    record[R_FORMAT] = at
    record[R_FORMAT_SIZE] = end - at
    record[R_KEYS] = format_codes(text, at, end, codes)
    return end


@uncounted
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


@uncounted
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


@uncounted
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


@uncounted
def hide_genotype(record, gts, first_gt):
    """Make the sample's genotype a no-call without quality or likelihoods; its depth stays."""
    for k in range(record[R_GT_COUNT]):
        gts[first_gt + k] = -1
    record[R_PL_COUNT] = record[R_AD_COUNT] = record[R_PHASED] = record[R_PARTIAL] = 0
    record[R_GQ] = record[R_PS] = MISSING
    record[R_PGT_END], record[R_PID_END] = record[R_PGT], record[R_PID]

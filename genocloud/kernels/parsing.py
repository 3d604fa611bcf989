"""gVCF text to typed arrays: one pass over the bytes, record by record."""

import numpy as np

from genocloud.kernels.allele_text import contradicts, repeats
from genocloud.kernels.info_fields import parse_info, set_span
from genocloud.kernels.kernel import kernel, uncounted
from genocloud.kernels.plausibility import check_alternates
from genocloud.kernels.record_layout import (
    B_CALLED,
    B_DP,
    B_GQ,
    B_KEPT,
    B_MIN_DP,
    B_PL0,
    B_PL1,
    B_PL2,
    B_PLOIDY,
    B_START,
    B_STOP,
    BAD_COLUMNS,
    BAD_DOUBLE,
    BAD_HASH,
    BAD_NUMBER,
    BAD_ORDER,
    BAD_REF,
    BAD_REPEAT,
    BAD_STRAY,
    DONE,
    I_DP,
    I_GQ,
    I_KEPT,
    I_MIN_DP,
    I_PHASED,
    I_PS,
    I_START,
    I_STOP,
    L_ALTS,
    L_GT,
    O_ALTS,
    O_BLOCKS,
    O_CONSUMED,
    O_COVERED,
    O_DOUBLES,
    O_GTS,
    O_LINES,
    O_OVERLAPS,
    O_PARTIAL,
    O_PLACE,
    O_PLS,
    O_READ,
    O_STATUS,
    O_STRAYS,
    O_SYMBOLIC,
    O_TABS,
    O_VARIANTS,
    O_WEAKER,
    OTHER_CONTIG,
    OUTCOME,
    R_ALTS,
    R_BLOCK,
    R_CALLED,
    R_DP,
    R_FILTER,
    R_FILTER_END,
    R_FORMAT_SIZE,
    R_FT,
    R_FT_END,
    R_GQ,
    R_GT_COUNT,
    R_ID,
    R_ID_END,
    R_INFO,
    R_INFO_END,
    R_KEPT,
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
    R_REF,
    R_REF_SIZE,
    R_START,
    R_STOP,
    R_SYMBOLIC,
    S_FILTER,
    S_FT,
    S_ID,
    S_PGT,
    S_PID,
    S_REF,
)
from genocloud.kernels.sample_fields import check_lists, hide_genotype, parse_format, parse_sample, set_length
from genocloud.kernels.site_fields import parse_site
from genocloud.kernels.vcf_fields import CR, HASH, LF, MISSING, TAB, pointer, same, skip


@uncounted
def write_block(record, pls, first_pl, room, row, blocks):
    """Write a record into its row of `blocks`."""
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


@uncounted
def write_variant(text, record, room, row, ints, reals, longs, spans, counts):
    """Write a record into its row of the variants' arrays; False when a number in INFO is malformed."""
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


@uncounted
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


@uncounted
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
    "uint8[::1]!, boolean[::1], boolean, int32[:,::1], int32[:,::1], float64[:,::1], int64[:,::1], "
    "int32[:,:,::1], int32[:,::1], int32[:,::1], int8[::1], int32[::1], int32[::1], int32[::1], int32[::1], "
    "int64[::1], int64[::1], int64[::1]"
)
def parse(
    text, begin, end, contig, bases, sample, title, rules, final,
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
    blocks  (BLOCK_ROWS, room) int32
    ints    (INT_ROWS, room) int32;  reals (REAL_ROWS, room) float64;  longs (2, room) int64: raw_mq, raw_mq_dp
    spans   (SPAN_ROWS, 2, room) int32: start in the text, length (-1: missing)
    counts  (LIST_ROWS, room) int32: how many values the row has in each of the next five
    alts    (2, room) int32: start, length;  gts (room,) int8;  ads, pls, sbs (room,) int32
    codes   (keys,) int32, record (RECORD,) int64, held (OUTCOME,) int64: scratch
    outcome (OUTCOME,) int64; rows are appended to those that it counts; `covered`: where the contig's blocks so far end

    Of two records at one position the one with more evidence stays (kept = 1): a real ALT, then the larger likelihood
    of the reference genotype, then QUAL, then the first.
    """
    room = blocks.shape[1]
    parse_records(
        pointer(text), begin, end, pointer(contig[0]), contig[1], contig[2], pointer(bases[0]), bases[1], bases[2],
        sample[0], sample[1], pointer(title), title.size - 8, rules[0], rules[1], final,
        pointer(blocks.reshape(-1)), pointer(ints.reshape(-1)), pointer(reals.reshape(-1)), pointer(longs.reshape(-1)),
        pointer(spans.reshape(-1)), pointer(counts.reshape(-1)), room, pointer(alts[0]), pointer(alts[1]), pointer(gts),
        pointer(ads), pointer(pls), pointer(sbs), pointer(codes), pointer(record), pointer(held), pointer(outcome),
    )  # fmt: skip


@uncounted
def parse_records(
    text, begin, end, chrom, letters, length, bases, line_bases, line_bytes,
    column, columns, title, title_size, doubles, strays, final,
    blocks, ints, reals, longs, spans, counts, room, alt_starts, alt_sizes, gts, ads, pls, sbs,
    codes, record, held, outcome,
):  # fmt: skip
    """What `parse` does, on pointers."""
    outcome[O_CONSUMED] = begin
    record[R_FORMAT_SIZE] = 0
    # the record that covers the present position
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

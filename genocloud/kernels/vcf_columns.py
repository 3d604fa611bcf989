"""Text of VCF lines: decimals rounded as Java rounds them, and sample columns of many sites at once."""

import numpy as np

from genocloud.kernels.kernel import kernel, uncounted
from genocloud.kernels.vcf_fields import BLOCK, copy_bytes, pointer
from genocloud.schema import MISSING

NUMBER, LIST, WORD = 0, 1, 2
"""What a FORMAT column holds: one integer, a list of integers, or the code of a word."""

GATK_DEFAULT = -1
"""In place of a number of decimals: GATK's own choice for numbers without a stated form."""

DECIMAL_BYTES = 330
"""Room for one rounded number: the largest double has 309 digits before the point; sign, point, decimals."""

INTEGER_BYTES = 12
"""Room for an int32: sign, ten digits, a comma."""

SLACK = BLOCK
"""Bytes that put_integer and copy_bytes may touch behind what they write."""

KEY_BITS = 24
"""FORMAT keys, with room to spare."""

_KEYS = (1 << KEY_BITS) - 1

_NOUGHT, _ONE = np.int64(0), np.int64(1)
"""Numbers with a type: for each literal that a function is called with, numba compiles the function once more."""

_TAB, _NEWLINE, _COLON, _COMMA, _MINUS, _POINT, _ZERO = 9, 10, 58, 44, 45, 46, 48
_SHORT = 10_000
_DIGITS = np.arange(_SHORT).astype("S4").view(np.uint8).reshape(-1, 4)
_LENGTHS = np.count_nonzero(_DIGITS, axis=1)
_NAN = np.frombuffer(b"NaN", np.uint8)
_INFINITY = np.frombuffer(b"Infinity", np.uint8)


@uncounted
def put_bytes(out, at, data, start, end):
    """Copy data[start:end] to out[at:]; returns the place after it. Both uint8."""
    for i in range(start, end):
        out[at] = data[i]
        at += 1
    return at


@uncounted
def put_integer(out, at, value):
    """Write an int32 in decimal to out[at:] (uint8), MISSING as `.`; returns the place after it.

    Numbers from 0 to 9,999, nearly all that there are, are copied; up to three bytes behind them are overwritten.
    """
    if 0 <= value < _SHORT:
        out[at] = _DIGITS[value, 0]
        out[at + 1] = _DIGITS[value, 1]
        out[at + 2] = _DIGITS[value, 2]
        out[at + 3] = _DIGITS[value, 3]
        return at + _LENGTHS[value]
    return _put_any_integer(out, at, value)


@uncounted
def _put_any_integer(out, at, value):
    if value == MISSING:
        out[at] = _POINT
        return at + 1
    left = np.int64(value)
    if left < 0:
        out[at] = _MINUS
        at += 1
        left = -left
    digits = 1
    bound = np.int64(10)
    while left >= bound:
        digits += 1
        bound *= 10
    for place in range(at + digits - 1, at - 1, -1):
        rest = left // 10
        out[place] = _ZERO + left - rest * 10
        left = rest
    return at + digits


@uncounted
def read_decimal(data, start, end, digits):
    """Take a decimal text apart: -12.5e-3 is digits 1 2 5 with the point after -1 of them.

    data    (bytes,) uint8; data[start:end] is `[-]digits[.digits][e[+-]digits]`
    digits  (>= end - start,) uint8, written: the digits without leading zeros
    Returns (negative, number of digits, point): the value is 0.DIGITS * 10 ** point; no digits for zero.
    """
    negative = data[start] == _MINUS
    count, point, exponent, sign = 0, 0, 0, 1
    seen_point, seen_exponent = False, False
    for i in range(start + negative, end):
        letter = int(data[i])
        if letter == 101:  # e
            seen_exponent = True
        elif seen_exponent:
            if letter == _MINUS:
                sign = -1
            elif letter != 43:  # +
                exponent = exponent * 10 + letter - _ZERO
        elif letter == _POINT:
            seen_point = True
        else:
            if count or letter != _ZERO:
                digits[count] = letter - _ZERO
                count += 1
                point += not seen_point
            elif seen_point:
                point -= 1
    return negative, count, point + sign * exponent


@uncounted
def round_half_up(digits, count, kept):
    """Keep the first `kept` of `count` digits, rounding half up in decimal, in place.

    digits  (count + 1,) uint8. Returns (number of digits, carried): carried if the number became 10 ** n.

    Source: java.util.Formatter, sun.misc.FormattedFloatingDecimal.applyPrecision.
    """
    if kept >= count:
        return count, False
    if kept < 0 or digits[kept] < 5:
        return max(kept, 0), False
    for i in range(kept - 1, -1, -1):
        if digits[i] < 9:
            digits[i] += 1
            return kept, False
        digits[i] = 0
    digits[0] = 1
    for i in range(1, kept + 1):
        digits[i] = 0
    return kept + 1, True


@uncounted
def put_fixed(out, at, negative, digits, count, point, decimals):
    """Write 0.DIGITS * 10 ** point with `decimals` decimals (Java `%.kf`); returns the place after it."""
    count, carried = round_half_up(digits, count, point + decimals)
    point += carried
    if negative:
        out[at] = _MINUS
        at += 1
    if point <= 0:
        out[at] = _ZERO
        at += 1
    at = _put_digits(out, at, digits, count, _NOUGHT, point)
    if decimals:
        out[at] = _POINT
        at += 1
    return _put_digits(out, at, digits, count, point, point + decimals)


@uncounted
def put_scientific(out, at, negative, digits, count, point, decimals):
    """Write 0.DIGITS * 10 ** point, not zero, as Java `%.ke` does; returns the place after it."""
    count, carried = round_half_up(digits, count, decimals + 1)
    exponent = point + carried - 1
    if negative:
        out[at] = _MINUS
        at += 1
    at = _put_digits(out, at, digits, count, _NOUGHT, _ONE)
    out[at] = _POINT
    at = _put_digits(out, at + 1, digits, count, _ONE, decimals + 1)
    out[at] = 101  # e
    out[at + 1] = _MINUS if exponent < 0 else 43  # +
    at += 2
    if abs(exponent) < 10:
        out[at] = _ZERO
        at += 1
    return put_integer(out, at, np.int32(abs(exponent)))


@uncounted
def _put_digits(out, at, digits, count, start, end):
    """Write digits start to end; those before the first and after the last are 0."""
    for i in range(start, end):
        out[at] = _ZERO + (digits[i] if 0 <= i < count else 0)
        at += 1
    return at


@uncounted
def put_decimal(out, at, value, data, start, end, decimals, digits):
    """Write one double as GATK does; returns the place after it.

    value     float64
    data      (bytes,) uint8; data[start:end] is the shortest decimal text of `value`
    decimals  digits after the point, or GATK_DEFAULT
    digits    (>= end - start + 1,) uint8, scratch

    Source: java.util.Formatter; htsjdk VCFEncoder.formatVCFDouble.
    """
    if np.isnan(value):
        return put_bytes(out, at, _NAN, _NOUGHT, _NAN.size)
    if np.isinf(value):
        if value < 0:
            out[at] = _MINUS
        return put_bytes(out, at + (value < 0), _INFINITY, _NOUGHT, _INFINITY.size)
    negative, count, point = read_decimal(data, start, end, digits)
    if decimals == GATK_DEFAULT:
        if abs(value) < 1e-20:
            negative, count, point = False, 0, 0
        elif value < 0.01:
            return put_scientific(out, at, negative, digits, count, point, 3)
        decimals = 3 if 0.01 <= value < 1 else 2
    return put_fixed(out, at, negative, digits, count, point, decimals)


@kernel("float64[::1]!, int64[::1], uint8[::1]!, int64, uint8[::1], int32[::1]")
def put_decimals(values, offsets, data, decimals, out, ends):
    """Write doubles one behind the other.

    values   (numbers,) float64
    offsets  (numbers + 1,) int64; data[offsets[i]:offsets[i + 1]] is the shortest decimal text of values[i]
    data     (bytes,) uint8
    decimals digits after the point, or GATK_DEFAULT
    out      (>= numbers * DECIMAL_BYTES,) uint8, written
    ends     (numbers + 1,) int32, written: text i is out[ends[i]:ends[i + 1]]
    """
    digits = np.empty(DECIMAL_BYTES, np.uint8)
    at = _NOUGHT
    ends[0] = 0
    for i in range(values.size):
        at = put_decimal(out, at, values[i], data, offsets[i], offsets[i + 1], decimals, digits)
        ends[i + 1] = at


@kernel("int32[::1]!, uint8[::1]!, int64, int32[::1]")
def fill_missing(values, valid, offset, out):
    """Copy an Arrow column of integers, nulls as MISSING.

    values  (rows,) int32
    valid   (bytes,) uint8; row i has a value where bit offset + i is set, the lowest bit of a byte first
    out     (rows,) int32, written

    Source: Arrow columnar format, section "Validity bitmaps".
    """
    for i in range(values.size):
        bit = offset + i
        out[i] = values[i] if valid[bit >> 3] >> (bit & 7) & 1 else MISSING


@kernel()
def renumber(codes, numbers):
    """Replace each code by numbers[code], in place; both int32. MISSING stays."""
    for i in range(codes.size):
        if codes[i] != MISSING:
            codes[i] = numbers[codes[i]]


@kernel("int8[::1], int64[::1], int64[::1], int64[::1], int32[::1], int64[::1], int32[::1], int32[::1]")
def weigh_rows(kinds, bases, word_bases, offsets, values, word_offsets, masks, bounds):
    """Width and presence of values in each row of the FORMAT columns; see put_rows for the arrays.

    masks   (rows,) int32, written: bit k is set where key k has a value; GT's always is
    bounds  (rows,) int32, written: the most bytes of the row's text
    """
    masks[:] = 1
    bounds[:] = 0
    for key in range(kinds.size):
        for row in range(masks.size):
            place, width = bases[key] + row, 0
            if kinds[key] == LIST:
                width = INTEGER_BYTES * (offsets[place + 1] - offsets[place])
            elif values[place] != MISSING and kinds[key] == WORD:
                word = word_bases[key] + values[place]
                width = word_offsets[word + 1] - word_offsets[word]
            elif values[place] != MISSING:
                width = INTEGER_BYTES
            if width:
                masks[row] |= 1 << key
            bounds[row] += 1 + max(width, 1)


@kernel(
    "int32[::1], int8[::1], int64[::1], int64[::1], int64[::1], int32[::1], int64[::1], uint8[::1]!, "
    "uint8[::1], int64[::1]"
)
def put_rows(masks, kinds, bases, word_bases, offsets, values, word_offsets, words, out, entries):
    """Write the text of each row with the keys that it has a value of: a tab, then values with colons between.

    masks         (rows,) int32; see weigh_rows
    kinds         (keys,) int8; NUMBER, LIST or WORD; key 0 is GT
    bases         (keys,) int64; a row's place is its number + the base: in `offsets` for a LIST, else in `values`
    offsets       (rows + 1 of each LIST,) int64; a list is values[offsets[place]:offsets[place + 1]]
    values        int32; numbers (missing: MISSING), lists' elements, numbers of the column's words (missing: MISSING)
    word_bases    (keys,) int64; the first of the column's words among all
    word_offsets  (words + 1,) int64; word i is words[word_offsets[i]:word_offsets[i + 1]]
    words         (bytes,) uint8
    out           uint8, written; as large as the rows' bounds, see weigh_rows, and SLACK bytes
    entries       (rows + 1,) int64, written: where the row's text begins << KEY_BITS | its keys
    """
    at = _NOUGHT
    for row in range(masks.size):
        entries[row] = at << KEY_BITS | masks[row]
        for key in range(kinds.size):
            if not masks[row] >> key & 1:
                continue
            out[at] = _COLON if key else _TAB
            at += 1
            place, start = bases[key] + row, at
            if kinds[key] == LIST:
                for j in range(offsets[place], offsets[place + 1]):
                    if j > offsets[place]:
                        out[at] = _COMMA
                        at += 1
                    at = put_integer(out, at, values[j])
            elif values[place] != MISSING:
                if kinds[key] == NUMBER:
                    at = put_integer(out, at, values[place])
                else:
                    word = word_bases[key] + values[place]
                    at = put_bytes(out, at, words, word_offsets[word], word_offsets[word + 1])
            if at == start:
                out[at] = _POINT
                at += 1
    entries[masks.size] = at << KEY_BITS


@kernel("int32[:,::1], int64[::1], int64, int64[::1]")
def plan_lines(cells, entries, keys, masks):
    """The FORMAT keys of each site; returns how many bytes the samples' columns of all sites have at most.

    cells    (sites, samples) int32; the row of each genotype
    entries  (rows + 1,) int64; see put_rows
    keys     the number of keys
    masks    (sites,) int64, written: bit k is set where some sample has a value of key k; that of GT always is
    """
    sites, samples = cells.shape
    counts, own, total = np.zeros(keys, np.int64), _NOUGHT, _NOUGHT
    for site in range(sites):
        for sample in range(samples):
            row, old, new = cells[site, sample], _NOUGHT, _NOUGHT
            if site:
                before = cells[site - 1, sample]
                if before == row:
                    continue
                old = entries[before]
                own -= (entries[before + 1] >> KEY_BITS) - (old >> KEY_BITS)
            new = entries[row]
            own += (entries[row + 1] >> KEY_BITS) - (new >> KEY_BITS)
            if (old ^ new) & _KEYS:
                for key in range(keys):
                    counts[key] += (new >> key & 1) - (old >> key & 1)
        masks[site] = 1
        for key in range(1, keys):
            if counts[key]:
                masks[site] |= _ONE << key
                total += 2 * (samples - counts[key])
        total += own
    return total


@uncounted
def put_spread(out, at, texts, begin, end, own, mask):
    """Write a row's text, texts[begin:end], with `.` for the keys of a mask that it lacks before its last.

    own  the row's keys, as bits; see put_rows. Returns the place after the text
    """
    key = 0
    while own >> key:
        if own >> key & 1:
            out[at] = texts[begin]
            at += 1
            begin += 1
            while begin < end and texts[begin] != _COLON:
                out[at] = texts[begin]
                at += 1
                begin += 1
        elif mask >> key & 1:
            out[at] = _COLON
            out[at + 1] = _POINT
            at += 2
        key += 1
    return at


@uncounted
def put_samples(out, at, before, cells, mask, begins, texts, entries):
    """Write the samples' columns of a site, a tab before each; returns the place after them.

    Neighbours with the rows and keys of the line before are copied from it together.
    before   (samples,) int32; each sample's row in the line before, negative for none
    cells    (samples,) int32; each sample's row
    mask     the keys to write, as bits
    begins   (samples + 1,) int64; where each column of the line before begins; then of this one
    texts, entries  see put_rows
    """
    data, source = pointer(out), pointer(texts)
    sample = 0
    while sample < cells.size:
        row = cells[sample]
        if row == before[sample]:
            first = begins[sample]
            moved = at - first
            while sample < cells.size and cells[sample] == before[sample]:
                begins[sample] += moved
                sample += 1
            copy_bytes(data, at, data, first, begins[sample] - first)
            at += begins[sample] - first
            continue
        begins[sample] = at
        own, begin, end = entries[row] & _KEYS, entries[row] >> KEY_BITS, entries[row + 1] >> KEY_BITS
        reach = own | own >> 1  # all keys up to its last
        reach |= reach >> 2
        reach |= reach >> 4
        reach |= reach >> 8
        reach |= reach >> 16
        if mask & reach == own:
            copy_bytes(data, at, source, begin, end - begin)
            at += end - begin
        else:
            at = put_spread(data, at, source, begin, end, own, mask)
        sample += 1
    begins[cells.size] = at
    return at


@kernel(
    "int64[::1], uint8[::1]!, int32[:,::1], int64[::1], int64[::1], uint8[::1]!, uint8[::1], int64[::1], "
    "uint8[::1], int64[::1]"
)
def put_lines(site_offsets, sites, cells, masks, key_offsets, keys, texts, entries, out, starts):
    """Write VCF lines: the text of each site, FORMAT, and one column for each sample.

    site_offsets  (sites + 1,) int64; sites[site_offsets[i]:site_offsets[i + 1]] is CHROM to INFO, tabs between
    sites         (bytes,) uint8
    cells         (sites, samples) int32; the row of each genotype; several may share one
    masks         (sites,) int64; see plan_lines
    key_offsets   (keys + 1,) int64; keys[key_offsets[k]:key_offsets[k + 1]] is the FORMAT key; key 0 is GT
    keys          (bytes,) uint8
    texts, entries  see put_rows; SLACK bytes behind the last text
    out           uint8, written; large enough for everything, and SLACK bytes
    starts        (sites + 1,) int64, written: line i is out[starts[i]:starts[i + 1]], newline included

    A key stands in FORMAT if any sample has a value; missing values at a sample's end are left out, others are `.`.

    Source: VCF 4.2 specification, section 1.4.2; htsjdk VCFEncoder.addGenotypeData.
    """
    samples = cells.shape[1]
    begins, nothing = np.zeros(samples + 1, np.int64), np.full(samples, -1, np.int32)
    before, last_mask, at = nothing, np.int64(0), _NOUGHT
    for site in range(starts.size - 1):
        starts[site] = at
        at = put_bytes(out, at, sites, site_offsets[site], site_offsets[site + 1])
        if samples:
            for key in range(key_offsets.size - 1):
                if masks[site] >> key & 1:
                    out[at] = _COLON if key else _TAB
                    at = put_bytes(out, at + 1, keys, key_offsets[key], key_offsets[key + 1])
            same = masks[site] == last_mask
            at = put_samples(out, at, before if same else nothing, cells[site], masks[site], begins, texts, entries)
            before, last_mask = cells[site], masks[site]
        out[at] = _NEWLINE
        at += 1
    starts[starts.size - 1] = at

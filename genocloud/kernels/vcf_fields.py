"""Parse single values in a record's text: numbers, genotypes and keys."""

import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic, overload

from genocloud import schema
from genocloud.kernels.kernel import uncounted

MISSING = int(schema.MISSING)
BAD = MISSING - 1
"""Result of `integer` for text that is no 32-bit integer (it returns 64-bit values)."""

MISSING_LONG = int(np.iinfo(np.int64).min)

TAB, LF, CR, HASH = 9, 10, 13, 35


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


@intrinsic
def _mark_apart(_):
    def generate(context, builder, *_):
        builder.function.attributes.add("noinline")
        return context.get_dummy_value()

    return types.void(), generate


def stay_apart():
    """Call this in a compiled function to prevent inlining it: for rare cases, to keep the callers' loops small."""


@overload(stay_apart, inline="always")
def _stay_apart():
    return lambda: _mark_apart()


@intrinsic
def _eight_bytes(_, text, at):
    def generate(context, builder, _, args):
        place = builder.gep(args[0], [args[1]])
        return builder.load(builder.bitcast(place, context.get_value_type(types.CPointer(types.uint64))), align=1)

    return types.uint64(text, at), generate


@intrinsic
def _copy_block(_, out, at, data, source):
    def generate(context, builder, _, args):
        block = ir.VectorType(ir.IntType(8), BLOCK).as_pointer()
        values = builder.load(builder.bitcast(builder.gep(args[2], [args[3]]), block), align=1)
        builder.store(values, builder.bitcast(builder.gep(args[0], [args[1]]), block), align=1)
        return context.get_dummy_value()

    return types.void(out, at, data, source), generate


@intrinsic
def _low_zeros(_, word):
    def generate(context, builder, _, args):
        return builder.cttz(args[0], context.get_constant(types.boolean, False))

    return types.uint64(word), generate


def digits(text, at):
    """(value, how many): the decimal digits that stand here, eight at most.

    Compiled, all eight bytes are worked on in one register, without a branch for each.
    """
    value = count = 0
    while count < 8 and 48 <= text[at + count] <= 57:
        value = value * 10 + int(text[at + count]) - 48
        count += 1
    return value, count


EIGHT_ZEROS, OVER_NINE, HIGH_BITS = (
    np.uint64(0x3030303030303030),
    np.uint64(0x7676767676767676),
    np.uint64(0x8080808080808080),
)
PAIRS, LEFT, RIGHT = np.uint64(0x000000FF000000FF), np.uint64(0x000F424000000064), np.uint64(0x0000271000000001)


@overload(digits)
def _digits(text, at):  # noqa: ARG001
    def generate(text, at):
        word = _eight_bytes(text, at) ^ EIGHT_ZEROS
        others = ((word + OVER_NINE) | word) & HIGH_BITS
        if others & np.uint64(0x80):
            return np.int64(0), np.int64(0)
        count = _low_zeros(others) >> np.uint64(3)
        word <<= np.uint64(64) - np.uint64(8) * count
        word = word * np.uint64(10) + (word >> np.uint64(8))
        word = ((word & PAIRS) * LEFT + ((word >> np.uint64(16)) & PAIRS) * RIGHT) >> np.uint64(32)
        return np.int64(word), np.int64(count)

    return generate


def field_end(text, at):
    """The place of the next `;`, or of the tab or line end where the column ends."""
    while text[at] > CR and text[at] != 59:
        at += 1
    return at


BELOW_CR, SEMICOLONS, ONES = (np.uint64(byte * 0x0101010101010101) for byte in (CR + 1, 59, 1))


@overload(field_end)
def _field_end(text, at):  # noqa: ARG001
    def generate(text, at):
        while True:
            word = _eight_bytes(text, at)
            marks = word ^ SEMICOLONS
            # the lowest of these high bits is exact: borrows only go upwards
            ends = (((word - BELOW_CR) & ~word) | ((marks - ONES) & ~marks)) & HIGH_BITS
            if ends != 0:
                return at + np.int64(_low_zeros(ends) >> np.uint64(3))
            at += 8

    return generate


def same(text, at, other, place, size):
    """Whether two stretches of bytes are equal."""
    return bytes(text[at : at + size]) == bytes(other[place : place + size])


@overload(same)
def _same(text, at, other, place, size):  # noqa: ARG001
    def generate(text, at, other, place, size):
        k = 0
        while k + 8 <= size:
            if _eight_bytes(text, at + k) != _eight_bytes(other, place + k):
                return False
            k += 8
        if k == size:
            return True
        return (_eight_bytes(text, at + k) ^ _eight_bytes(other, place + k)) << np.uint64(8 * (8 - size + k)) == 0

    return generate


BLOCK = 32
"""Bytes that copy_bytes moves at once."""


def copy_bytes(out, at, data, source, size):
    """Copy data[source:source + size] to out[at:]; `data` may be `out`, where the source ends before `at`.

    Up to BLOCK - 1 bytes after these are read, and overwritten in `out`.
    """
    out[at : at + size] = data[source : source + size]


@overload(copy_bytes)
def _copy_bytes(out, at, data, source, size):  # noqa: ARG001
    def generate(out, at, data, source, size):
        for k in range(0, size, BLOCK):
            _copy_block(out, at + k, data, source + k)

    return generate


WIDEST = 24
"""Letters of the longest key, rounded up."""


def keys(names):
    """Names as (bytes (names * WIDEST,), lengths (names,)): tables that numba freezes into the code."""
    text = b"".join(name.encode().ljust(WIDEST, b"\0") for name in names)
    return np.frombuffer(text, np.uint8), np.array([len(name) for name in names])


POWERS = 10.0 ** np.arange(23)
"""Powers of ten that a double holds exactly: dividing a 53-bit integer by one rounds once, as strtod does."""


@uncounted
def ends_value(byte):
    """Whether a byte ends a value: tab, line end, comma, colon, semicolon."""
    return byte <= CR or byte == 44 or byte == 58 or byte == 59


@uncounted
def integer(text, at):
    """(value, place after it): MISSING for `.` or nothing; BAD for what is no integer of 32 bits."""
    value, count = digits(text, at)
    if count > 0 and ends_value(text[at + count]):
        return value, at + count
    return any_integer(text, at)


@uncounted
def any_integer(text, at):
    """`integer` for text with a sign or more than eight digits."""
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


@uncounted
def word_is(text, start, end, word, size):
    """Whether text[start:end] is word[:size], case apart."""
    if end - start != size:
        return False
    for k in range(size):
        if (text[start + k] | 32) != (word[k] | 32):
            return False
    return True


NAN, INF, INFINITY = (np.frombuffer(word, np.uint8) for word in (b"nan", b"inf", b"infinity"))


@uncounted
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


@uncounted
def rounded(text, at):
    """An integer that some callers write as a float (GQ): rounded, halves up; otherwise as `integer`."""
    value, after = integer(text, at)
    if value != BAD:
        return value, after
    number, after, good = real(text, at)
    if not good or abs(number) > 2e9:
        return np.int64(BAD), after
    return (np.int64(MISSING) if np.isnan(number) else np.int64(np.floor(number + 0.5))), after


@uncounted
def integers(text, at, out, first):
    """Integers, `,` between, into out[first:]: (count, place after); none for `.` or nothing; BAD when malformed."""
    if ends_value(text[at]) and text[at] != 44:
        return np.int64(0), at
    count = np.int64(0)
    while True:
        begin = at
        value, at = integer(text, at)
        if value == BAD or at == begin:  # nothing between commas would need more room than its text
            return np.int64(BAD), at
        out[first + count] = value
        count += 1
        if text[at] != 44:
            break
        at += 1
    if count == 1 and value == MISSING:
        count = np.int64(0)
    return count, at


@uncounted
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


@uncounted
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


@uncounted
def find_key(text, start, end, keys, lengths, count):
    """Index of text[start:end] among some keys (of `keys`), or -1."""
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


@uncounted
def skip(text, at):
    """The end of a column: the place of the next tab or line end."""
    while text[at] > CR:
        at += 1
    return at

"""Encode columns as BCF2 records: typed values in the smallest integers that hold them.

Source: VCF 4.3 specification, section 6 (BCF2.2); htslib vcf.h for the range of each integer type.
"""

import numpy as np

from genocloud.kernels.kernel import compiled, kernel, uncounted
from genocloud.kernels.vcf_columns import LIST, NUMBER, put_bytes
from genocloud.schema import MISSING

INT8, INT16, INT32, FLOAT, CHAR = 1, 2, 3, 5, 7
FLAG = 0
"""The type of a Flag: the presence of the key is its value."""

_END_OF_VECTOR = MISSING + np.int32(1)
_LOWEST8, _HIGHEST8, _LOWEST16, _HIGHEST16 = -120, 127, -32760, 32767
"""Smaller numbers are reserved, for missing values and ends of vectors among others."""

_MOST_INLINE = 15
"""Longer lengths are written behind the type, as a typed integer."""

_POINT, _PIPE, _ZERO = 46, 124, 48
_FIXED_BYTES = 32
"""Lengths of both halves, CHROM, POS, rlen, QUAL, counts of alleles and INFO, of FORMAT and samples."""


@uncounted
def put_bytes_of(out, at, value, size):
    """Write the lowest `size` bytes of an integer to out[at:] (uint8), lowest first; returns the place after them."""
    left = np.int64(value)
    for _ in range(size):
        out[at] = left & 255
        left >>= 8
        at += 1
    return at


@uncounted
def type_size(kind):
    """Bytes of a value of a type."""
    return 4 if kind == INT32 or kind == FLOAT else 2 if kind == INT16 else 1


@uncounted
def type_for(lowest, highest):
    """The smallest integer type that holds lowest to highest."""
    if lowest >= _LOWEST8 and highest <= _HIGHEST8:
        return INT8
    return INT16 if lowest >= _LOWEST16 and highest <= _HIGHEST16 else INT32


@uncounted
def put_type(out, at, count, kind):
    """Write the descriptor of `count` values of a type; returns the place after it."""
    out[at] = np.int64(min(count, _MOST_INLINE)) << 4 | kind
    if count < _MOST_INLINE:
        return at + 1
    own = type_for(0, count)
    out[at + 1] = 1 << 4 | own
    return put_bytes_of(out, at + 2, count, type_size(own))


@uncounted
def put_integer(out, at, value, kind):
    """Write an int32 as a type; MISSING and the end of a vector as that type has them; returns the place after it.

    Byte by byte without a loop: nearly all of a file of genotypes is such values.
    """
    if kind == INT8:
        out[at] = (value if value > _END_OF_VECTOR else value - MISSING - 128) & 255
        return at + 1
    if kind == INT16:
        short = value if value > _END_OF_VECTOR else value - MISSING - 32768
        out[at], out[at + 1] = short & 255, short >> 8 & 255
        return at + 2
    out[at], out[at + 1], out[at + 2], out[at + 3] = value & 255, value >> 8 & 255, value >> 16 & 255, value >> 24 & 255
    return at + 4


@uncounted
def put_integers(out, at, values, start, end):
    """Write values[start:end] (int32) as a typed vector; returns the place after it."""
    lowest, highest = 0, 0
    for i in range(start, end):
        if values[i] != MISSING:
            lowest, highest = min(lowest, values[i]), max(highest, values[i])
    kind = type_for(lowest, highest)
    at = put_type(out, at, end - start, kind)
    for i in range(start, end):
        at = put_integer(out, at, values[i], kind)
    return at


@uncounted
def put_string(out, at, data, start, end):
    """Write data[start:end] (uint8) as a typed string; returns the place after it."""
    return put_bytes(out, put_type(out, at, end - start, CHAR), data, start, end)


@uncounted
def put_key(out, at, number):
    """Write a number of the dictionary as a typed integer; returns the place after it."""
    kind = type_for(0, number)
    return put_integer(out, put_type(out, at, 1, kind), number, kind)


@kernel()
def put_sites(
    places,
    id_offsets,
    ids,
    allele_lists,
    allele_offsets,
    alleles,
    filter_offsets,
    filters,
    keys,
    kinds,
    bases,
    offsets,
    values,
    out,
    ends,
):
    """Write the parts of BCF records before the genotypes, with room for lengths and counts that these determine.

    places          (sites, 4) int32; contig, 0-based position, bases of REF, bits of QUAL as float32
    id_offsets, ids (sites + 1,) int64 and uint8; an empty ID is missing
    allele_lists    (sites + 1,) int64; slices of allele_offsets: REF, then ALT
    allele_offsets, alleles  (alleles + 1,) int64 and uint8
    filter_offsets, filters  (sites + 1,) int64 and int32; numbers in the dictionary, without any where none is known
    keys, kinds     (keys,) int32 and int8; INFO keys' numbers in the dictionary; INT32, FLOAT, CHAR or FLAG
    bases           (keys,) int64; the place of a key's first site in `offsets`
    offsets         (sites + 1 for each key,) int64; slices of values; an empty one has no entry in INFO
    values          int32; integers (missing: MISSING), bits of float32, or bytes; a flag has one where it stands
    out             uint8, written; large enough
    ends            (sites + 1,) int32, written: site i is out[ends[i]:ends[i + 1]]
    """
    at = np.int64(0)
    ends[0] = 0
    for site in range(len(places)):
        begin = at
        at += _FIXED_BYTES
        at = put_string(out, at, ids, id_offsets[site], id_offsets[site + 1])
        for allele in range(allele_lists[site], allele_lists[site + 1]):
            at = put_string(out, at, alleles, allele_offsets[allele], allele_offsets[allele + 1])
        start, end = filter_offsets[site], filter_offsets[site + 1]
        at = put_type(out, at, 0, FLAG) if start == end else put_integers(out, at, filters, start, end)
        entries = 0
        for key in range(len(keys)):
            start, end = offsets[bases[key] + site], offsets[bases[key] + site + 1]
            if start == end:
                continue
            entries += 1
            at = put_key(out, at, keys[key])
            if kinds[key] == INT32:
                at = put_integers(out, at, values, start, end)
            elif kinds[key] == FLAG:
                at = put_type(out, at, 0, FLAG)
            else:
                at = put_type(out, at, end - start, kinds[key])
                for i in range(start, end):
                    at = put_bytes_of(out, at, values[i], type_size(kinds[key]))
        head = put_bytes_of(out, begin, 0, 8)
        for field in range(4):
            head = put_bytes_of(out, head, places[site, field], 4)
        counts = (allele_lists[site + 1] - allele_lists[site]) << 16 | entries
        put_bytes_of(out, put_bytes_of(out, head, counts, 4), 0, 4)
        ends[site + 1] = at


@uncounted
def read_allele(words, at, end):
    """One allele of a GT text at words[at:end]: (its BCF value without phase, the place after it)."""
    if words[at] == _POINT:
        return 0, at + 1
    number = 0
    while at < end and words[at] >= _ZERO and words[at] <= _ZERO + 9:
        number = number * 10 + words[at] - _ZERO
        at += 1
    return (number + 1) << 1, at


@uncounted
def _measure_genotype(words, at, end):
    """Alleles of a GT text at words[at:end], and the highest of their BCF values."""
    count, highest = 0, 0
    while at < end:
        value, at = read_allele(words, at, end)
        highest, count, at = max(highest, value | 1), count + 1, at + 1
    return count, highest


@kernel()
def measure_rows(masks, kinds, bases, word_bases, offsets, values, word_offsets, words, shapes):
    """What each row of the FORMAT columns needs in a record; see put_records for the arrays.

    shapes  (2 * keys + 1, rows) int32, written: each key's number of values, at least one; then its type; then the mask
    """
    keys = len(kinds)
    for key in range(keys):
        base, first_word = bases[key], word_bases[key]
        for row in range(len(masks)):
            width, lowest, highest = np.int64(1), np.int32(0), np.int32(0)
            if kinds[key] == LIST:
                start, end = offsets[base + row], offsets[base + row + 1]
                width = max(width, end - start)
                for i in range(start, end):
                    if values[i] != MISSING:
                        lowest, highest = min(lowest, values[i]), max(highest, values[i])
            elif values[base + row] != MISSING and kinds[key] == NUMBER:
                lowest, highest = min(lowest, values[base + row]), max(highest, values[base + row])
            elif values[base + row] != MISSING:
                word = first_word + values[base + row]
                width = max(width, word_offsets[word + 1] - word_offsets[word])
                if key == 0:
                    width, highest = _measure_genotype(words, word_offsets[word], word_offsets[word + 1])
            is_text = key and kinds[key] != LIST and kinds[key] != NUMBER
            shapes[key, row] = width
            shapes[keys + key, row] = CHAR if is_text else type_for(lowest, highest)
    for row in range(len(masks)):
        shapes[2 * keys, row] = masks[row]


@kernel()
def plan_records(site_offsets, cells, numbers, shapes, widths, types, starts):
    """How wide each key's values are at each site, and where each record begins.

    site_offsets   as in put_records
    cells          (sites, samples) int32; the row of each genotype
    numbers        (rows,) int32; the shape of each row
    shapes         (2 * keys + 1, shapes) int32; the distinct columns of those of measure_rows
    widths, types  (sites, keys) int64 and int8, written: values for each sample, 0 where none has one; their type
    starts         (sites + 1,) int64, written
    """
    samples, keys = cells.shape[1], widths.shape[1]
    is_there = np.empty(shapes.shape[1], np.bool_)
    starts[0] = 0
    for site in range(len(cells)):
        is_there[:] = False
        for row in cells[site]:
            is_there[numbers[row]] = True
        size, mask = site_offsets[site + 1] - site_offsets[site], np.int32(samples > 0)
        widths[site], types[site] = 1, INT8
        for shape in np.flatnonzero(is_there):
            mask |= shapes[2 * keys, shape]
            for key in range(keys):
                widths[site, key] = max(widths[site, key], shapes[key, shape])
                types[site, key] = max(types[site, key], shapes[keys + key, shape])
        for key in range(keys):
            if not mask >> key & 1:
                widths[site, key] = 0
            size += 16 + samples * widths[site, key] * type_size(types[site, key])
        starts[site + 1] = starts[site] + size


@compiled
def alleles_of_words(word_bases, word_offsets, words):
    """The alleles of each GT as BCF has them, ends of vectors behind them: (words of GT, most alleles) int32."""
    count = word_bases[1] if len(word_bases) > 1 else len(word_offsets) - 1
    most = 1
    for word in range(count):
        most = max(most, _measure_genotype(words, word_offsets[word], word_offsets[word + 1])[0])
    out = np.full((count, most), _END_OF_VECTOR, np.int32)
    for word in range(count):
        place, end, phased, number = word_offsets[word], word_offsets[word + 1], 0, 0
        while place < end:
            value, place = read_allele(words, place, end)
            out[word, number] = value | phased
            number += 1
            if place < end:
                phased = 1 if words[place] == _PIPE else 0
                place += 1
    return out


@uncounted
def _put_key(out, begin, key, cells, chosen, count, width, kind, columns):
    """Write a key's values of some samples at a site, each at its place behind out[begin].

    cells    (samples,) int32; their rows
    chosen   int64; numbers of the samples, of which the first `count` are written
    columns  kinds to words of put_records, and alleles_of_words
    """
    kinds, bases, word_bases, offsets, values, word_offsets, words, alleles = columns
    base, first_word, size = bases[key], word_bases[key], width * type_size(kind)
    for i in range(count):
        row, at, left = cells[chosen[i]], begin + chosen[i] * size, width
        if key == 0:
            for k in range(width):
                at = put_integer(out, at, alleles[values[base + row], k], kind)
            left = 0
        elif kinds[key] == LIST:
            for k in range(offsets[base + row], offsets[base + row + 1]):
                at = put_integer(out, at, values[k], kind)
                left -= 1
        elif kinds[key] == NUMBER:
            at = put_integer(out, at, values[base + row], kind)
            left -= 1
        elif values[base + row] != MISSING:
            word = first_word + values[base + row]
            for k in range(word_offsets[word], word_offsets[word + 1]):
                out[at] = words[k]
                at += 1
                left -= 1
        if left == width:
            at = put_integer(out, at, MISSING, kind) if kind != CHAR else put_bytes_of(out, at, _POINT, 1)
            left -= 1
        for _ in range(left):
            at = put_integer(out, at, _END_OF_VECTOR, kind) if kind != CHAR else put_bytes_of(out, at, 0, 1)


@kernel()
def put_records(
    site_offsets,
    sites,
    cells,
    keys,
    kinds,
    bases,
    word_bases,
    offsets,
    values,
    word_offsets,
    words,
    widths,
    types,
    out,
    starts,
):
    """Write BCF records: what put_sites wrote of each site, and its genotypes.

    site_offsets, sites  (sites + 1,) int64 and uint8; what put_sites wrote
    cells                (sites, samples) int32; the row of every FORMAT column that a genotype is in
    keys                 (keys,) int32; FORMAT keys' numbers in the dictionary; key 0 is GT
    widths, types        (sites, keys); see plan_records
    out                  uint8, written; large enough
    starts               (sites + 1,) int64, written: record i is out[starts[i]:starts[i + 1]]
    For the other arrays see vcf_columns.put_rows.

    Where a key has the width and type of the site before, its values are copied from there, and only those of samples
    in another row are written: most are in the same reference block.
    """
    alleles = alleles_of_words(word_bases, word_offsets, words)
    columns = kinds, bases, word_bases, offsets, values, word_offsets, words, alleles
    samples = cells.shape[1]
    before, changed, every = np.zeros(len(keys), np.int64), np.empty(samples, np.int64), np.arange(samples)
    at = np.int64(0)
    for site in range(len(cells)):
        starts[site] = begin = at
        at = put_bytes(out, at, sites, site_offsets[site], site_offsets[site + 1])
        shared, formats, count = at - begin - 8, 0, 0
        for sample in range(samples if site else 0):
            changed[count] = sample
            count += cells[site, sample] != cells[site - 1, sample]
        for key in range(len(keys)):
            width, kind = widths[site, key], types[site, key]
            if width == 0:
                continue
            formats += 1
            at = put_type(out, put_key(out, at, keys[key]), width, kind)
            size = width * type_size(kind)
            if site and widths[site - 1, key] == width and types[site - 1, key] == kind:
                out[at : at + samples * size] = out[before[key] : before[key] + samples * size]
                _put_key(out, at, key, cells[site], changed, count, width, kind, columns)
            else:
                _put_key(out, at, key, cells[site], every, samples, width, kind, columns)
            before[key] = at
            at += samples * size
        put_bytes_of(out, put_bytes_of(out, begin, shared, 4), at - begin - 8 - shared, 4)
        put_bytes_of(out, begin + _FIXED_BYTES - 4, formats << 24 | samples, 4)
    starts[len(cells)] = at

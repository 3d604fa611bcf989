"""SITES and GENOTYPES as the text of VCF lines, column by column: no Python object for any record or genotype."""

from collections.abc import Sequence, Sized
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from genocloud import schema
from genocloud.callset.header import vcf_keys
from genocloud.kernels import text

HIGHEST_GQ = 99
"""VCF's GQ is capped as GATK caps it; the tables keep it whole."""

_FORMAT = vcf_keys(schema.GENOTYPE_COLUMNS, "FORMAT")
_INFO = vcf_keys(schema.SITE_COLUMNS, "INFO")
_INTEGER_BYTES = 12  # of an int32: sign, ten digits, a comma
_NO_WORDS = pa.array([], pa.string())


class Lines(NamedTuple):
    """VCF lines: `data` (bytes,) uint8; line i is data[starts[i]:starts[i + 1]], `starts` int64."""

    data: npt.NDArray[np.uint8]
    starts: npt.NDArray[np.int64]


class _Field(NamedTuple):
    """A FORMAT column: lists have offsets, words a dictionary; `width` is the most bytes of a value outside lists."""

    kind: int
    width: int
    values: npt.NDArray[np.int32]
    offsets: npt.NDArray[np.int64] = np.zeros(0, np.int64)
    words: pa.Array = _NO_WORDS


FORMAT_COLUMNS = [column.name for _, column in _FORMAT]
"""Columns of GENOTYPES that are needed for the text."""


def lines_of(sites: pa.Table, genotypes: pa.Table, first: npt.NDArray[np.int64], step: npt.NDArray[np.int64]) -> Lines:
    """The lines of some sites; a sample's genotype at site i is row first + i * step (see layout.rows_of)."""
    site_offsets, site_bytes = schema.strings(_site_text(sites))
    fields = [_field(name, genotypes[name].combine_chunks()) for name in FORMAT_COLUMNS]
    key_offsets, keys = schema.strings(pa.array([key for key, _ in _FORMAT]))
    columns = _laid_out(fields)
    room = len(site_bytes) + sites.num_rows * (len(keys) + len(_FORMAT) + 2 + len(first) * _width(fields))
    room += sum(_INTEGER_BYTES * len(field.values) for field in fields if field.kind == text.LIST)
    out = np.empty(room, np.uint8)
    starts = np.zeros(sites.num_rows + 1, np.int64)
    text.put_lines(site_offsets, site_bytes, first, step, key_offsets, keys, *columns, out, starts)
    return Lines(out[: starts[-1]], starts)


def _laid_out(fields: list[_Field]) -> tuple[npt.NDArray[Any], ...]:
    """The columns one behind the other, as put_lines takes them: kinds to words."""
    kinds = np.array([field.kind for field in fields], np.int8)
    values = _starts([field.values for field in fields])
    bases = np.where(kinds == text.LIST, _starts([field.offsets for field in fields]), values)
    offsets = [field.offsets + base for field, base in zip(fields, values, strict=True)]
    words = [field.words for field in fields]
    flat = np.concatenate(offsets), np.concatenate([field.values for field in fields])
    return kinds, bases, _starts(words), *flat, *schema.strings(pa.concat_arrays(words))


def _starts(parts: Sequence[Sized]) -> npt.NDArray[np.int64]:
    """Where each part begins when they lie one behind the other."""
    return np.cumsum([0, *map(len, parts)], dtype=np.int64)[:-1]


def _width(fields: list[_Field]) -> int:
    """Bytes of a sample's column without the elements of its lists."""
    return 1 + sum(1 + field.width for field in fields)


def _field(name: str, column: pa.Array) -> _Field:
    if pa.types.is_dictionary(column.type):
        width = int(np.diff(schema.strings(column.dictionary)[0]).max(initial=1))
        return _Field(text.WORD, width, schema.numbers(column.indices), words=column.dictionary)
    if pa.types.is_list(column.type):
        offsets, values = schema.ragged(column)
        return _Field(text.LIST, 1, values, offsets)
    values = schema.numbers(column)
    if name == "GQ":
        values = np.minimum(values, HIGHEST_GQ)
    return _Field(text.NUMBER, _INTEGER_BYTES, values)


def _site_text(sites: pa.Table) -> pa.Array:
    """CHROM to INFO of each site, tabs between."""
    columns = [
        pc.cast(sites["contig"], pa.string()),
        pc.cast(sites["pos"], pa.string()),
        sites["id"],
        sites["ref"],
        _joined(sites["alts"].combine_chunks()),
        _quality(sites["qual"].combine_chunks()),
        sites["filter"],
        _info(sites),
    ]
    return _one(pc.binary_join_element_wise(*[_or_point(column) for column in columns], "\t"))


def _one(column: pa.Array | pa.ChunkedArray) -> pa.Array:
    return column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column


def _or_point(column: pa.Array | pa.ChunkedArray) -> pa.Array:
    """Nothing, or an empty text, is `.`."""
    filled = pc.fill_null(_one(column), "")
    return pc.if_else(pc.equal(filled, ""), ".", filled)


def _quality(values: pa.Array) -> pa.Array:
    column = next(column for column in schema.SITE_COLUMNS if column.vcf == "QUAL")
    return pc.replace_substring_regex(_decimals(values, column.form), r"\.00$", "")


def _info(sites: pa.Table) -> pa.Array:
    items = [_item(key, column, sites[column.name].combine_chunks()) for key, column in _INFO]
    return pc.utf8_slice_codeunits(pc.binary_join_element_wise(*items, ""), 1)


def _item(key: str, column: schema.Column, values: pa.Array) -> pa.Array:
    """`;KEY=value` of each site, empty where there is no value."""
    is_list = pa.types.is_list(values.type)
    texts = pc.fill_null(_joined(values, column.form) if is_list else _texts(values, column.form), "")
    return pc.if_else(pc.equal(texts, ""), "", pc.binary_join_element_wise(f";{key}=", texts, ""))


def _texts(values: pa.Array, form: str = "") -> pa.Array:
    return _decimals(values, form) if pa.types.is_floating(values.type) else pc.cast(values, pa.string())


def _joined(lists: pa.Array, form: str = "") -> pa.Array:
    """Lists as texts, commas between, missing elements as `.`; null stays null."""
    offsets = lists.offsets.to_numpy()
    elements = _or_point(_texts(lists.values.slice(offsets[0], offsets[-1] - offsets[0]), form))
    empty = np.append(schema.numbers(pc.is_null(lists)), False)
    return pc.binary_join(pa.ListArray.from_arrays(pa.array(offsets - offsets[0], mask=empty), elements), ",")


def _decimals(values: pa.Array, form: str) -> pa.Array:
    """Doubles as GATK prints them: `form` is %.kf, or empty for its default; null stays null."""
    numbers = schema.numbers(values)
    offsets, shortest = schema.strings(pc.cast(pa.array(numbers), pa.string()))
    out = np.empty(len(numbers) * text.DECIMAL_BYTES, np.uint8)
    ends = np.zeros(len(numbers) + 1, np.int32)
    text.put_decimals(numbers, offsets, shortest, _places(form), out, ends)
    texts = pa.StringArray.from_buffers(len(numbers), pa.py_buffer(ends), pa.py_buffer(out[: ends[-1]]))
    return pc.if_else(pc.is_valid(values), texts, None)


def _places(form: str) -> int:
    """Digits after the point: 2 of `%.2f`."""
    return int(form.removeprefix("%.").removesuffix("f")) if form else text.GATK_DEFAULT

"""Render SITES and GENOTYPES as VCF text, column by column, without a Python object per record or genotype."""

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from genocloud import annotations, schema
from genocloud.callset.format_fields import ALL_FIELDS, FormatFields, ModelFields, vcf_keys
from genocloud.kernels import vcf_columns

HIGHEST_GQ = 99
"""GATK caps GQ in VCF; the tables keep the uncapped value."""

_NO_WORDS = pa.nulls(0, pa.string())


class Lines(NamedTuple):
    """VCF lines: `data` (bytes,) uint8; line i is data[starts[i]:starts[i + 1]], `starts` int64."""

    data: npt.NDArray[np.uint8]
    starts: npt.NDArray[np.int64]


class _Field(NamedTuple):
    """A FORMAT column with at least one value, as chunks of the tables."""

    key: str
    kind: int
    chunks: list[pa.Array]

    @property
    def size(self) -> int:
        """Number of values: rows, or elements of the lists."""
        return sum(map(_elements if self.kind == vcf_columns.LIST else len, self.chunks))


class FormatArrays(NamedTuple):
    """All fields concatenated, as vcf_columns.put_rows takes them."""

    kinds: npt.NDArray[np.int8]
    bases: npt.NDArray[np.int64]
    word_bases: npt.NDArray[np.int64]
    offsets: npt.NDArray[np.int64]
    values: npt.NDArray[np.int32]
    word_offsets: npt.NDArray[np.int64]
    words: npt.NDArray[np.uint8]


class GenotypeFields(NamedTuple):
    """FORMAT columns of some tables, concatenated.

    keys           the fields with a value, GT first
    columns        their values
    masks          (rows,) int32; bit k is set where field k has a value
    bounds         (rows,) int32; upper bound of the row's text in bytes
    longest_block  the largest LEN, bases; 0 without one
    """

    keys: list[str]
    columns: FormatArrays
    masks: npt.NDArray[np.int32]
    bounds: npt.NDArray[np.int32]
    longest_block: int = 0


class GenotypeTexts(NamedTuple):
    """Text of some rows of FORMAT columns, each with the keys that it has a value of.

    keys           all fields, GT first
    texts          (bytes,) uint8, with vcf_columns.SLACK bytes behind the last text
    entries        (rows + 1,) int64; where each row's text begins, and its keys: see vcf_columns.put_rows
    longest_block  the largest LEN, bases; 0 without one
    """

    keys: list[str]
    texts: npt.NDArray[np.uint8]
    entries: npt.NDArray[np.int64]
    longest_block: int = 0


def lay_out(tables: Sequence[schema.DistinctGenotypes], chosen: FormatFields = ALL_FIELDS) -> GenotypeFields:
    """Concatenate the FORMAT columns of tables (GENOTYPES, or its distinct rows; for local alleles, local ones)."""
    return _weighed(tables, list(_fields(tables, chosen)), chosen)


def texts_of(tables: Iterable[schema.DistinctGenotypes], chosen: FormatFields = ALL_FIELDS) -> GenotypeTexts:
    """Text of each row of tables, as `lay_out` takes them; of their columns one table's at a time is laid out."""
    keys = [key for key, _ in chosen.columns()]
    return join_texts(keys, [row_texts(table, chosen) for table in tables])


def row_texts(table: schema.DistinctGenotypes, chosen: FormatFields = ALL_FIELDS) -> GenotypeTexts:
    """Text of each row of a table."""
    fields = [
        _Field(key, _kind(column.type), _values(table, column, chosen).chunks) for key, column in chosen.columns()
    ]
    genotypes = _weighed([table], fields, chosen)
    texts = np.empty(int(genotypes.bounds.sum()) + vcf_columns.SLACK, np.uint8)
    entries = np.empty(table.num_rows + 1, np.int64)
    vcf_columns.put_rows(genotypes.masks, *genotypes.columns, texts, entries)
    return GenotypeTexts(genotypes.keys, _used(texts, entries).copy(), entries, genotypes.longest_block)


def _values(table: schema.DistinctGenotypes, column: schema.Column, chosen: FormatFields) -> pa.ChunkedArray:
    """A column; where each key is filled, lists of a fixed number have so many missing values where there is none."""
    values = table[column.name]
    if not (chosen.fills_keys and column.number.isdigit() and pa.types.is_list(column.type)):
        return values
    nothing = pa.scalar([None] * int(column.number), column.type)
    return pc.if_else(pc.is_valid(values), values, nothing)


def join_texts(keys: list[str], parts: Sequence[GenotypeTexts]) -> GenotypeTexts:
    """Rows of several tables, one behind the other, as `lines_of` takes them."""
    bases = _starts(len(part.texts) for part in parts) << vcf_columns.KEY_BITS
    entries = [part.entries[:-1] + base for part, base in zip(parts, bases, strict=True)]
    texts = np.concatenate([*(part.texts for part in parts), np.zeros(vcf_columns.SLACK, np.uint8)])
    end = (len(texts) - vcf_columns.SLACK) << vcf_columns.KEY_BITS
    longest = max((part.longest_block for part in parts), default=0)
    return GenotypeTexts(keys, texts, np.append(np.concatenate([np.zeros(0, np.int64), *entries]), end), longest)


def _used(texts: npt.NDArray[np.uint8], entries: npt.NDArray[np.int64]) -> npt.NDArray[np.uint8]:
    return texts[: entries[-1] >> vcf_columns.KEY_BITS]


def _weighed(
    tables: Sequence[schema.DistinctGenotypes], fields: Sequence[_Field], chosen: FormatFields
) -> GenotypeFields:
    columns = _laid_out(fields, HIGHEST_GQ if chosen.model is None else None)
    rows = sum(table.num_rows for table in tables)
    masks, bounds = np.empty(rows, np.int32), np.empty(rows, np.int32)
    vcf_columns.weigh_rows(*columns[:-1], masks, bounds)
    if chosen.fills_keys:
        masks[:] = (1 << len(fields)) - 1
    keys = [field.key for field in fields]
    if bits := sum(1 << keys.index(key) for key in ("LAD", "LPL") if key in keys):
        masks[masks & bits != 0] |= 1 << keys.index("LAA")  # also where it is empty: their values are of REF alone
    return GenotypeFields(keys, columns, masks, bounds, _longest_block(tables) if "LEN" in keys else 0)


def _longest_block(tables: Sequence[schema.DistinctGenotypes]) -> int:
    return max(pc.max(table["LEN"]).as_py() or 0 for table in tables)


def lines_of(sites: pa.Array, genotypes: GenotypeTexts, cells: npt.NDArray[np.int32]) -> Lines:
    """Complete VCF lines from the output of `site_texts`.

    cells  (sites, samples) int32; the sample's row of the genotypes at the site
    """
    site_offsets, site_bytes = text_bytes(sites)
    key_offsets, keys = text_bytes(pa.array(genotypes.keys, pa.string()))
    masks, texts, entries = np.empty(len(sites), np.int64), genotypes.texts, genotypes.entries
    room = vcf_columns.plan_lines(cells, entries, len(genotypes.keys), masks) + vcf_columns.SLACK
    room += len(site_bytes) + len(sites) * (len(keys) + len(genotypes.keys) + 2)
    out, starts = np.empty(room, np.uint8), np.zeros(len(sites) + 1, np.int64)
    vcf_columns.put_lines(site_offsets, site_bytes, cells, masks, key_offsets, keys, texts, entries, out, starts)
    return Lines(out[: starts[-1]], starts)


def _fields(tables: Sequence[schema.DistinctGenotypes], chosen: FormatFields) -> Iterator[_Field]:
    for key, column in chosen.columns():
        chunks = [chunk for table in tables for chunk in _values(table, column, chosen).chunks if len(chunk)]
        if key == "GT" or chosen.fills_keys or any(chunk.null_count < len(chunk) for chunk in chunks):
            yield _Field(key, _kind(column.type), chunks)


def _kind(type_: pa.DataType) -> int:
    if pa.types.is_dictionary(type_):
        return vcf_columns.WORD
    return vcf_columns.LIST if pa.types.is_list(type_) else vcf_columns.NUMBER


def _laid_out(fields: Sequence[_Field], highest_gq: int | None) -> FormatArrays:
    """Concatenate the fields; each value is copied once."""
    sizes = [field.size for field in fields]
    values, starts = np.empty(sum(sizes), np.int32), _starts(sizes)
    offsets, words = [np.zeros(0, np.int64)] * len(fields), [_NO_WORDS] * len(fields)
    for place, (field, start, size) in enumerate(zip(fields, starts, sizes, strict=True)):
        part = values[start : start + size]
        if field.kind == vcf_columns.LIST:
            offsets[place] = _fill_lists(field.chunks, part) + start
        elif field.kind == vcf_columns.WORD:
            words[place] = _fill_words(field.chunks, part)
        else:
            _fill(field.chunks, part)
            if field.key == "GQ" and highest_gq is not None:
                np.minimum(part, highest_gq, out=part)
    kinds = np.array([field.kind for field in fields], np.int8)
    bases = np.where(kinds == vcf_columns.LIST, _starts(map(len, offsets)), starts)
    texts = text_bytes(pa.concat_arrays(words))
    return FormatArrays(kinds, bases, _starts(map(len, words)), np.concatenate(offsets), values, *texts)


def _starts(sizes: Iterable[int]) -> npt.NDArray[np.int64]:
    """Start of each part when they are concatenated."""
    return np.cumsum([0, *sizes], dtype=np.int64)[:-1]


def _fill(chunks: Iterable[pa.Array], out: npt.NDArray[np.int32]) -> None:
    """Concatenate columns of numbers into `out`, nulls as MISSING."""
    end = 0
    for chunk in chunks:
        start, end = end, end + len(chunk)
        if chunk.null_count == len(chunk):
            out[start:end] = schema.MISSING
        elif chunk.null_count:
            valid = annotations.read_only(np.frombuffer(chunk.buffers()[0], np.uint8))
            vcf_columns.fill_missing(_numbers(chunk), valid, chunk.offset, out[start:end])
        else:
            out[start:end] = _numbers(chunk)


def _fill_lists(chunks: Sequence[pa.Array], out: npt.NDArray[np.int32]) -> npt.NDArray[np.int64]:
    """Concatenate the elements of lists into `out`; return the offsets (rows + 1,). A null list has no elements."""
    bounds = [_numbers(chunk.offsets) for chunk in chunks]
    _fill([chunk.values.slice(at[0], at[-1] - at[0]) for chunk, at in zip(chunks, bounds, strict=True)], out)
    starts = _starts(at[-1] - at[0] for at in bounds)
    ends = [at[1:] + (start - at[0]) for at, start in zip(bounds, starts, strict=True)]
    return np.concatenate([np.zeros(1, np.int64), *ends])


def _fill_words(chunks: Sequence[pa.Array], out: npt.NDArray[np.int32]) -> pa.Array:
    """Concatenate dictionary columns into `out` with one shared dictionary, which is returned."""
    _fill([chunk.indices for chunk in chunks], out)
    numbers: dict[str, int] = {}
    end = 0
    for chunk in chunks:
        start, end = end, end + len(chunk)
        codes = [numbers.setdefault(word, len(numbers)) for word in chunk.dictionary.to_pylist()]
        if codes != list(range(len(codes))):
            vcf_columns.renumber(out[start:end], np.array(codes, np.int32))
    return pa.array(list(numbers), pa.string())


def _elements(lists: pa.Array) -> int:
    bounds = _numbers(lists.offsets)
    return int(bounds[-1] - bounds[0])


def _numbers(column: pa.Array) -> npt.NDArray[np.int32]:
    """The memory of an int32 column without a copy; values under nulls are undefined."""
    return annotations.read_only(
        np.frombuffer(column.buffers()[1], np.int32)[column.offset : column.offset + len(column)]
    )


def text_bytes(column: pa.Array) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.uint8]]:
    """Offsets and bytes of a string column (see schema.strings), for the kernels."""
    offsets, data = schema.strings(column)
    return offsets, annotations.read_only(data)


def site_texts(sites: schema.Sites, infos: Sequence[tuple[str, schema.Column]] | None = None) -> pa.Array:
    """CHROM to INFO of each site, tab-separated; `infos`: INFO's keys and columns, None: those of SITES."""
    columns = [
        pc.cast(sites["contig"], pa.string()),
        pc.cast(sites["pos"], pa.string()),
        sites["id"],
        sites["ref"],
        joined(sites["alts"].combine_chunks()),
        _quality(sites["qual"].combine_chunks()),
        sites["filter"],
        _info(sites, info_columns(sites) if infos is None else infos),
    ]
    return _one(pc.binary_join_element_wise(*[_or_point(column) for column in columns], "\t"))


def _one(column: pa.Array | pa.ChunkedArray) -> pa.Array:
    return column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column


def _or_point(column: pa.Array | pa.ChunkedArray) -> pa.Array:
    """Replace null and empty text by `.`."""
    filled = pc.fill_null(_one(column), "")
    return pc.if_else(pc.equal(filled, ""), ".", filled)


def _quality(values: pa.Array) -> pa.Array:
    column = next(column for column in annotations.SITE_COLUMNS if column.vcf == "QUAL")
    return pc.replace_substring_regex(annotations.decimals(values, column.form), r"\.00$", "")


def info_columns(sites: schema.Sites, model: ModelFields | None = None) -> list[tuple[str, schema.Column]]:
    """Keys and columns of INFO that a table SITES has, of its own those that a `model` declares, if it does; those of
    FILTERS and PG where they were joined to it.
    """
    own = annotations.SITE_COLUMNS if model is None else model.info_columns()
    keyed = vcf_keys((*own, *schema.FILTER_COLUMNS, schema.GENOTYPE_PRIOR), "INFO")
    return [(key, column) for key, column in keyed if column.name in sites.column_names]


def _info(sites: schema.Sites, infos: Sequence[tuple[str, schema.Column]]) -> pa.Array:
    columns = [(key, column, sites[column.name].combine_chunks()) for key, column in infos]
    items = [_item(*each) for each in columns if each[2].null_count < len(sites)]
    nothing = pa.array([""]).take(pa.array(np.zeros(len(sites), np.int32)))
    return pc.utf8_slice_codeunits(pc.binary_join_element_wise(nothing, *items, ""), 1)


def _item(key: str, column: schema.Column, values: pa.Array) -> pa.Array:
    """`;KEY=value` of each site, empty where there is no value."""
    if pa.types.is_boolean(values.type):
        return pc.if_else(pc.fill_null(values, False), f";{key}", "")
    is_list = pa.types.is_list(values.type)
    texts = pc.fill_null(joined(values, column.form) if is_list else _texts(values, column.form), "")
    return pc.if_else(pc.equal(texts, ""), "", pc.binary_join_element_wise(f";{key}=", texts, ""))


def _texts(values: pa.Array, form: str = "") -> pa.Array:
    return annotations.decimals(values, form) if pa.types.is_floating(values.type) else pc.cast(values, pa.string())


def joined(lists: pa.Array, form: str = "") -> pa.Array:
    """Lists as comma-separated text, missing elements as `.`; null stays null."""
    lengths = schema.numbers(lists.value_lengths().fill_null(0))  # there may be elements under a null
    offsets = np.cumsum(np.append(0, lengths), dtype=np.int32)
    elements = _or_point(_texts(lists.flatten(), form))
    empty = np.append(schema.numbers(pc.is_null(lists)), False)
    return pc.binary_join(pa.ListArray.from_arrays(pa.array(offsets, mask=empty), elements), ",")

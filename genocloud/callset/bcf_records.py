"""Encode SITES and GENOTYPES as BCF2 records, column by column, with the same numbers as the VCF text."""

import struct
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from genocloud import annotations, schema
from genocloud.callset.filter_tables import FilterLine
from genocloud.callset.format_fields import ALL_FIELDS, FormatFields, ModelFields
from genocloud.callset.manifest import Description
from genocloud.callset.vcf_header import dictionary, header_text
from genocloud.callset.vcf_text import GenotypeFields, Lines, info_columns, joined, text_bytes
from genocloud.kernels import bcf_encoding
from genocloud.kernels.row_alignment import number_blocks
from genocloud.regions import Contig

_MISSING_FLOAT = np.int32(0x7F800001)
"""Bits of a missing float32. Source: VCF 4.3 specification, section 6.3.3."""

_VALUE_BYTES = 16
"""Upper bound for a key, a descriptor and a value, each with its own type byte."""

_QUAL = next(column for column in annotations.SITE_COLUMNS if column.vcf == "QUAL")


def header_bytes(
    description: Description, fields: FormatFields = ALL_FIELDS, filters: Sequence[FilterLine] = ()
) -> bytes:
    """The BCF header: magic, length, text."""
    text = header_text(description, fields, filters, numbered=True).encode() + b"\0"
    return b"BCF\2\2" + struct.pack("<I", len(text)) + text


class _Values(NamedTuple):
    """An INFO field: values[offsets[i]:offsets[i + 1]] (int32, or bits of float32) of site i."""

    kind: int
    offsets: npt.NDArray[np.int64]
    values: npt.NDArray[np.int32]


def site_records(
    sites: schema.Sites,
    contigs: Sequence[Contig],
    filters: Sequence[FilterLine] = (),
    model: ModelFields | None = None,
) -> pa.Array:
    """Each site's shared part of the record (everything before the genotypes), as bytes."""
    numbers, keyed = dictionary(filters, model), info_columns(sites, model)
    info = [_values(column, sites[column.name].combine_chunks()) for _, column in keyed]
    keys = np.array([numbers[key] for key, _ in keyed], np.int32)
    offsets = np.concatenate([field.offsets + base for field, base in zip(info, _starts(info), strict=True)])
    bases = np.arange(len(info)) * (sites.num_rows + 1)
    places, alleles, ids = _places(sites, contigs), _alleles(sites), text_bytes(_texts(sites["id"]))
    under = [[numbers[name] for name in text.split(";")] if text else [] for text in sites["filter"].to_pylist()]
    filter_offsets = np.cumsum([0, *map(len, under)], dtype=np.int64)
    filter_numbers = np.array([number for names in under for number in names], np.int32)
    values = np.concatenate([field.values for field in info])
    numbered = sites.num_rows * (len(info) + 4) + len(values) + len(alleles[1]) + len(filter_numbers)
    room = _VALUE_BYTES * numbered + len(ids[1])
    out, ends = np.empty(room + len(alleles[2]), np.uint8), np.zeros(sites.num_rows + 1, np.int32)
    kinds = np.array([field.kind for field in info], np.int8)
    bcf_encoding.put_sites(
        places, *ids, *alleles, filter_offsets, filter_numbers, keys, kinds, bases, offsets, values, out, ends
    )
    return pa.BinaryArray.from_buffers(
        pa.binary(), sites.num_rows, [None, pa.py_buffer(ends), pa.py_buffer(out[: ends[-1]])]
    )


class ShapedGenotypes(NamedTuple):
    """FORMAT columns, and what each of their rows needs in a record.

    numbers  (rows,) int32; the shape of each row
    shapes   (2 * keys + 1, shapes) int32; see bcf_encoding.measure_rows
    """

    fields: GenotypeFields
    numbers: npt.NDArray[np.int32]
    shapes: npt.NDArray[np.int32]

    @property
    def longest_block(self) -> int:
        """The largest LEN, bases; 0 without one."""
        return self.fields.longest_block


def shaped(fields: GenotypeFields) -> ShapedGenotypes:
    """FORMAT columns as `records_of` takes them: rows have few shapes, so that a site needs one look at each cell."""
    shapes = np.empty((2 * len(fields.keys) + 1, len(fields.masks)), np.int32)
    bcf_encoding.measure_rows(fields.masks, *fields.columns, shapes)
    numbers, firsts = number_blocks(shapes)
    return ShapedGenotypes(fields, numbers, shapes[:, firsts])


def records_of(sites: pa.Array, genotypes: ShapedGenotypes, cells: npt.NDArray[np.int32]) -> Lines:
    """Complete records from the output of `site_records`; cells as in vcf_text.lines_of."""
    known, columns = dictionary(), genotypes.fields.columns
    keys = np.array([known[key] for key in genotypes.fields.keys], np.int32)
    site_offsets, site_bytes = text_bytes(sites)
    widths, types = np.empty((len(sites), len(keys)), np.int64), np.empty((len(sites), len(keys)), np.int8)
    starts = np.zeros(len(sites) + 1, np.int64)
    bcf_encoding.plan_records(site_offsets, cells, genotypes.numbers, genotypes.shapes, widths, types, starts)
    out = np.empty(starts[-1], np.uint8)
    bcf_encoding.put_records(site_offsets, site_bytes, cells, keys, *columns, widths, types, out, starts)
    return Lines(out[: starts[-1]], starts)


def _starts(info: Sequence[_Values]) -> npt.NDArray[np.int64]:
    return np.cumsum([0, *(len(field.values) for field in info)])[:-1]


def _values(column: schema.Column, values: pa.Array) -> _Values:
    if pa.types.is_boolean(values.type):
        return _once(
            bcf_encoding.FLAG,
            pc.fill_null(values, False).to_numpy(zero_copy_only=False),
            np.ones(len(values), np.int32),
        )
    if column.kind == "String":
        offsets, text = text_bytes(pc.fill_null(joined(values), ""))
        return _Values(bcf_encoding.CHAR, offsets, text.astype(np.int32))
    if pa.types.is_list(values.type):
        lengths = schema.numbers(values.value_lengths().fill_null(0))  # there may be elements under a null
        return _Values(
            _kind(column), np.cumsum(np.append(0, lengths), dtype=np.int64), _numbers(column, values.flatten())
        )
    return _once(_kind(column), values.is_valid().to_numpy(zero_copy_only=False), _numbers(column, values))


def _once(kind: int, stands: npt.NDArray[np.bool_], values: npt.NDArray[np.int32]) -> _Values:
    """A scalar field: one value at the sites that have it."""
    return _Values(kind, np.cumsum(np.append(0, stands), dtype=np.int64), values[stands])


def _kind(column: schema.Column) -> int:
    return bcf_encoding.FLOAT if column.kind == "Float" else bcf_encoding.INT32


def _numbers(column: schema.Column, values: pa.Array) -> npt.NDArray[np.int32]:
    if not pa.types.is_floating(values.type):
        return np.asarray(schema.numbers(values))
    return _bits(values, column.form)


def _bits(values: pa.Array, form: str) -> npt.NDArray[np.int32]:
    """Doubles, rounded as in the VCF text, as bits of float32."""
    bits = annotations.printed_values(values, form).astype(np.float32).view(np.int32)
    return np.where(values.is_valid().to_numpy(zero_copy_only=False), bits, _MISSING_FLOAT)


def _places(sites: schema.Sites, contigs: Sequence[Contig]) -> npt.NDArray[np.int32]:
    number = {contig.name: place for place, contig in enumerate(contigs)}
    column = sites["contig"].combine_chunks()
    contig = np.array([number[name] for name in column.dictionary.to_pylist()], np.int32)[column.indices.to_numpy()]
    pos, bases = schema.numbers(sites["pos"]) - np.int32(1), np.diff(schema.strings(sites["ref"])[0])
    return np.stack([contig, pos, bases, _bits(sites["qual"].combine_chunks(), _QUAL.form)], axis=1).astype(np.int32)


def _alleles(
    sites: schema.Sites,
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], npt.NDArray[np.uint8]]:
    """REF and ALT of each site, as string lists; see schema.string_lists."""
    ref, alts = sites["ref"].combine_chunks(), sites["alts"].combine_chunks()
    lists, _, _ = schema.string_lists(alts)
    lists += np.arange(len(lists))
    order = np.arange(lists[-1])
    is_ref = np.zeros(len(order), bool)
    is_ref[lists[:-1]] = True
    order[is_ref], order[~is_ref] = np.arange(len(ref)), len(ref) + np.arange(len(order) - len(ref))
    return lists, *text_bytes(pa.concat_arrays([ref, alts.flatten()]).take(order))


def _texts(column: pa.ChunkedArray) -> pa.Array:
    return pc.fill_null(column.combine_chunks(), "")

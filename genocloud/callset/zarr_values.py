"""Columns of SITES and of genotypes as arrays of VCF Zarr, with its missing and fill values."""

import re
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from genocloud import annotations, schema
from genocloud.callset.arrays import FILL, MISSING, PLOIDY, Array
from genocloud.callset.lazy_arrays import HighPloidy
from genocloud.callset.vcf_text import HIGHEST_GQ
from genocloud.callset.zarr_arrays import TEXT, Texts

MISSING_FLOAT, FILL_FLOAT = 0x7F800001, 0x7F800002
"""Bits of the two NaNs. Source: VCF Zarr specification, missing and fill values; BCF has the same."""


def kind_of(column: schema.Column) -> str:
    """The dtype of a column's array: its numbers as the VCF prints them."""
    values = column.type.value_type if pa.types.is_list(column.type) else column.type
    if pa.types.is_boolean(values):
        return "|b1"
    if pa.types.is_floating(values):
        return "<f4"
    return "<i4" if pa.types.is_integer(values) else TEXT


Values = Array | Texts


def column_values(column: schema.Column, values: pa.ChunkedArray, width: int) -> Values:
    """A column as (rows,), or lists as (rows, width): a null list is missing values, a short one is filled up."""
    bits = _bits(column, values.combine_chunks(), width)
    if bits.dtype.kind == "O":
        return Texts.of(pa.array(bits.ravel(), pa.string()), bits.shape)
    return _floats(bits)


def _bits(column: schema.Column, values: pa.Array, width: int) -> Array:
    """Floats as bits, as NumPy may change a NaN's."""
    if not pa.types.is_list(values.type):
        return _flat(column, values)
    lengths, flat = schema.numbers(values.value_lengths().fill_null(0)), _flat(column, values.flatten())
    missing, fill = _nothing(flat.dtype)
    out = np.full((len(values), width), fill, flat.dtype)
    out[lengths == 0, : 1 if column.vcf.startswith("FORMAT/") else width] = missing  # as bio2zarr has them
    out[np.arange(width) < lengths[:, None]] = flat
    return out


def _nothing(dtype: np.dtype[Any]) -> tuple[object, object]:
    if dtype.kind == "O":
        return ".", ""
    return (MISSING_FLOAT, FILL_FLOAT) if dtype == np.uint32 else (MISSING, FILL)


def _flat(column: schema.Column, values: pa.Array) -> Array:
    kind = kind_of(column)
    if kind == "|b1":
        return schema.numbers(pc.fill_null(values, False))
    if kind == TEXT:
        return np.asarray(pc.fill_null(values.cast(pa.string()), ".").to_numpy(zero_copy_only=False), object)
    if kind == "<f4":
        bits = annotations.printed_values(values, column.form).astype(np.float32).view(np.uint32)
        return np.where(values.is_valid().to_numpy(zero_copy_only=False), bits, np.uint32(MISSING_FLOAT))
    numbers = schema.numbers(values)
    numbers = np.where(numbers == schema.MISSING, np.int32(MISSING), numbers)
    return np.minimum(numbers, np.int32(HIGHEST_GQ)) if column.vcf == "FORMAT/GQ" else numbers


def _floats(bits: Array) -> Array:
    return bits.view(np.float32) if bits.dtype == np.uint32 else bits


def first_values(columns: Sequence[schema.Column], sites: schema.Sites, width: int) -> Values:
    """The values of a key of INFO: of its columns, the first that has one."""
    *others, last = reversed(columns)
    if not others:
        return column_values(last, sites[last.name], width)
    out = _bits(others[0], sites[others[0].name].combine_chunks(), width)
    for column in (*others[1:], last):
        has_value = schema.numbers(pc.is_valid(sites[column.name]))
        out = np.where(has_value, _bits(column, sites[column.name].combine_chunks(), width), out)
    return _floats(out)


def alleles_of(sites: schema.Sites, width: int) -> Texts:
    """REF and ALTs: (sites, width), filled up with empty text."""
    out = np.full((len(sites), width), "", object)
    out[:, 0] = sites["ref"].to_numpy()
    lengths = schema.numbers(pc.list_value_length(sites["alts"]))
    alts = sites["alts"].combine_chunks().flatten().to_numpy(zero_copy_only=False)
    out[:, 1:][np.arange(width - 1) < lengths[:, None]] = alts
    return Texts.of(pa.array(out.ravel(), pa.string()), out.shape)


def filters_of_sites(sites: schema.Sites, names: Sequence[str]) -> npt.NDArray[np.bool_]:
    """(sites, filters) whether a site is under each; none where FILTER is missing."""
    words = pc.fill_null(sites["filter"].combine_chunks(), "").dictionary_encode()
    table = [[name in text.split(";") for name in names] for text in words.dictionary.to_pylist()]
    return np.asarray(np.array(table, bool).reshape(-1, len(names))[words.indices.to_numpy()])


def allele_numbers(genotypes: pa.DictionaryArray) -> tuple[Array, npt.NDArray[np.bool_]]:
    """Of each GT the alleles, (rows, PLOIDY), and whether it is phased. Raises HighPloidy."""
    words = genotypes.dictionary.to_pylist()
    alleles = np.full((len(words) + 1, PLOIDY), FILL, np.int16)
    for row, word in enumerate(words):
        called = re.split("[/|]", word)
        if len(called) > PLOIDY:
            raise HighPloidy("call_genotype")
        alleles[row, : len(called)] = [MISSING if one == "." else int(one) for one in called]
    codes = schema.numbers(genotypes.indices)
    return alleles[codes], np.array([*("|" in word for word in words), False], bool)[codes]


FIXED = [column for column in annotations.SITE_COLUMNS if column.vcf in ("ID", "QUAL")]
"""Columns of a record that are arrays as INFO's are."""

"""Tables that locations exchange of settled sites and raw annotations: nothing of any single sample."""

from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from genocloud import annotations, schema
from genocloud.genotypes.allele_specific import AlleleRawAnnotations
from genocloud.genotypes.nonvariant import was_not_estimated
from genocloud.genotypes.raw_annotations import RawAnnotations
from genocloud.genotypes.tables import shares_of, shares_table
from genocloud.kernels.allele_specific_sums import sum_in_order

Array = npt.NDArray[Any]


def emitted_sites(settled: schema.Settled) -> schema.EmittedSites:
    """EMITTED_SITES from SETTLED, which has the rows of ALLELES: what calling and completing need beyond ALLELES."""
    out = np.flatnonzero(np.asarray(settled["reason"].is_null()))
    rows = settled.take(out)
    estimated = pa.array(~was_not_estimated(rows))
    return pa.table([pa.array(out.astype(np.int32)), rows["kept"].combine_chunks(), estimated], schema.EMITTED_SITES)


def settled_from(emitted: schema.EmittedSites, alleles: schema.Alleles) -> schema.Settled:
    """The emitted rows of SETTLED from EMITTED_SITES and ALLELES; columns that calling does not need are empty."""
    rows = alleles.take(emitted["site"].combine_chunks()).combine_chunks()
    estimated = schema.numbers(emitted["estimated"])
    columns = {name: rows[name] for name in rows.column_names} | {
        "kept": emitted["kept"],
        "qual": pa.array(np.zeros(len(emitted)), mask=~estimated),
    }
    filled = [columns[each.name] if each.name in columns else _empty(each, len(emitted)) for each in schema.SETTLED]
    return pa.table(filled, schema.SETTLED)


def _empty(field: pa.Field, rows: int) -> pa.Array:
    if field.nullable:
        return pa.nulls(rows, field.type)
    if pa.types.is_list(field.type):
        nothing = pa.array(np.zeros(rows + 1, np.int32))
        return pa.ListArray.from_arrays(nothing, pa.nulls(0, field.type.value_type))
    return pa.array(np.zeros(rows, field.type.to_pandas_dtype()), field.type)


def summed_table(raw: RawAnnotations, sites: schema.Settled) -> schema.Shares:
    """SHARES, or SUMMED_SHARES, of some samples at emitted sites of SETTLED, without a row of any single sample."""
    if raw.alleles is None:
        return shares_table(raw, sites, np.zeros(0, np.int32))
    summed = replace(raw, alleles=_with_squares(raw.alleles, schema.SQUARES.empty_table()))
    return shares_table(summed, sites, np.zeros(0, np.int32)).select(annotations.SUMMED_SHARES.names)


def summed_of(table: schema.Shares, samples: int) -> RawAnnotations:
    """The reverse of `summed_table`, for this number of samples; `with_squares` adds the squares."""
    if "sums" in table.column_names:
        for field in annotations.ALLELE_SHARES:
            if field.name not in table.column_names:
                table = table.append_column(field, _empty(field.with_nullable(False), len(table)))
    return shares_of(table, np.arange(samples, dtype=np.int32))


def squares_of(raw: RawAnnotations, before: schema.Squares) -> schema.Squares:
    """SQUARES of the samples so far and of these, added in float32 in the samples' order, as GenomicsDB does."""
    if raw.alleles is None:
        return before
    own = raw.alleles
    order = np.lexsort((own.ranks, own.cells))
    cells = np.concatenate([schema.numbers(before["cell"]).astype(np.int64), own.cells[order]])
    values = np.concatenate([schema.numbers(before["square"]), own.squares[order]])
    sums = sum_in_order(cells, values, len(own.sums))
    cells_with_sum = np.flatnonzero(~np.isnan(sums))
    return pa.table([cells_with_sum.astype(np.int32), sums[cells_with_sum]], schema.SQUARES)


def with_squares(raw: RawAnnotations, squares: schema.Squares) -> RawAnnotations:
    """Added results of `summed_of` with all samples' SQUARES."""
    return replace(raw, alleles=_with_squares(raw.alleles, squares)) if raw.alleles else raw


def _with_squares(alleles: AlleleRawAnnotations, squares: schema.Squares) -> AlleleRawAnnotations:
    cells, values = (np.array(schema.numbers(squares[name])) for name in ("cell", "square"))
    return replace(alleles, cells=cells.astype(np.int64), ranks=np.zeros(len(cells), np.int32), squares=values)

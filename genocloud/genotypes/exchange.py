"""What goes between sites of what was settled and of shares: nothing that is any one sample's."""

from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from genocloud import schema
from genocloud.genotypes.allele_specific import AlleleShares
from genocloud.genotypes.calling import RawAnnotations
from genocloud.genotypes.nonvariant import was_not_estimated
from genocloud.genotypes.tables import shares_of, shares_table
from genocloud.kernels.allele_specific_sums import sum_in_order

Array = npt.NDArray[Any]


def emitted_sites(settled: pa.Table) -> pa.Table:
    """PUT_OUT of SETTLED, whose rows are those of ALLELES: all that calling and completing need of it besides."""
    out = np.flatnonzero(np.asarray(settled["reason"].is_null()))
    rows = settled.take(out)
    estimated = pa.array(~was_not_estimated(rows))
    return pa.table([pa.array(out.astype(np.int32)), rows["kept"].combine_chunks(), estimated], schema.PUT_OUT)


def settled_by(told: pa.Table, alleles: pa.Table) -> pa.Table:
    """The rows of SETTLED that are put out, made of PUT_OUT and ALLELES; what calling does not need is left empty."""
    rows = alleles.take(told["site"].combine_chunks()).combine_chunks()
    estimated = schema.numbers(told["estimated"])
    columns = {name: rows[name] for name in rows.column_names} | {
        "kept": told["kept"],
        "qual": pa.array(np.zeros(len(told)), mask=~estimated),
    }
    filled = [columns[each.name] if each.name in columns else _empty(each, len(told)) for each in schema.SETTLED]
    return pa.table(filled, schema.SETTLED)


def _empty(field: pa.Field, rows: int) -> pa.Array:
    if field.nullable:
        return pa.nulls(rows, field.type)
    if pa.types.is_list(field.type):
        nothing = pa.array(np.zeros(rows + 1, np.int32))
        return pa.ListArray.from_arrays(nothing, pa.nulls(0, field.type.value_type))
    return pa.array(np.zeros(rows, field.type.to_pandas_dtype()), field.type)


def summed_table(shares: RawAnnotations, sites: pa.Table) -> pa.Table:
    """SHARES, or SUMMED_SHARES, of some samples at SETTLED's sites put out, without a row of any one of them."""
    if shares.alleles is None:
        return shares_table(shares, sites, np.zeros(0, np.int32))
    summed = replace(shares, alleles=_with_squares(shares.alleles, schema.SQUARES.empty_table()))
    return shares_table(summed, sites, np.zeros(0, np.int32)).select(schema.SUMMED_SHARES.names)


def summed_of(table: pa.Table, samples: int) -> RawAnnotations:
    """The reverse of `summed_table`, for so many samples; squares come by `with_squares`."""
    if "sums" in table.column_names:
        for field in schema.ALLELE_SHARES:
            if field.name not in table.column_names:
                table = table.append_column(field, _empty(field.with_nullable(False), len(table)))
    return shares_of(table, np.arange(samples, dtype=np.int32))


def squares_of(shares: RawAnnotations, before: pa.Table) -> pa.Table:
    """SQUARES of the samples so far and of these: float32 is added up in the samples' order, as GenomicsDB does."""
    if shares.alleles is None:
        return before
    own = shares.alleles
    order = np.lexsort((own.ranks, own.cells))
    cells = np.concatenate([schema.numbers(before["cell"]).astype(np.int64), own.cells[order]])
    values = np.concatenate([schema.numbers(before["square"]), own.squares[order]])
    sums = sum_in_order(cells, values, len(own.sums))
    told = np.flatnonzero(~np.isnan(sums))
    return pa.table([told.astype(np.int32), sums[told]], schema.SQUARES)


def with_squares(shares: RawAnnotations, squares: pa.Table) -> RawAnnotations:
    """Shares that `summed_of` gave, added up, with all samples' SQUARES."""
    return replace(shares, alleles=_with_squares(shares.alleles, squares)) if shares.alleles else shares


def _with_squares(alleles: AlleleShares, squares: pa.Table) -> AlleleShares:
    cells, values = (np.array(schema.numbers(squares[name])) for name in ("cell", "square"))
    return alleles._replace(cells=cells.astype(np.int64), ranks=np.zeros(len(cells), np.int32), squares=values)

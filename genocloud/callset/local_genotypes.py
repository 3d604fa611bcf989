"""The dense view of sparse genotypes: each at all alleles of its site, and its number in each cell."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from genocloud import schema
from genocloud.kernels import widening
from genocloud.kernels.cell_runs import CellRuns, fill_cells, runs_of_cells
from genocloud.kernels.list_columns import take_lists
from genocloud.kernels.narrowing import narrow

DISTINCT = pa.schema([*list(schema.GENOTYPES)[3:], *schema.MODEL_GENOTYPES])
"""Columns of a genotype without its place: those of GENOTYPES after `sample`, and those that a model may declare."""


class SparseGenotypes(NamedTuple):
    """Genotypes of some samples at some sites, as runs of cells.

    distinct  the distinct genotypes, by local alleles
    runs      the row of `distinct` that each cell has
    alts      (sites,) int32; the number of ALTs of each site
    """

    samples: Sequence[str]
    distinct: schema.LocalGenotypes
    runs: CellRuns
    alts: npt.NDArray[np.int32]

    def dense(self) -> "DenseGenotypes":
        """The same at all alleles of the sites."""
        different, inverse = np.unique(self.alts, return_inverse=True)
        kinds = np.array(inverse, np.int32)
        places, rows, kind = widening.pair_up(self.runs, kinds, len(different), len(self.distinct))
        distinct = _widened(self.distinct, rows, different.astype(np.int32)[kind])
        return DenseGenotypes(samples=self.samples, distinct=distinct, runs=self.runs, places=places, kinds=kinds)


class GenotypeMatrix(NamedTuple):
    """Genotypes of some samples at some sites, each distinct one stored once.

    distinct  FORMAT columns, as in GENOTYPES
    numbers   (sites, samples) int32; each genotype's row of `distinct`
    """

    samples: Sequence[str]
    distinct: schema.DistinctGenotypes
    numbers: npt.NDArray[np.int32]


@dataclass(frozen=True, slots=True, kw_only=True)
class DenseGenotypes:
    """Distinct genotypes at all alleles of their sites; cells are written for a span of sites at a time.

    distinct  FORMAT columns, as in GENOTYPES
    places    (kinds of sites, local genotypes) int32: the row of `distinct`
    kinds     (sites,) int32
    """

    samples: Sequence[str]
    distinct: schema.DistinctGenotypes
    runs: CellRuns
    places: npt.NDArray[np.int32]
    kinds: npt.NDArray[np.int32]

    def cells(self, start: int, stop: int) -> npt.NDArray[np.int32]:
        """The row of `distinct` in each cell of a span of the sites: (sites, samples)."""
        out = np.empty((stop - start, len(self.samples)), np.int32)
        fill_cells(self.runs, start, out)
        widening.replace_numbers(out, self.kinds[start:stop], self.places)
        return out

    def matrix(self) -> GenotypeMatrix:
        """All sites at once."""
        return GenotypeMatrix(self.samples, self.distinct, self.cells(0, len(self.kinds)))


def _widened(
    local: schema.LocalGenotypes, rows: npt.NDArray[np.int32], alts: npt.NDArray[np.int32]
) -> schema.DistinctGenotypes:
    """Rows of LOCAL_GENOTYPES, or of some of its columns (see `local_columns`), at sites with so many ALTs."""
    columns = {name: local[name].take(pa.array(rows)) for name in DISTINCT.names if name in local.column_names}
    if "LAA" in local.column_names:
        nothing = np.zeros(len(local) + 1, np.int64), np.zeros(0, np.int32)
        lists = [ragged(local, name) if name in local.column_names else nothing for name in ("LAA", "LAD", "LPL")]
        ad_at, ad, pl_at, pl = widening.widen(rows, alts, ploidies(local["GT"]), *lists)
        columns |= {"AD": schema.list_column(ad_at, ad), "PL": schema.list_column(pl_at, pl)}
    wanted = [field for field in DISTINCT if field.name in columns and _local_name(field.name) in local.column_names]
    return pa.table([columns[field.name] for field in wanted], pa.schema(wanted))


def _local_name(name: str) -> str:
    return {"AD": "LAD", "PL": "LPL"}.get(name, name)


def local_columns(columns: Sequence[str]) -> list[str]:
    """The columns of WIDE_LOCAL_GENOTYPES that some of DISTINCT are made from."""
    wanted = {_local_name(name) for name in columns}
    if wanted & {"LAD", "LPL"}:
        wanted |= {"GT", "LAA"}
    return [name for name in schema.WIDE_LOCAL_GENOTYPES.names if name in wanted]


def ragged(local: schema.LocalGenotypes, name: str) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int32]]:
    """Offsets (rows + 1,) and values of a column of lists, in memory of their own."""
    offsets, values = schema.ragged(local[name])
    return np.array(offsets), np.array(values)


def ploidies(genotypes: pa.ChunkedArray) -> npt.NDArray[np.int64]:
    """The number of alleles of each GT: (rows,)."""
    words = genotypes.combine_chunks()
    lengths = [1 + word.count("/") + word.count("|") for word in words.dictionary.to_pylist()]
    return np.take(np.array(lengths, np.int64), schema.numbers(words.indices))


def take_rows(distinct: schema.DistinctGenotypes, rows: npt.NDArray[np.int32]) -> schema.DistinctGenotypes:
    """Rows of distinct genotypes, in numpy's memory: of so much that is new, Arrow's takes the system longer."""
    return pa.table([_taken(column.combine_chunks(), rows) for column in distinct.columns], distinct.schema)


def _taken(column: pa.Array, rows: npt.NDArray[np.int32]) -> pa.Array:
    if pa.types.is_list(column.type):
        return _taken_lists(column, rows)
    if column.null_count == len(column):
        return pa.nulls(len(rows), column.type)
    if pa.types.is_dictionary(column.type):
        codes = schema.numbers(column.indices)
        is_null, codes = codes < 0, np.maximum(codes, 0)  # Arrow follows codes under nulls, too
        taken = pa.array(codes[rows], mask=is_null[rows] if column.null_count else None)
        return pa.DictionaryArray.from_arrays(taken, column.dictionary)
    values = schema.numbers(column)[rows]
    return schema.nullable(values, column.type) if column.null_count else pa.array(values)


def _taken_lists(lists: pa.Array, rows: npt.NDArray[np.int32]) -> pa.Array:
    """Lists, of which an empty one is null."""
    offsets, values = (np.array(each) for each in schema.ragged(lists))
    if int(np.diff(offsets).max(initial=0)) * len(rows) >= _MOST_VALUES:
        return lists.take(pa.array(rows))
    at, taken = take_lists(offsets, values, rows)
    entries = schema.nullable(taken, schema.INT32) if (values == schema.MISSING).any() else pa.array(taken)
    mask = pa.array(at[1:] == at[:-1]) if lists.null_count else None
    return pa.ListArray.from_arrays(pa.array(at), entries, mask=mask)


_MOST_VALUES = 1 << 31
"""More do not fit an Arrow list's offsets."""


def localise(matrix: GenotypeMatrix, alts: npt.NDArray[np.int32]) -> SparseGenotypes:
    """The inverse of `SparseGenotypes.dense`: LAA has the ALTs of GT and those that some value sets apart.

    alts  (sites,) int32; the number of ALTs of each site
    The result has the columns that follow from those of `matrix.distinct`, of which GT is one.
    """
    different, kinds = np.unique(alts, return_inverse=True)
    pairs = matrix.numbers.astype(np.int64) * len(different) + kinds[:, None]
    used = np.zeros(matrix.distinct.num_rows * len(different), np.bool_)
    used[pairs] = True
    numbers = (np.cumsum(used) - 1).astype(np.int32)[pairs]
    rows, kind = np.divmod(np.flatnonzero(used), max(len(different), 1))
    dense = matrix.distinct.take(pa.array(rows))
    nothing = np.zeros(len(rows) + 1, np.int64), np.zeros(0, np.int32)
    ad, pl = (ragged(dense, name) if name in dense.column_names else nothing for name in ("AD", "PL"))
    laa, lad, lpl = narrow(different.astype(np.int32)[kind], _called_alleles(dense["GT"]), ad, pl)
    entries = pa.ListArray.from_arrays(pa.array(laa[0].astype(np.int32)), pa.array(laa[1]))
    columns = {"LAA": entries, "LAD": schema.list_column(*lad), "LPL": schema.list_column(*lpl)}
    names = local_columns(dense.column_names)
    local = pa.table(
        [columns[name] if name in columns else dense[name] for name in names],
        pa.schema([schema.LOCAL_GENOTYPES.field(name) for name in names]),
    )
    return SparseGenotypes(matrix.samples, local, runs_of_cells(np.ascontiguousarray(numbers)), alts)


def _called_alleles(genotypes: pa.ChunkedArray) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int32]]:
    """Allele numbers of each GT, -1 for `.`, as (offsets, values)."""
    words = genotypes.combine_chunks()
    texts = [re.split("[/|]", text) for text in words.dictionary.to_pylist()]
    lists = pa.array([[-1 if allele == "." else int(allele) for allele in text] for text in texts], schema.INTS)
    offsets, values = schema.ragged(lists.take(words.indices))
    return np.array(offsets), np.array(values)

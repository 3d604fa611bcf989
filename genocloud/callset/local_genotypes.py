"""The dense view of sparse genotypes: each at all alleles of its site, and its number in each cell."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from genocloud import schema
from genocloud.kernels import widening
from genocloud.kernels.cell_runs import CellRuns, fill_cells

DISTINCT = pa.schema(list(schema.GENOTYPES)[3:])
"""Columns of a genotype without its place: those of GENOTYPES after `sample`."""


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
    """Rows of LOCAL_GENOTYPES at sites with so many ALTs."""
    lists = [tuple(map(np.array, schema.ragged(local[name]))) for name in ("LAA", "LAD", "LPL")]
    ad_at, ad, pl_at, pl = widening.widen(rows, alts, ploidies(local["GT"]), *lists)
    columns = {"AD": _lists(ad_at, ad), "PL": _lists(pl_at, pl)}
    same = local.select([name for name in DISTINCT.names if name not in columns]).take(pa.array(rows))
    return pa.table(
        [columns.get(name, same[name] if name not in columns else None) for name in DISTINCT.names], DISTINCT
    )


def ploidies(genotypes: pa.ChunkedArray) -> npt.NDArray[np.int64]:
    """The number of alleles of each GT: (rows,)."""
    words = genotypes.combine_chunks()
    lengths = [1 + word.count("/") + word.count("|") for word in words.dictionary.to_pylist()]
    return np.take(np.array(lengths, np.int64), schema.numbers(words.indices))


def _lists(offsets: npt.NDArray[np.int64], values: npt.NDArray[np.int32]) -> pa.ListArray:
    """Slices of values as lists: an empty one is null, a missing value a null entry."""
    entries = schema.nullable(values, schema.INT32)
    return pa.ListArray.from_arrays(
        pa.array(offsets.astype(np.int32)), entries, mask=pa.array(offsets[1:] == offsets[:-1])
    )

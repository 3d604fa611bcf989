"""A region of a callset as Dask arrays: a block for each shard and chunk of samples, read when it is computed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol
from uuid import uuid4

import numpy as np

from genocloud import annotations, schema
from genocloud.callset.arrays import PLOIDY, Array, Frame, Variable, dense, dims, most_alleles, variables
from genocloud.errors import InputError, SettingError
from genocloud.regions import Region


class Tables(Protocol):
    """A callset, as far as arrays need it."""

    def sites(self, region: Region | None, *, columns: Sequence[str]) -> schema.Sites:
        """Columns of SITES."""

    def genotypes(self, region: Region | None, samples: Sequence[str], *, columns: Sequence[str]) -> schema.Genotypes:
        """Columns of GENOTYPES."""


Part = tuple[Tables, Region | None]
"""A callset of one shard, and the region that is read of it; None: all of it."""


class BadChunks(SettingError):
    """Chunks that lazy arrays cannot have."""

    def __init__(self, dimension: str, size: object) -> None:
        self.dimension, self.size = dimension, size
        super().__init__(
            f'chunks={{"{dimension}": {size!r}}}: the only size of blocks to choose is that of "samples", a number of '
            "at least 1; along variants a block is a shard of the callset"
        )


class HighPloidy(InputError):
    """A block of a lazy array has a genotype of more than two alleles, for which the array has no room."""

    def __init__(self, name: str) -> None:
        self.name = name
        super().__init__(f"{name}: a genotype has more than {PLOIDY} alleles; leave chunks= out to read it as NumPy")


def lazy(parts: Sequence[Part], frame: Frame, chunks: Mapping[str, int]) -> dict[str, Any]:
    """The arrays of `dense`, of Dask where they have values by site.

    The number of sites of each part and the most alleles of any are read now, a part at a time.
    """
    members = _chunked(frame.samples, chunks)
    counts, alleles, filled = [], 1, []
    for tables, region in parts:
        sites = tables.sites(region, columns=["alts"])
        if sites.num_rows:
            counts.append(sites.num_rows)
            filled.append((tables, region))
        alleles = max(alleles, most_alleles(sites))
    empty = dense(annotations.SITES.empty_table(), schema.GENOTYPES.empty_table(), frame)
    if not filled:
        return empty
    frame = replace(frame, sites=sum(counts), alleles=alleles)
    values: dict[str, Any] = frame.headers()
    import dask.array  # here, so that reading without Dask does not wait for it

    for variable in variables():
        # An array for each part: a task that had thousands of parts would weigh megabytes.
        arrays = [
            _Blocks(part=part, sites=count, members=members, frame=frame, variable=variable).as_dask(
                empty[variable.name]
            )
            for part, count in zip(filled, counts, strict=True)
        ]
        values[variable.name] = dask.array.concatenate(arrays)
    return values | {"call_genotype_mask": values["call_genotype"] < 0}


def _chunked(samples: Sequence[str], chunks: Mapping[str, int]) -> tuple[tuple[str, ...], ...]:
    for dimension, size in chunks.items():
        if dimension != "samples" or not isinstance(size, int) or size < 1:
            raise BadChunks(dimension, size)
    size = chunks.get("samples", max(len(samples), 1))
    return tuple(tuple(samples[start : start + size]) for start in range(0, max(len(samples), 1), size))


@dataclass(frozen=True, kw_only=True)
class _Blocks:
    """A part's blocks by number, as long as its `sites`; `members` are the samples of each chunk."""

    part: Part
    sites: int
    members: tuple[tuple[str, ...], ...]
    frame: Frame
    variable: Variable

    def as_dask(self, empty: Array) -> Any:
        """The part's Dask array; `empty` is that of a region without sites, which has its dtype and dimensions."""
        import dask.array

        cut = {"variants": (self.sites,), "samples": tuple(map(len, self.members))}
        cut |= {dim: (width,) for dim, width in self.frame.widths.items()}
        return dask.array.map_blocks(
            self,
            name=f"{self.variable.name}-{uuid4().hex}",
            chunks=tuple(cut[dim] for dim in dims(self.variable.name, empty.ndim)),
            dtype=empty.dtype,
            meta=np.empty((0,) * empty.ndim, empty.dtype),
        )

    def __call__(self, block_id: tuple[int, ...]) -> Array:
        """Read a block."""
        tables, region = self.part
        samples = self.members[block_id[1]] if self.variable.of_calls else ()
        if self.variable.of_calls:
            table = tables.genotypes(region, samples, columns=self.variable.columns)
        else:
            table = tables.sites(region, columns=self.variable.columns)
        array = self.variable.make(table, replace(self.frame, samples=samples, sites=self.sites))
        last = dims(self.variable.name, array.ndim)[-1]
        if array.shape[-1] > self.frame.widths.get(last, array.shape[-1]):
            raise HighPloidy(self.variable.name)
        return array

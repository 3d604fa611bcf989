"""Reading a callset by URL: samples, and the tables of a region."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from genocloud import schema
from genocloud.callset import arrays, manifest, parquet
from genocloud.callset.layout import FileEntry, ShardEntry, rows_of
from genocloud.errors import InputError
from genocloud.objects import Store, open_store
from genocloud.regions import Contig, Region, parse_region


class UnknownSample(InputError):
    """A sample that the callset does not hold."""

    def __init__(self, url: str, sample: str) -> None:
        self.url, self.sample = url, sample
        super().__init__(f"{url}: no sample {sample}; see the callset's samples for the names it holds")


def open_callset(url: str) -> "Callset":
    """Open the callset at a URL. Raises NoCallset (no manifest: not finished), OtherVersion or DamagedFile."""
    store = open_store(url)
    return Callset(store, *manifest.read(store))


@dataclass(frozen=True)
class Callset:
    """A finished callset; regions are `chr1`, `chr1:1,001-2,000` (1-based, inclusive), a Region, or None for all.

    Whatever reads its tables raises DamagedFile where one is not as it was written.
    """

    store: Store
    description: manifest.Description
    shards: tuple[ShardEntry, ...]

    @property
    def url(self) -> str:
        """Where the callset is."""
        return self.store.url

    @property
    def samples(self) -> tuple[str, ...]:
        """Names of the samples, in the callset's order."""
        return self.description.samples

    @property
    def contigs(self) -> tuple[Contig, ...]:
        """The reference's contigs, also those without a site."""
        return self.description.contigs

    @property
    def counts(self) -> dict[str, int]:
        """Samples, sites, genotypes and shards."""
        return manifest.counts_of(self.description, self.shards)

    def sites(self, region: str | Region | None = None) -> pa.Table:
        """The sites of a region: schema.SITES, sorted by contig and pos."""
        place = self._region(region)
        tables = [self._read(shard.sites, schema.SITES, place) for shard in self._shards(place)]
        return pa.concat_tables([schema.SITES.empty_table(), *tables]).unify_dictionaries()

    def genotypes(self, region: str | Region | None = None, samples: Sequence[str] | None = None) -> pa.Table:
        """The genotypes of a region: schema.GENOTYPES; site by site, within each `samples` (default: all) in order.

        Raises UnknownSample.
        """
        place = self._region(region)
        chosen = self._samples(samples)
        tables = [self._shard_genotypes(shard, place, chosen) for shard in self._shards(place)]
        return pa.concat_tables([schema.GENOTYPES.empty_table(), *tables]).unify_dictionaries()

    def batches(self, shard: ShardEntry, columns: Sequence[str]) -> Iterator[pa.Table]:
        """Some columns of a shard's genotypes, a batch at a time, so that memory does not grow with the cohort."""
        for file in shard.genotypes.values():
            with parquet.opened(self.store, file, schema.GENOTYPES) as stream:
                yield pq.ParquetFile(stream, pre_buffer=False).read(list(columns), use_threads=False)

    def to_numpy(
        self, region: str | Region | None = None, samples: Sequence[str] | None = None
    ) -> dict[str, np.ndarray[Any, Any]]:
        """A region as dense arrays under sgkit's names; see arrays.dense."""
        return arrays.dense(self.sites(region), self.genotypes(region, samples), self._samples(samples), self.contigs)

    def to_xarray(self, region: str | Region | None = None, samples: Sequence[str] | None = None) -> Any:
        """A region as an xarray.Dataset in sgkit's layout. Raises NoXarray where xarray is not installed."""
        return arrays.as_dataset(self.to_numpy(region, samples))

    def _region(self, region: str | Region | None) -> Region | None:
        return parse_region(region, self.contigs) if isinstance(region, str) else region

    def _samples(self, samples: Sequence[str] | None) -> tuple[str, ...]:
        if samples is None:
            return self.samples
        for sample in set(samples) - set(self.samples):
            raise UnknownSample(self.url, sample)
        return tuple(samples)

    def _shards(self, region: Region | None) -> Iterator[ShardEntry]:
        return (shard for shard in self.shards if region is None or _overlap(shard.region, region))

    def _read(
        self, file: FileEntry, declared: pa.Schema, region: Region | None, samples: Sequence[str] = ()
    ) -> pa.Table:
        conditions = []
        if region is not None:
            conditions.append((pc.field("pos") > region.start) & (pc.field("pos") <= region.end))
        if samples:
            conditions.append(pc.field("sample").isin(samples))
        with parquet.opened(self.store, file, declared) as stream:
            return pq.read_table(stream, filters=_both(conditions), use_threads=False, pre_buffer=False)

    def _shard_genotypes(self, shard: ShardEntry, region: Region | None, samples: tuple[str, ...]) -> pa.Table:
        wanted = set(samples)
        batches = {
            batch: [sample for sample in members if sample in wanted]
            for batch, members in self.description.batches.items()
        }
        batches = {batch: members for batch, members in batches.items() if members}
        tables = [
            self._read(shard.genotypes[batch], schema.GENOTYPES, region, members) for batch, members in batches.items()
        ]
        table = pa.concat_tables([schema.GENOTYPES.empty_table(), *tables]).unify_dictionaries()
        sites = table.num_rows // max(sum(map(len, batches.values())), 1)
        first, step = rows_of(list(batches.values()), samples, sites)
        return table.take((first + np.arange(sites)[:, None] * step).ravel())


def _overlap(one: Region, other: Region) -> bool:
    return one.contig == other.contig and one.start < other.end and other.start < one.end


def _both(conditions: Sequence[pc.Expression]) -> pc.Expression | None:
    return None if not conditions else conditions[0] if len(conditions) == 1 else conditions[0] & conditions[1]

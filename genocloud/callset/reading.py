"""Read a callset by URL: samples, and the sites and genotypes of regions."""

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, replace
from functools import reduce
from operator import and_
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from genocloud import annotations, schema, sealing
from genocloud.callset import arrays, lazy_arrays, manifest, parquet
from genocloud.callset.layout import FileEntry, ShardEntry, rows_of
from genocloud.callset.remote import RemoteGenotypes, RemoteUnreachable, UnknownSite, reaching
from genocloud.callset.streaming import is_whole
from genocloud.callset.variants import UnknownVariant, carrier_rows, find_alleles, parse_variant
from genocloud.errors import InputError, SettingError, did_you_mean, shortened
from genocloud.regions import Contig, Region, joined, parse_region
from genocloud.storage import Store, open_store

KEY = schema.SITE_KEY.name
Places = str | Region | Sequence[str | Region] | None
"""A region, several of them, or None for the whole genome."""


class UnknownSample(InputError):
    """A sample that is not in the callset."""

    def __init__(self, url: str, sample: str, near: str = "") -> None:
        self.url, self.sample = url, sample
        super().__init__(f"{url}: no sample {sample}; see the callset's samples for the names it holds{near}")


class UnknownColumn(SettingError):
    """A column that the table of sites or of genotypes does not have."""

    def __init__(self, table: str, column: str, names: Sequence[str]) -> None:
        self.column = column
        super().__init__(f"{table} have no column {column}; they have {', '.join(names)}{did_you_mean(column, names)}")


def open_callset(url: str | os.PathLike[str]) -> "Callset":
    """Open the callset at a path or URL (`genocloud help stores` lists the kinds).

    Raises NoCallset (no manifest: not finished), OtherVersion or DamagedFile.

        callset = genocloud.open_callset("results/callset")
    """
    store = open_store(os.fspath(url))
    return Callset(store, *manifest.read(store))


@dataclass(frozen=True)
class Callset:
    """A finished callset at a URL.

    Regions are `chr1`, `chr1:1,001-2,000` (1-based, inclusive), `chr1:1,001-`, a Region, a list of these, or None for
    the whole genome; overlapping ones are merged, and records come in genome order. Methods that read tables raise
    DamagedFile where one differs from what was written; those that read genotypes stored at other sites also raise
    GenotypesNotShared or RemoteUnreachable.
    """

    store: Store
    description: manifest.Description
    shards: tuple[ShardEntry, ...]

    def __repr__(self) -> str:
        """Three lines: URL, counts, names of samples and contigs."""
        counts = self.counts
        return (
            f"Callset {self.url}\n"
            f"{counts['samples']:,} samples, {counts['sites']:,} sites, {counts['genotypes']:,} genotypes\n"
            f"samples {shortened(self.samples)}; contigs {shortened([contig.name for contig in self.contigs])}"
        )

    @property
    def url(self) -> str:
        """URL of the callset."""
        return self.store.url

    @property
    def samples(self) -> tuple[str, ...]:
        """Names of the samples, in the callset's order."""
        return self.description.samples

    @property
    def contigs(self) -> tuple[Contig, ...]:
        """The reference's contigs, including those without a site."""
        return self.description.contigs

    @property
    def counts(self) -> dict[str, int]:
        """Samples, sites, genotypes and shards."""
        return manifest.counts_of(self.description, self.shards)

    def of_sites(self, sites: Sequence[str]) -> "Callset":
        """The callset restricted to the samples of some sites; INFO stays that of all samples. Raises UnknownSite."""
        for site in set(sites) - set(self.description.sites):
            raise UnknownSite(self.url, site, self.description.sites)
        return replace(self, description=self.description.only(sites))

    def count_samples(self, batches: Iterable[str]) -> int:
        """Number of samples in some batches."""
        return sum(len(self.description.batches[batch]) for batch in batches)

    def check_reach(self) -> None:
        """Check that genotypes at other sites can be read and are those that this callset was made of.

        Raises GenotypesNotShared or RemoteUnreachable.
        """
        for place, batches in self.description.elsewhere.items():
            with reaching(place) as store:
                held = manifest.read(store)[1]
            _check_same(place, batches, self.shards, {shard.name: shard for shard in held})

    def sites(
        self,
        region: Places = None,
        *,
        columns: Sequence[str] | None = None,
        filter: pc.Expression | None = None,  # noqa: A002 (pyarrow's name)
    ) -> schema.Sites:
        """The sites of a region, one row a site, sorted by contig and pos.

        columns  names of annotations.SITES (default: all); only these are read. `pos` is 1-based, `qual` phred
        filter   a pyarrow expression over any column of annotations.SITES; only rows that meet it are returned

        Raises UnknownColumn, UnknownContig, or InputError for a region outside its contig.

            callset.sites("chr1:1-100,000", columns=["contig", "pos", "AC"], filter=pc.field("qual") > 100)
        """
        names = _names("sites", annotations.SITES, columns)
        empty, conditions = annotations.SITES.empty_table().select(names), [] if filter is None else [filter]
        tables = [
            _read(
                self.store, shard.sites, annotations.STORED_SITES, [*self._in_region(shard, place), *conditions], names
            )
            for shard, place in self._parts(region)
        ]
        return pa.concat_tables([empty, *tables]).unify_dictionaries()

    def genotypes(
        self,
        region: Places = None,
        samples: str | Sequence[str] | None = None,
        *,
        columns: Sequence[str] | None = None,
    ) -> schema.Genotypes:
        """The genotypes of a region, one row a site and sample: schema.GENOTYPES.

        columns  names of schema.GENOTYPES (default: all); only these are read

        Rows come site by site, and within a site in the order of `samples` (default: all). Raises UnknownSample,
        UnknownColumn, UnknownContig, or InputError for a region outside its contig.

            callset.genotypes("chr1:1-100,000", ["ann", "bob"], columns=["contig", "pos", "sample", "GT"])
        """
        names, chosen = _names("genotypes", schema.GENOTYPES, columns), self._samples(samples)
        tables = [self._shard_genotypes(shard, place, chosen, names) for shard, place in self._parts(region)]
        return pa.concat_tables([schema.GENOTYPES.empty_table().select(names), *tables]).unify_dictionaries()

    def carriers(self, variant: str, samples: str | Sequence[str] | None = None) -> schema.Genotypes:
        """The genotypes (schema.GENOTYPES) that have the ALT of a variant CHROM:POS:REF:ALT; POS is 1-based.

        REF and ALT may be longer or shorter by last bases that both share than at the callset's site. Without rows
        where the ALT is called in none of `samples` (default: all). Raises UnknownVariant where no site has the
        variant, BadVariant, UnknownContig, UnknownSample.

            callset.carriers("chr1:1001:A:G")["sample"].to_pylist()
        """
        wanted = parse_variant(variant, self.contigs)
        chosen = self._samples(samples)
        alleles = find_alleles(self.sites(wanted.region, columns=["ref", "alts"]), wanted)
        if not alleles:
            raise UnknownVariant(self.url, variant)
        table = self.genotypes(wanted.region, chosen)
        return table.take(carrier_rows(table["GT"], alleles, len(chosen)))

    def batches(self, shard: ShardEntry, columns: Sequence[str]) -> Iterator[schema.Genotypes]:
        """Columns of a shard's genotypes, one batch at a time, so that memory does not grow with the cohort."""
        for batch, members in self.description.batches.items():
            files, whole = shard.genotypes[batch], is_whole(shard, shard.genotypes[batch], len(members))
            read = list(columns) if whole else [*columns, KEY]
            with self.store_of(batch) as store:
                tables = [_read(store, file, schema.STORED_GENOTYPES, columns=read) for file in files]
            yield tables[0] if whole else self._current_rows(tables, self._keys(shard, None)).select(list(columns))

    def to_numpy(
        self, region: Places = None, samples: str | Sequence[str] | None = None
    ) -> dict[str, np.ndarray[Any, Any]]:
        """A region as dense NumPy arrays by sgkit's names; see arrays.dense for shapes, dtypes and missing values."""
        return arrays.dense(self.sites(region), self.genotypes(region, samples), self._samples(samples), self.contigs)

    def to_xarray(
        self,
        region: Places = None,
        samples: str | Sequence[str] | None = None,
        *,
        chunks: Mapping[str, int] | None = None,
    ) -> Any:
        """A region as an xarray.Dataset with sgkit's names and dimensions (variants, samples, ploidy, alleles, ...).

        chunks  None: NumPy arrays, read now. {}: Dask arrays with a block for each shard of the callset, which reads
                its own columns of that shard when it is computed; {"samples": 1000} cuts the blocks by samples, too.
                Only the ALTs, and positions at a region's ends, are read before

        See arrays.dense for shapes, dtypes and missing values; a block with a genotype of more than two alleles raises
        HighPloidy when it is computed. Raises PackageMissing without xarray, BadChunks.

            callset.to_xarray("chr1:1-100,000")["call_genotype"].isel(ploidy=0)
            lazy = callset.to_xarray("chr1", chunks={"samples": 1000})
            called = (lazy["call_genotype"] >= 0).mean(["samples", "ploidy"]).compute()
        """
        if chunks is None:
            return arrays.as_dataset(self.to_numpy(region, samples))
        parts = [(replace(self, shards=(shard,)), place) for shard, place in self._parts(region)]
        return arrays.as_dataset(lazy_arrays.lazy(parts, self._samples(samples), self.contigs, chunks))

    def to_polars(self, region: Places = None, samples: str | Sequence[str] | None = None) -> Any:
        """The table of `genotypes` as a polars.DataFrame. Raises PackageMissing without polars."""
        return arrays.as_polars(self.genotypes(region, samples))

    def to_pandas(self, region: Places = None, samples: str | Sequence[str] | None = None) -> Any:
        """The table of `genotypes` as a pandas.DataFrame. Raises PackageMissing without pandas."""
        return arrays.as_pandas(self.genotypes(region, samples))

    @contextmanager
    def store_of(self, batch: str) -> Iterator[Store]:
        """The store that holds a batch's genotypes. Raises GenotypesNotShared, RemoteUnreachable."""
        place = self.description.stores.get(batch)
        with reaching(place) if place else nullcontext(self.store) as store:
            yield store

    def _parts(self, region: Places) -> Iterator[tuple[ShardEntry, Region | None]]:
        """Each shard that overlaps a region, with the part of the region in it, in genome order."""
        if region is None:
            yield from ((shard, None) for shard in self.shards)
            return
        several = [region] if isinstance(region, str | Region) else region
        places = [
            parse_region(place, self.contigs, clip=True) if isinstance(place, str) else place for place in several
        ]
        for place in joined(places):
            yield from ((shard, place) for shard in self.shards if shard.extent.meets(place))

    def _samples(self, samples: str | Sequence[str] | None) -> tuple[str, ...]:
        if samples is None:
            return self.samples
        samples = (samples,) if isinstance(samples, str) else samples
        for sample in set(samples) - set(self.samples):
            raise UnknownSample(self.url, sample, did_you_mean(sample, self.samples))
        return tuple(samples)

    def _keys(self, shard: ShardEntry, region: Region | None) -> schema.StoredSites:
        """The keys of a region's SITES in a shard, in their column."""
        return _read(self.store, shard.sites, annotations.STORED_SITES, self._in_region(shard, region), [KEY])

    def _in_region(self, shard: ShardEntry, region: Region | None) -> list[pc.Expression]:
        """Conditions that only a region's rows of a shard's files meet; none for all rows."""
        if region is None:
            return []
        inside = (pc.field("pos") > region.start) & (pc.field("pos") <= region.end)
        if shard.extent.contig == shard.extent.last:
            return [inside]
        return [inside, pc.field("contig").isin([self.contigs[region.contig].name])]

    def _current_rows(
        self, tables: Sequence[schema.StoredGenotypes], sites: schema.StoredSites
    ) -> schema.StoredGenotypes:
        """The rows of a batch's files that are not superseded, in site order."""
        rows = pa.concat_tables(tables).unify_dictionaries()
        rows = rows.filter(pc.is_in(rows[KEY], value_set=sites[KEY].combine_chunks()))
        order = np.argsort(sites[KEY], kind="stable")
        places = order[np.searchsorted(sites[KEY], schema.numbers(rows[KEY]), sorter=order)]
        return rows.take(np.argsort(places, kind="stable"))

    def _shard_genotypes(
        self, shard: ShardEntry, region: Region | None, samples: tuple[str, ...], names: Sequence[str]
    ) -> schema.Genotypes:
        """Columns of GENOTYPES, site by site with the samples in order."""
        wanted = set(samples)
        batches = {
            batch: [sample for sample in members if sample in wanted]
            for batch, members in self.description.batches.items()
        }
        batches = {batch: members for batch, members in batches.items() if members}
        tables = [self._batch_genotypes(shard, batch, region, members, names) for batch, members in batches.items()]
        table = pa.concat_tables([schema.GENOTYPES.empty_table().select(names), *tables]).unify_dictionaries()
        sites = table.num_rows // max(sum(map(len, batches.values())), 1)
        first, step = rows_of(list(batches.values()), samples, sites)
        return table.take((first + np.arange(sites)[:, None] * step).ravel())

    def _batch_genotypes(
        self, shard: ShardEntry, batch: str, region: Region | None, members: Sequence[str], names: Sequence[str]
    ) -> schema.Genotypes:
        files = shard.genotypes[batch]
        conditions = [*self._in_region(shard, region), pc.field("sample").isin(members)]
        whole = is_whole(shard, files, len(self.description.batches[batch]))
        read = list(names) if whole else [*names, KEY]
        with self.store_of(batch) as store:
            tables = [_read(store, file, schema.STORED_GENOTYPES, conditions, read) for file in files]
        return tables[0] if whole else self._current_rows(tables, self._keys(shard, region)).select(list(names))


def _names(table: str, declared: pa.Schema, columns: Sequence[str] | None) -> list[str]:
    names = declared.names if columns is None else list(columns)
    for name in names:
        if name not in declared.names:
            raise UnknownColumn(table, name, declared.names)
    return names


def _read(
    store: Store,
    file: FileEntry,
    declared: pa.Schema,
    conditions: Sequence[pc.Expression] = (),
    columns: list[str] | None = None,
) -> pa.Table:
    """Columns of a file's rows that meet all conditions."""
    with parquet.open_table(store, file, declared) as stream:
        return sealing.read_where(stream, columns, _all(conditions))


def _check_same(
    place: RemoteGenotypes, batches: Sequence[str], shards: Sequence[ShardEntry], held: Mapping[str, ShardEntry]
) -> None:
    for shard in shards:
        entry = held.get(shard.name)
        same = entry and entry.sites == shard.sites
        if not (entry and same and all(entry.genotypes.get(batch) == shard.genotypes[batch] for batch in batches)):
            problem = f"they were made anew since, with other files in shard {shard.name}: run genocloud hybrid again"
            raise RemoteUnreachable(place, problem)


def _all(conditions: Sequence[pc.Expression]) -> pc.Expression | None:
    return reduce(and_, conditions) if conditions else None

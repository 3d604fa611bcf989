"""Read a callset by URL: samples, and the sites and genotypes of regions."""

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from genocloud import annotations, schema
from genocloud.callset import arrays, lazy_arrays, manifest, parquet
from genocloud.callset.allele_counts import COUNTED, CalledAlleles
from genocloud.callset.call_rows import Span
from genocloud.callset.carriers import CALL_COLUMNS, SITE_COLUMNS, carriers_at, chosen_carriers
from genocloud.callset.filter_tables import FilterLine, FilterSet, NoFilters, filters_of, with_filters
from genocloud.callset.layout import GenotypeFiles, ShardEntry
from genocloud.callset.local_genotypes import GenotypeMatrix, SparseGenotypes, take_rows
from genocloud.callset.remote import RemoteGenotypes, RemoteUnreachable, UnknownSite, reaching
from genocloud.callset.revision import REVISED_FROM, SITES_FROM, GenotypeRevision, RevisedGenotypes
from genocloud.callset.shard_cells import ShardCells
from genocloud.callset.streaming import stream_rows
from genocloud.callset.variants import UnknownVariant, Variant, find_alleles, is_variant, parse_variant
from genocloud.errors import InputError, SettingError, did_you_mean, shortened
from genocloud.regions import Contig, Region, joined, parse_region
from genocloud.storage import Store, open_store

Places = str | Region | Sequence[str | Region] | None
"""A region, several of them, or None for the whole genome."""


class UnknownSample(InputError):
    """A sample that is not in the callset."""

    def __init__(self, url: str, sample: str, near: str = "") -> None:
        self.url, self.sample = url, sample
        super().__init__(f"{url}: no sample {sample}; see the callset's samples for the names it holds{near}")


class RevisedExport(SettingError):
    """A callset whose genotypes are revised, as an object that is to be exported."""

    def __init__(self, url: str) -> None:
        self.url = url
        super().__init__(
            f"{url}: refined genotypes are written by `genocloud export --refined`: name the callset there"
        )


class RevisedSubset(SettingError):
    """Some samples of a callset whose genotypes are revised by those of all."""

    def __init__(self, url: str) -> None:
        self.url = url
        super().__init__(f"{url}: genotypes are refined by those of all samples: leave out --refined, or the samples")


class UnknownColumn(SettingError):
    """A column that the table of sites or of genotypes does not have."""

    def __init__(self, table: str, column: str, names: Sequence[str]) -> None:
        self.column = column
        super().__init__(f"{table} have no column {column}; they have {', '.join(names)}{did_you_mean(column, names)}")


def open_callset(source: "str | os.PathLike[str] | Callset") -> "Callset":
    """Open the callset at a path or URL; one that is open stays as it is.

    Raises NoCallset (no manifest: not finished), OtherVersion or DamagedFile.
    """
    if isinstance(source, Callset):
        return source
    store = open_store(os.fspath(source))
    description, shards = manifest.read(store)
    return Callset(store=store, description=description, shards=shards)


@dataclass(frozen=True, kw_only=True)
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
    filter_set: FilterSet | None = None
    revision: GenotypeRevision | None = None

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

    def of_samples(self, samples: str | Sequence[str], *, recount: bool = True) -> "Callset":
        """The callset restricted to some samples, in this order; only their genotypes are read.

        recount  AC, AF and AN of `sites`, and of all that is written, are those of these samples; else of all. QUAL,
                 FILTER and the rest of INFO stay those of all samples

        Raises UnknownSample.

            callset.of_samples(["ann", "bob"]).sites("chr1", filter=pc.field("AN") > 2)
        """
        if self.revision:
            raise RevisedSubset(self.url)
        return replace(self, description=self.description.of_samples(self._samples(samples), recounted=recount))

    @property
    def recounted(self) -> bool:
        """Whether AC, AF and AN are counted anew, in the samples of a subset."""
        return self.description.subset is not None and self.description.subset.recounted

    def of_shard(self, shard: ShardEntry) -> "Callset":
        """The callset restricted to one of its shards; small, to be sent to a worker."""
        return self.of_shards((shard,))

    def of_shards(self, shards: Sequence[ShardEntry]) -> "Callset":
        """The callset restricted to some of its shards."""
        filters = self.filter_set and self.filter_set.of_shards([shard.name for shard in shards])
        return replace(self, shards=tuple(shards), filter_set=filters)

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

    def callers(self) -> dict[str, str]:
        """The dialect of each sample's gVCF, of those at other sites too, where it is known.

        Raises GenotypesNotShared or RemoteUnreachable.
        """
        known = dict(self.description.callers)
        for place in self.description.elsewhere:
            with reaching(place) as store:
                known |= manifest.read(store)[0].callers
        return known

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
        if self.filter_set is not None:
            return self._filtered_sites(region, columns, filter)
        names = _names("sites", annotations.SITES, columns)
        if self.recounted and (filter is not None or set(names) & set(COUNTED)):
            return self._recounted_sites(region, names, filter)
        empty, conditions = annotations.SITES.empty_table().select(names), [] if filter is None else [filter]
        tables = [
            parquet.read_where(
                self.store, shard.sites, annotations.STORED_SITES, [*self._in_region(shard, place), *conditions], names
            )
            for shard, place in self._parts(region)
        ]
        return pa.concat_tables([empty, *tables]).unify_dictionaries()

    def _recounted_sites(self, region: Places, names: Sequence[str], condition: pc.Expression | None) -> schema.Sites:
        """SITES with AC, AF and AN of a subset's samples."""
        read = annotations.SITES.names if condition is not None else names
        tables = [annotations.SITES.empty_table().select(read)]
        for shard, place in self._parts(region):
            if not shard.sites.rows:
                continue
            cells, where = self.cells(shard), self._in_region(shard, place)
            span = cells.whole if place is None else cells.span(self.contigs[place.contig].name, place)
            stored = parquet.read_where(self.store, shard.sites, annotations.STORED_SITES, where, list(read))
            counted = self.called_alleles(cells, span).columns()
            own = counted.select([name for name in counted.column_names if name in read])
            tables.append(schema.with_columns(stored, own))
        sites = pa.concat_tables(tables).unify_dictionaries()
        return (sites if condition is None else sites.filter(condition)).select(names)

    def called_alleles(self, cells: ShardCells, span: Span) -> CalledAlleles:
        """How often the samples have each allele at a span of a shard's sites."""
        each = (CalledAlleles.of(cells.read(batch, span, ["GT"])) for batch in self.description.batches)
        return CalledAlleles.none(cells.alts(span)).plus(each)

    def _filtered_sites(
        self, region: Places, columns: Sequence[str] | None, condition: pc.Expression | None
    ) -> schema.Sites:
        """SITES joined with FILTERS; the condition may name columns of both."""
        nothing = with_filters(annotations.SITES.empty_table(), schema.FILTERS.empty_table())
        names = _names("sites", nothing.schema, columns)
        read = None if condition is not None else [*_ALWAYS_FILTERED, *names]
        wanted = None if read is None else [name for name in annotations.SITES.names if name in read]
        judged = None if read is None else [name for name in schema.FILTERS.names if name in read]
        sites = replace(self, filter_set=None).sites(region, columns=wanted)
        joined = with_filters(sites, self.filters(region, columns=judged))
        return (joined if condition is None else joined.filter(condition)).select(names)

    def genotypes(
        self,
        region: Places = None,
        samples: str | Sequence[str] | None = None,
        *,
        columns: Sequence[str] | None = None,
    ) -> schema.Genotypes:
        """The genotypes of a region, one row a site and sample: schema.GENOTYPES.

        columns  names of schema.GENOTYPES (default: all); only these are read

        With a revision (genocloud.refined) they are what it makes of them; `columns` may name PP, JL and JP then.
        Rows come site by site, and within a site in the order of `samples` (default: all). Raises UnknownSample,
        UnknownColumn, UnknownContig, or InputError for a region outside its contig.

            callset.genotypes("chr1:1-100,000", ["ann", "bob"], columns=["contig", "pos", "sample", "GT"])
        """
        chosen = self._samples(samples)
        declared = _REVISED if self.revision and columns is not None else schema.GENOTYPES
        names = _names("genotypes", declared, columns)
        tables = [self._dense(cells, span, chosen, names) for cells, span in self._spans(region)]
        return pa.concat_tables([declared.empty_table().select(names), *tables]).unify_dictionaries()

    def with_filters(self) -> "Callset":
        """The callset with the filters that `genocloud filter` gave it, if any: `sites` and arrays then have them.

        Its sites have the `filter` of schema.FILTERS, and the further columns. Raises StaleFilters, DamagedFile.

            callset.with_filters().sites("chr1", columns=["pos", "AF"], filter=pc.field("filter") == "PASS")
        """
        return replace(self, filter_set=filters_of(self.store, self.shards))

    @property
    def filter_lines(self) -> tuple[FilterLine, ...]:
        """The filters that its sites have from `with_filters`, for a header."""
        return self.filter_set.lines if self.filter_set else ()

    def filters(self, region: Places = None, *, columns: Sequence[str] | None = None) -> schema.Filters:
        """What filtering said of the sites of a region: schema.FILTERS, in the order of `sites`.

        columns  names of schema.FILTERS (default: all); only these are read

        Raises NoFilters, StaleFilters, UnknownColumn, UnknownContig, or InputError for a region outside its contig.

            callset.filters("chr1:1-100,000", columns=["pos", "filter"])
        """
        names = _names("filters", schema.FILTERS, columns)
        filters = self.filter_set or filters_of(self.store, self.shards)
        if filters is None:
            raise NoFilters(self.url)
        tables = [
            parquet.read_where(
                self.store, filters.files[shard.name], schema.FILTERS, self._in_region(shard, place), names
            )
            for shard, place in self._parts(region)
        ]
        return pa.concat_tables([schema.FILTERS.empty_table().select(names), *tables]).unify_dictionaries()

    def tables(self, region: Places = None) -> Iterator[schema.Genotypes]:
        """What `genotypes` gives of all samples, in tables of some million rows."""
        step = 1 << max(_ROWS_AT_ONCE // max(len(self.samples), 1), 1).bit_length() - 1
        for cells, (first, end) in self._spans(region):
            for start in range(first, end, step):
                yield self._dense(cells, (start, min(start + step, end)), self.samples, schema.GENOTYPES.names)

    def carriers(self, where: Places, samples: str | Sequence[str] | None = None) -> schema.Carriers:
        """Who has which ALT, as called: schema.CARRIERS, one row for each ALT of a sample's genotype.

        where    variants CHROM:POS:REF:ALT (1-based POS), regions, or a list of both. REF and ALT of a variant may be
                 longer or shorter by last bases that both share than at the callset's site; regions have all ALTs
        samples  those that may be carriers (default: all)

        Only the windows of `calls` that hold these places are read. Raises UnknownVariant where no site has a variant,
        BadVariant, UnknownContig, UnknownSample.

            callset.carriers("chr1:1001:A:G")["sample"].to_pylist()
            callset.carriers(["chr1:1,001-2,000", "chr2:500"], samples=["ann", "bob"])
        """
        tables = [table for table, _ in self.carrier_tables(where, samples)]
        return pa.concat_tables([schema.CARRIERS.empty_table(), *tables]).unify_dictionaries()

    def carrier_tables(
        self, where: Places, samples: str | Sequence[str] | None = None
    ) -> Iterator[tuple[schema.Carriers, int]]:
        """What `carriers` gives, shard by shard, with the number of sites looked at; raises what it raises at once."""
        texts = [where] if isinstance(where, str | Region) else where or ()
        variants = [parse_variant(text, self.contigs) for text in texts if isinstance(text, str) and is_variant(text)]
        regions = self._regions([text for text in texts if not (isinstance(text, str) and is_variant(text))])
        alleles = {allele for variant in variants for allele in self._alleles_of(variant)}
        ranks = {sample: rank for rank, sample in enumerate(self._samples(samples))}

        def tables() -> Iterator[tuple[schema.Carriers, int]]:
            for shard, place in self._parts(None if where is None else [*regions, *(each.region for each in variants)]):
                sites = self.of_shard(shard).sites(place, columns=SITE_COLUMNS)
                if len(sites):
                    with ThreadPoolExecutor(self._files_at_once) as pool:
                        calls = list(pool.map(partial(self._calls_of, shard, place), self._members(tuple(ranks))))
                    nothing = schema.CALLS.empty_table().select(CALL_COLUMNS)
                    table = carriers_at(sites, pa.concat_tables([nothing, *calls], promote_options="default"), ranks)
                    inside = [region for region in regions if place is not None and region.contig == place.contig]
                    yield table if place is None else chosen_carriers(table, inside, alleles), len(sites)

        return tables()

    @property
    def _files_at_once(self) -> int:
        """Batches' files that are read at once: in a bucket most of the time is spent waiting, on a disk decoding."""
        return 8 if "://" in self.url or self.description.stores else len(os.sched_getaffinity(0))

    def _alleles_of(self, variant: Variant) -> list[tuple[str, int, str, str]]:
        """(contig, pos, REF, ALT) of a variant at the callset's sites. Raises UnknownVariant."""
        sites = self.sites(variant.region, columns=["ref", "alts"])
        refs, alts = sites["ref"].to_pylist(), sites["alts"].to_pylist()
        matches = [(refs[row], alts[row][number - 1]) for row, number in find_alleles(sites, variant)]
        contig, pos = self.contigs[variant.region.contig].name, variant.region.end
        if not matches:
            raise UnknownVariant(self.url, f"{contig}:{pos}:{variant.ref}:{variant.alt}")
        return [(contig, pos, ref, alt) for ref, alt in matches]

    def _calls_of(self, shard: ShardEntry, place: Region | None, batch: str) -> schema.CallRows:
        """CALL_COLUMNS and `nth` of a batch's rows of CALLS in a region; only the windows that it meets are read."""
        files = [each.calls for each in shard.genotypes[batch] if isinstance(each, GenotypeFiles)]
        if not files or shard.is_dense:
            return self.of_shard(shard).calls(place, self.description.batches[batch], columns=CALL_COLUMNS)
        columns = [*CALL_COLUMNS, "nth"]
        with self.store_of(batch) as store:
            if place is None:
                tables = [parquet.read_groups(store, each, _CALLS, columns) for each in files]
            else:
                where = (self.contigs[place.contig].name, place.start, place.end)
                tables = [parquet.read_place(store, each, _CALLS, where, columns) for each in files]
        return pa.concat_tables(tables)

    def calls(
        self,
        region: Places = None,
        samples: str | Sequence[str] | None = None,
        *,
        columns: Sequence[str] | None = None,
    ) -> schema.CallRows:
        """The genotypes of a region that are no plain reference: schema.CALLS, by local alleles.

        columns  names of schema.CALLS (default: all)

        Rows come batch by batch, and of a batch site by site. Raises as `genotypes` does.

            callset.calls("chr1:1-100,000", columns=["contig", "pos", "sample", "GT", "LAA", "LAD"])
        """
        names = _names("calls", schema.CALLS, columns)
        members = self._members(self._samples(samples))
        tables = [
            cells.calls(batch, span, held, names)
            for cells, span in self._spans(region)
            for batch, held in members.items()
        ]
        return pa.concat_tables([schema.CALLS.empty_table().select(names), *tables]).unify_dictionaries()

    def reference(
        self,
        region: Places = None,
        samples: str | Sequence[str] | None = None,
        *,
        columns: Sequence[str] | None = None,
    ) -> schema.ReferenceRuns:
        """All other genotypes of a region: schema.REFERENCE, a row for each run of a sample's sites with the same.

        columns  names of schema.REFERENCE (default: all)

        Rows come batch by batch, and of a batch site by site. Raises as `genotypes` does.

            callset.reference("chr1:1-100,000", "ann", columns=["pos", "end", "GQ"])
        """
        names = _names("reference runs", schema.REFERENCE, columns)
        members = self._members(self._samples(samples))
        tables = [
            cells.reference(batch, span, held) for cells, span in self._spans(region) for batch, held in members.items()
        ]
        return pa.concat_tables([schema.REFERENCE.empty_table(), *tables]).unify_dictionaries().select(names)

    def cells(self, shard: ShardEntry) -> ShardCells:
        """A shard's genotypes, batch by batch. Raises DamagedFile."""
        held, subset = self.description.batches, self.description.subset
        return ShardCells(self.store, shard, subset.stored if subset else held, self.store_of, held)

    def revised(self, cells: ShardCells, span: Span, columns: Sequence[str]) -> RevisedGenotypes:
        """What the revision, which there must be, makes of all samples' genotypes at a span of a shard's sites.

        columns  of GENOTYPES, beside those that revisions read
        """
        assert self.revision is not None
        place = {sample: number for number, sample in enumerate(self.samples)}
        numbers = np.empty((span[1] - span[0], len(place)), np.int32)
        tables, base, names = [], 0, list(dict.fromkeys([*columns, *REVISED_FROM]))
        for batch, members in self.description.batches.items():
            matrix = cells.read(batch, span, names).dense().matrix()
            numbers[:, [place[sample] for sample in members]] = matrix.numbers + np.int32(base)
            tables.append(matrix.distinct)
            base += matrix.distinct.num_rows
        rows, declared = span[1] - span[0], annotations.STORED_SITES
        sites = next(stream_rows(self.store, cells.sites, declared, SITES_FROM, rows=rows, span=span))
        distinct = pa.concat_tables(tables).unify_dictionaries().combine_chunks()
        return self.revision.revise(sites, GenotypeMatrix(self.samples, distinct, numbers))

    def batches(self, shard: ShardEntry, columns: Sequence[str]) -> Iterator[SparseGenotypes]:
        """Columns of a shard's genotypes, one batch at a time, so that memory does not grow with the cohort."""
        cells = self.cells(shard)
        return (cells.read(batch, cells.whole, columns) for batch in self.description.batches)

    def to_numpy(
        self, region: Places = None, samples: str | Sequence[str] | None = None
    ) -> dict[str, np.ndarray[Any, Any]]:
        """A region as dense NumPy arrays by sgkit's names; see arrays.dense for shapes, dtypes and missing values."""
        frame = self._frame(self._samples(samples))
        return arrays.dense(self.sites(region), self.genotypes(region, samples), frame)

    def _frame(self, samples: Sequence[str]) -> arrays.Frame:
        """What arrays' shapes depend on, before any site is read."""
        names = dict.fromkeys([*arrays.FILTERS, *(line.name for line in self.filter_lines)])
        return arrays.Frame(samples=tuple(samples), contigs=self.contigs, filters=tuple(names))

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
        parts = [(self.of_shard(shard), place) for shard, place in self._parts(region)]
        return arrays.as_dataset(lazy_arrays.lazy(parts, self._frame(self._samples(samples)), chunks))

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
        for place in joined(self._regions([region] if isinstance(region, str | Region) else region)):
            yield from ((shard, place) for shard in self.shards if shard.extent.meets(place))

    def _regions(self, places: Sequence[str | Region]) -> list[Region]:
        return [parse_region(place, self.contigs, clip=True) if isinstance(place, str) else place for place in places]

    def _samples(self, samples: str | Sequence[str] | None) -> tuple[str, ...]:
        if samples is None:
            return self.samples
        samples = (samples,) if isinstance(samples, str) else samples
        for sample in set(samples) - set(self.samples):
            raise UnknownSample(self.url, sample, did_you_mean(sample, self.samples))
        return tuple(samples)

    def _in_region(self, shard: ShardEntry, region: Region | None) -> list[pc.Expression]:
        """Conditions that only a region's rows of a shard's files meet; none for all rows."""
        if region is None:
            return []
        inside = (pc.field("pos") > region.start) & (pc.field("pos") <= region.end)
        if shard.extent.contig == shard.extent.last:
            return [inside]
        return [inside, pc.field("contig").isin([self.contigs[region.contig].name])]

    def _spans(self, region: Places) -> Iterator[tuple[ShardCells, Span]]:
        """The cells of each shard that a region overlaps, and the sites in it."""
        for shard, place in self._parts(region):
            if shard.sites.rows:
                cells = self.cells(shard)
                yield cells, cells.whole if place is None else cells.span(self.contigs[place.contig].name, place)

    def _members(self, samples: Sequence[str]) -> dict[str, list[str]]:
        """Those of some samples that each batch has, in its order; no batch without."""
        wanted = set(samples)
        batches = self.description.batches.items()
        members = {batch: [sample for sample in held if sample in wanted] for batch, held in batches}
        return {batch: some for batch, some in members.items() if some}

    def _dense(self, cells: ShardCells, span: Span, samples: tuple[str, ...], names: Sequence[str]) -> schema.Genotypes:
        """Columns of GENOTYPES, and of POSTERIORS if there is a revision, site by site with the samples in order."""
        values = [name for name in names if name not in _PLACE]
        columns = cells.place_columns(span, samples)
        if values and self.revision and span[0] < span[1]:
            matrix = self.revised(cells, span, [name for name in values if name in schema.GENOTYPES.names]).genotypes
            rows = matrix.numbers[:, [matrix.samples.index(sample) for sample in samples]].ravel()
            distinct = take_rows(matrix.distinct, rows)
            columns |= {name: distinct[name] for name in values}
        else:
            columns |= self._stored(cells, span, samples, values)
        return pa.table([columns.get(name, []) for name in names], pa.schema([_REVISED.field(name) for name in names]))

    def _stored(
        self, cells: ShardCells, span: Span, samples: tuple[str, ...], values: Sequence[str]
    ) -> dict[str, pa.ChunkedArray]:
        """Columns of values, as they were called."""
        sites, members = span[1] - span[0], self._members(samples)
        place = {sample: number for number, sample in enumerate(sample for held in members.values() for sample in held)}
        numbers, tables, base = [np.zeros((sites, 0), np.int32)], [], 0
        for batch, held in members.items() if values else ():
            matrix = cells.read(batch, span, values, held).dense().matrix()
            tables.append(matrix.distinct.select(values))
            numbers.append(matrix.numbers + np.int32(base))
            base += matrix.distinct.num_rows
        if not tables:
            return {}
        order = np.array([place[sample] for sample in samples], np.int64)
        cells_by_batch = np.concatenate(numbers, axis=1)
        in_order = np.array_equal(order, np.arange(len(place)))
        rows = (cells_by_batch if in_order else cells_by_batch[:, order]).ravel()
        distinct = take_rows(pa.concat_tables(tables).unify_dictionaries().combine_chunks(), rows)
        return {name: distinct[name] for name in values}


_CALLS = pa.schema([*schema.CALLS, schema.NTH.field("nth")])
_ROWS_AT_ONCE = 1 << 20

_ALWAYS_FILTERED = "pos", "filter"
"""What joining SITES with FILTERS needs."""

_REVISED = pa.schema([*schema.GENOTYPES, *schema.POSTERIORS])
_PLACE = "contig", "pos", "sample"
"""The columns of GENOTYPES that say which genotype it is."""


def _names(table: str, declared: pa.Schema, columns: Sequence[str] | None) -> list[str]:
    names = declared.names if columns is None else list(columns)
    for name in names:
        if name not in declared.names:
            raise UnknownColumn(table, name, declared.names)
    return names


def _check_same(
    place: RemoteGenotypes, batches: Sequence[str], shards: Sequence[ShardEntry], held: Mapping[str, ShardEntry]
) -> None:
    for shard in shards:
        entry = held.get(shard.name)
        same = entry and entry.sites == shard.sites
        if not (entry and same and all(entry.genotypes.get(batch) == shard.genotypes[batch] for batch in batches)):
            problem = f"they were made anew since, with other files in shard {shard.name}: run genocloud hybrid again"
            raise RemoteUnreachable(place, problem)

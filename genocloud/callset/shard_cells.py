"""The genotypes of a shard: any batch's at any span of its sites, from files of any version."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from functools import cached_property

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from genocloud import annotations, schema, sealing
from genocloud.callset import dense_files, parquet
from genocloud.callset.call_rows import REFERENCE_SOURCES, LocatedRows, SitePlaces, Span, Windows, split, window_of
from genocloud.callset.layout import DamagedFile, DenseFile, GenotypeFiles, ShardEntry
from genocloud.callset.local_genotypes import SparseGenotypes, local_columns, localise
from genocloud.callset.region_rows import calls_at, runs_at
from genocloud.kernels.cell_runs import CellRuns
from genocloud.regions import Region
from genocloud.storage import Store, join

KEY = schema.SITE_KEY.name


class ShardCells:
    """The genotypes of a shard's batches; reads of spans in order decode each window of a file once.

    store     the callset's
    members   the samples of each batch
    store_of  opens the store of a batch's files
    chosen    those of them that are read where `read` names none; all by default
    """

    def __init__(
        self,
        store: Store,
        shard: ShardEntry,
        members: Mapping[str, Sequence[str]],
        store_of: Callable[[str], AbstractContextManager[Store]],
        chosen: Mapping[str, Sequence[str]] | None = None,
    ) -> None:
        self._store, self._entry, self._members, self._store_of = store, shard, members, store_of
        self._chosen = members if chosen is None else chosen
        self.shard, self.sites = shard.name, shard.sites
        with parquet.open_table(store, shard.sites, annotations.STORED_SITES) as stream:
            table = sealing.reader(stream).read(["contig", "pos", "alts", KEY], use_threads=False)
        self.places = SitePlaces.of(table)
        self._alts = np.asarray(pc.list_value_length(table["alts"])).astype(np.int32)
        self.keys = schema.numbers(table[KEY])
        self._decoded: dict[str, tuple[object, LocatedRows]] = {}

    @property
    def whole(self) -> Span:
        """All sites of the shard's file."""
        return 0, len(self.places)

    def span(self, contig: str, region: Region) -> Span:
        """The sites that stand in a region, which is on this contig."""
        if contig not in self.places.contigs:
            return 0, 0
        first, stop = np.searchsorted(self.places.ranks, self.places.contigs.index(contig) + np.arange(2))
        positions = self.places.positions[first:stop]
        start, end = first + np.searchsorted(positions, [region.start, region.end], side="right")
        return int(start), int(end)

    def alts(self, span: Span) -> npt.NDArray[np.int32]:
        """The number of ALTs of each of a span of the sites."""
        return self._alts[span[0] : span[1]]

    def place_columns(self, span: Span, samples: Sequence[str]) -> dict[str, pa.Array]:
        """The columns `contig`, `pos` and `sample` of GENOTYPES at a span of the sites."""
        places = self.places.at(slice(*span))
        contig, pos = places.repeated(len(samples))
        codes = np.tile(np.arange(len(samples), dtype=np.int32), span[1] - span[0])
        words = pa.DictionaryArray.from_arrays(pa.array(codes), pa.array(list(samples), pa.string()))
        return {"contig": contig, "pos": pos, "sample": words}

    def read(
        self, batch: str, span: Span, columns: Sequence[str], samples: Sequence[str] | None = None
    ) -> SparseGenotypes:
        """A batch's genotypes at a span of the sites, of some samples (None: all, or those of the subset).

        columns  of GENOTYPES, of which `dense` then has at least these. Raises DamagedFile.
        """
        members = self._members[batch]
        wanted = self._chosen[batch] if samples is None else samples
        segments, alts = self._entry.genotypes[batch], self.alts(span)
        if not len(wanted) or span[0] >= span[1]:
            return SparseGenotypes(wanted, *_nothing(columns), alts)
        with self._store_of(batch) as store:
            if dense := [each for each in segments if isinstance(each, DenseFile)]:
                places = dense_files.site_places(store, self._entry, dense, self.keys, len(members))
                names = ["GT", *(name for name in columns if name != "GT")]
                matrix = dense_files.read_span(store, dense, places, names, samples=members, span=span)
                numbers = matrix.numbers[:, [members.index(sample) for sample in wanted]]
                return localise(matrix._replace(samples=wanted, numbers=numbers), alts)
            distinct, runs = self._sparse(store, batch, span, columns, wanted)
        return SparseGenotypes(wanted, distinct, runs, alts)

    def calls(self, batch: str, span: Span, samples: Sequence[str], columns: Sequence[str]) -> schema.CallRows:
        """Columns of CALLS of some of a batch's samples at a span of the sites. Raises DamagedFile."""
        if self._entry.is_dense or span[0] >= span[1]:
            return self._split(batch, span, samples)[0].select(columns)
        names = list(dict.fromkeys(["contig", "pos", "sample", *columns, *self._nth[:1]]))
        with self._store_of(batch) as store:
            files, windows, _ = self._windows(store, batch, span)
            rows = _together([parquet.read_groups(store, each.calls, schema.CALLS, names, windows) for each in files])
            with _naming(store, files[0]):
                return calls_at(rows, self.places, span, tuple(samples)).select(columns)

    def reference(self, batch: str, span: Span, samples: Sequence[str]) -> schema.ReferenceRuns:
        """REFERENCE of some of a batch's samples at a span of the sites. Raises DamagedFile."""
        if self._entry.is_dense or span[0] >= span[1]:
            return self._split(batch, span, samples)[1].select(schema.REFERENCE.names)
        names = [*schema.REFERENCE.names, *self._nth]
        with self._store_of(batch) as store:
            files, windows, _ = self._windows(store, batch, span)
            rows = _together(
                [parquet.read_groups(store, each.reference, schema.REFERENCE, names, windows) for each in files]
            )
            with _naming(store, files[0]):
                return runs_at(rows, self.places, span, tuple(samples)).select(schema.REFERENCE.names)

    def _split(self, batch: str, span: Span, samples: Sequence[str]) -> tuple[schema.CallRows, schema.ReferenceRuns]:
        """Both, from the genotypes."""
        genotypes = self.read(batch, span, schema.GENOTYPES.names[3:], samples)
        calls, reference = split(genotypes, self.places.at(slice(*span)))
        return calls.table, reference.table

    @cached_property
    def _nth(self) -> list[str]:
        """The columns of NTH that rows have: those of sites that share positions."""
        return list(schema.NTH.names) if self.places.is_shared else []

    def _windows(self, store: Store, batch: str, span: Span) -> tuple[list[GenotypeFiles], range, Span]:
        """A batch's files, their row groups that have a span of the sites, and all sites of these."""
        files = [each for each in self._entry.genotypes[batch] if isinstance(each, GenotypeFiles)]
        with _naming(store, files[0]):
            if (sites := sum(each.sites for each in files)) != len(self.places):
                raise ValueError(f"of {sites} sites, not {len(self.places)}")
        starts = np.array(files[0].windows or range(0, len(self.places), window_of(len(self._members[batch]))))
        first, stop = np.searchsorted(starts, span[0], "right") - 1, np.searchsorted(starts, span[1])
        whole = int(starts[first]), int(np.append(starts, len(self.places))[stop])
        return files, range(first, stop), whole

    def _sparse(
        self, store: Store, batch: str, span: Span, columns: Sequence[str], samples: Sequence[str]
    ) -> tuple[schema.LocalGenotypes, CellRuns]:
        files, windows, whole = self._windows(store, batch, span)
        wanted = whole, tuple(columns), tuple(samples)
        key, rows = self._decoded.get(batch, (None, None))
        with _naming(store, files[0]):
            if rows is None or key != wanted:
                rows = read_windows(store, files, windows, self.places, whole, columns=columns, samples=samples)
                self._decoded[batch] = wanted, rows
            return rows.at(span)


def read_windows(
    store: Store, files: Sequence[GenotypeFiles], windows: Sequence[int], places: SitePlaces, span: Span, *,
    columns: Sequence[str], samples: Sequence[str],
) -> LocatedRows:  # fmt: skip
    """The rows of some samples at a span of `places`, the sites of all segments' files, that is these windows whole.

    columns  of GENOTYPES, from those columns that they follow from. Raises DamagedFile.
    """
    local = local_columns(columns)
    sources = dict.fromkeys(source for name in local for source in REFERENCE_SOURCES.get(name, (name,)))
    nth = schema.NTH.names if places.is_shared else []
    names = ["contig", "pos", "sample", *local, *nth[:1]], ["contig", "pos", "end", "sample", *sources, *nth]
    calls = [parquet.read_groups(store, each.calls, schema.CALLS, names[0], windows) for each in files]
    runs = [parquet.read_groups(store, each.reference, schema.REFERENCE, names[1], windows) for each in files]
    with _naming(store, files[0]):
        return LocatedRows.of((_together(calls), _together(runs)), places, span, samples)


def _together(tables: Sequence[pa.Table]) -> pa.Table:
    return tables[0] if len(tables) == 1 else pa.concat_tables(tables).unify_dictionaries().combine_chunks()


def read_segment(store: Store, files: GenotypeFiles, places: SitePlaces, samples: Sequence[str]) -> SparseGenotypes:
    """All genotypes of a batch's `samples` at the sites that a segment has; `alts`, which writing does not use, are 0.

    Raises DamagedFile.
    """
    whole, columns = (0, len(places)), schema.GENOTYPES.names[3:]
    windows = range(Windows.of(files.sites, window_of(len(samples))).windows)
    rows = read_windows(store, [files], windows, places, whole, columns=columns, samples=samples)
    return SparseGenotypes(samples, *rows.at(whole), np.zeros(len(places), np.int32))


def read_runs(store: Store, files: GenotypeFiles) -> schema.ReferenceRuns:
    """All rows of REFERENCE of a segment. Raises DamagedFile."""
    return parquet.read_groups(store, files.reference, schema.REFERENCE)


def read_calls(store: Store, files: GenotypeFiles, columns: Sequence[str] | None = None) -> schema.CallRows:
    """All rows of CALLS of a segment, or some of their columns. Raises DamagedFile."""
    return parquet.read_groups(store, files.calls, schema.CALLS, columns)


@contextmanager
def _naming(store: Store, files: GenotypeFiles) -> Iterator[None]:
    """Name the files where their rows are not those of a batch's genotypes."""
    try:
        yield
    except ValueError as error:
        raise DamagedFile(join(store.url, files.calls.name), f"does not go with its sites ({error})") from error


def _nothing(columns: Sequence[str]) -> tuple[schema.LocalGenotypes, CellRuns]:
    declared = pa.schema([schema.WIDE_LOCAL_GENOTYPES.field(name) for name in local_columns(columns)])
    return declared.empty_table(), CellRuns(*(np.zeros(0, np.int32) for _ in CellRuns._fields))

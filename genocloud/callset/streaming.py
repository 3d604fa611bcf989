"""Stream rows of a callset's files in site order, merging a batch's files."""

from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from genocloud import annotations, schema, sealing
from genocloud.callset import parquet
from genocloud.callset.layout import DamagedFile, FileEntry, ShardEntry, entry_name
from genocloud.storage import Store, join

Span = tuple[int, int]
"""Half-open range of rows or sites."""


def stream_rows(
    store: Store, file: FileEntry, declared: pa.Schema, columns: Sequence[str], *, rows: int, span: Span
) -> Iterator[pa.Table]:
    """Lazily read columns of a span of a Parquet file in tables of `rows` rows, the last shorter.

    Single-threaded, as other batches' files are read at the same time. Raises DamagedFile.
    """
    start, end = span
    with parquet.open_table(store, file, declared) as stream:
        parquet_file = sealing.reader(stream)
        groups, at = _row_groups(parquet_file.metadata, start, end)
        held: list[pa.Table] = []
        count = 0
        for batch in parquet_file.iter_batches(rows, row_groups=groups, columns=list(columns), use_threads=False):
            inside = batch[max(start - at, 0) : max(end - at, 0)]
            at += batch.num_rows
            held.append(pa.Table.from_batches([inside]))
            count += inside.num_rows
            while count >= rows:
                table = pa.concat_tables(held)
                yield table.slice(0, rows)
                held, count = [table.slice(rows)], count - rows
        if count:
            yield pa.concat_tables(held)


def _row_groups(metadata: sealing.FileMetaData, start: int, end: int) -> tuple[list[int], int]:
    """The row groups that overlap a range of rows, and the first row of the first of them."""
    edges = np.cumsum([0, *(metadata.row_group(group).num_rows for group in range(metadata.num_row_groups))])
    groups = np.flatnonzero((edges[:-1] < end) & (edges[1:] > start))
    return groups.tolist(), int(edges[groups[0]]) if len(groups) else start


def stream_genotypes(
    store: Store, shard: ShardEntry, batch: str, columns: Sequence[str], *, samples: int, sites: int, span: Span
) -> Iterator[schema.Genotypes]:
    """A batch's rows at a span of the shard's sites, in tables of `sites` sites, the last shorter.

    Superseded rows are skipped. `samples`: number of samples in the batch. Raises DamagedFile.
    """
    if not samples:
        return
    files = shard.genotypes[batch]
    if is_whole(shard, files, samples):
        rows = span[0] * samples, span[1] * samples
        yield from stream_rows(store, files[0], schema.STORED_GENOTYPES, columns, rows=sites * samples, span=rows)
        return
    sources = [
        _Source(places, _current_rows(store, file, columns, places, samples), span[0], samples)
        for file, places in zip(files, site_places(store, shard, files, samples), strict=True)
        if (places >= 0).any()
    ]
    for start in range(*span, sites):
        yield _interleaved(sources, start, min(start + sites, span[1]), samples)


def is_whole(shard: ShardEntry, files: Sequence[FileEntry], samples: int) -> bool:
    """Whether a single file has exactly the rows of the shard's sites."""
    return len(files) == 1 and files[0].rows == shard.sites.rows * samples


def site_places(
    store: Store, shard: ShardEntry, files: Sequence[FileEntry], samples: int
) -> list[npt.NDArray[np.int64]]:
    """For each of a batch's files, the index among the shard's sites of each of its sites; -1: superseded.

    Raises DamagedFile where a site's rows are in no file, or in two.
    """
    keys = _keys(store, shard.sites, annotations.STORED_SITES)
    by_file = [_places(keys, _keys(store, file, schema.STORED_GENOTYPES)[::samples]) for file in files]
    current = np.concatenate([places[places >= 0] for places in by_file])
    if not np.array_equal(np.sort(current), np.arange(len(keys))):
        url = join(store.url, entry_name(shard.name))
        raise DamagedFile(url, "its files have no genotypes, or several, for one site", "delete it, then ")
    return by_file


def _places(keys: npt.NDArray[np.int64], held: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Index of each element of `held` in `keys`; -1 where it is absent."""
    if not len(keys):
        return np.full(len(held), -1)
    order = np.argsort(keys, kind="stable")
    place = order[np.minimum(np.searchsorted(keys, held, sorter=order), len(keys) - 1)]
    return np.where(keys[place] == held, place, -1)


def _keys(store: Store, file: FileEntry, declared: pa.Schema) -> npt.NDArray[np.int64]:
    with parquet.open_table(store, file, declared) as stream:
        table = sealing.reader(stream).read(["key"], use_threads=False)
    return schema.numbers(table["key"])


def _current_rows(
    store: Store, file: FileEntry, columns: Sequence[str], places: npt.NDArray[np.int64], samples: int
) -> Iterator[schema.Genotypes]:
    """A file's rows that are not superseded, _AT_ONCE sites at a time."""
    at = 0
    rows, span = _AT_ONCE * samples, (0, file.rows)
    for table in stream_rows(store, file, schema.STORED_GENOTYPES, columns, rows=rows, span=span):
        is_current = places[at : at + _AT_ONCE] >= 0
        at += _AT_ONCE
        yield table if is_current.all() else table.filter(pa.array(np.repeat(is_current, samples)))


_AT_ONCE = 256
"""Sites read at a time from each of several files that are merged."""


class _Source:
    """Cursor over one file's rows that are not superseded, in site order."""

    def __init__(
        self, places: npt.NDArray[np.int64], tables: Iterator[schema.Genotypes], first: int, samples: int
    ) -> None:
        self.places, self.tables, self.samples = places[places >= 0], tables, samples
        self.ahead = int(np.searchsorted(self.places, first))  # sites before the first requested one
        self.held: list[schema.Genotypes] = []

    def take(self, start: int, stop: int) -> tuple[npt.NDArray[np.int64], schema.Genotypes]:
        """Indices of its sites in a span of the shard's sites, and their rows; spans must be consecutive."""
        first, last = np.searchsorted(self.places, [start, stop])
        skipped, self.ahead = (self.ahead if last > first else 0), (0 if last > first else self.ahead)
        table = self._rows((skipped + int(last - first)) * self.samples)
        return self.places[first:last], table.slice(skipped * self.samples)

    def _rows(self, rows: int) -> schema.Genotypes:
        count = sum(table.num_rows for table in self.held)
        while count < rows or not self.held:
            self.held.append(next(self.tables))
            count += self.held[-1].num_rows
        table = pa.concat_tables(self.held)
        self.held = [table.slice(rows)]
        return table.slice(0, rows)


def _interleaved(sources: Sequence[_Source], start: int, stop: int, samples: int) -> schema.Genotypes:
    taken = [source.take(start, stop) for source in sources]
    order = np.argsort(np.concatenate([places for places, _ in taken]))
    table = pa.concat_tables([table for _, table in taken]).unify_dictionaries()
    return table.take((order[:, None] * samples + np.arange(samples)).ravel())

"""Read the genotypes of callsets of version 3: files with a row for each site and sample."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from genocloud import schema, sealing
from genocloud.callset import parquet
from genocloud.callset.call_rows import Span
from genocloud.callset.layout import DamagedFile, DenseFile, FileEntry, ShardEntry, entry_name
from genocloud.callset.local_genotypes import GenotypeMatrix
from genocloud.storage import Store, join

KEY = schema.SITE_KEY.name


def read_span(
    store: Store, segments: Sequence[DenseFile], places: Sequence[npt.NDArray[np.int64]], columns: Sequence[str], *,
    samples: Sequence[str], span: Span,
) -> GenotypeMatrix:  # fmt: skip
    """Columns of a batch's genotypes at a span of the shard's sites.

    places  of each segment, see `site_places`
    """
    members = len(samples)
    tables, sites = [], []
    for segment, of_file in zip(segments, places, strict=True):
        inside = np.flatnonzero((of_file >= span[0]) & (of_file < span[1]))
        if len(inside):
            rows = (int(inside[0]) * members, (int(inside[-1]) + 1) * members)
            table = _read_rows(store, segment.file, columns, rows)
            tables.append(
                table.filter(pa.array(np.repeat(np.isin(np.arange(inside[0], inside[-1] + 1), inside), members)))
            )
            sites.append(of_file[inside])
    declared = pa.schema([schema.GENOTYPES.field(name) for name in columns])
    distinct = pa.concat_tables([declared.empty_table(), *tables]).unify_dictionaries().combine_chunks()
    order = np.argsort(np.concatenate([np.zeros(0, np.int64), *sites]))
    numbers = (order[:, None] * members + np.arange(members)).astype(np.int32)
    return GenotypeMatrix(samples, distinct, numbers)


def _read_rows(store: Store, file: FileEntry, columns: Sequence[str], rows: Span) -> schema.Genotypes:
    with parquet.open_table(store, file, schema.STORED_GENOTYPES) as stream:
        reader = sealing.reader(stream)
        groups, at = parquet.row_groups(reader.metadata, rows)
        table = reader.read_row_groups(groups, list(columns), use_threads=False)
        return table.slice(rows[0] - at, rows[1] - rows[0])


def site_places(
    store: Store, shard: ShardEntry, segments: Sequence[DenseFile], keys: npt.NDArray[np.int64], samples: int
) -> list[npt.NDArray[np.int64]]:
    """For each of a batch's files, the index among the shard's sites, by key, of each of its sites; -1: superseded.

    Raises DamagedFile where a site's rows are in no file, or in two.
    """
    if not samples:
        return [np.arange(len(keys)), *[np.zeros(0, np.int64)] * (len(segments) - 1)]
    if len(segments) == 1 and segments[0].file.rows == len(keys) * samples:
        return [np.arange(len(keys))]
    by_file = [_places(keys, _keys(store, segment.file)[::samples]) for segment in segments]
    current = np.concatenate([places[places >= 0] for places in by_file])
    if not np.array_equal(np.sort(current), np.arange(len(keys))):
        url = join(store.url, entry_name(shard.name))
        raise DamagedFile(url, "its files have no genotypes, or several, for one site", "delete it, then ")
    return by_file


def _places(keys: npt.NDArray[np.int64], held: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Index of each element of `held` in `keys`; -1 where it is absent."""
    return np.asarray(pc.fill_null(pc.index_in(pa.array(held), value_set=pa.array(keys)), -1)).astype(np.int64)


def _keys(store: Store, file: FileEntry) -> npt.NDArray[np.int64]:
    with parquet.open_table(store, file, schema.STORED_GENOTYPES) as stream:
        return schema.numbers(sealing.reader(stream).read([KEY], use_threads=False)[KEY])

"""Write a callset: shards in any order, by any number of workers; then the manifest, which commits it."""

import hashlib
import json
import logging
import os
from collections.abc import Collection, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Protocol

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from genocloud import annotations, json_digest, schema, sealing
from genocloud.callset import manifest, parquet
from genocloud.callset.call_rows import SitePlaces, Windowed, Windows, split_into, window_of
from genocloud.callset.layout import (
    BATCH_FOLDERS,
    CALLS_FOLDER,
    COMPACTED,
    ENTRIES_FOLDER,
    ENTRY,
    MANIFEST,
    REFERENCE_FOLDER,
    SITES_FOLDER,
    TABLE,
    FileEntry,
    GenotypeFiles,
    SegmentFiles,
    ShardEntry,
    batch_file_name,
    entry_name,
    order_of,
    site_key,
    sites_name,
)
from genocloud.callset.local_genotypes import GenotypeMatrix, SparseGenotypes, localise
from genocloud.callset.reading import Callset
from genocloud.errors import StoreError
from genocloud.regions import Extent
from genocloud.storage import ObjectMissing, Store

_log = logging.getLogger(__name__)

SIZES_AT_ONCE = 16
"""Concurrent requests to the store: a bucket takes some 30 ms for each, and a shard has a file for each batch."""

BatchTables = Mapping[str, schema.Genotypes] | Iterable[tuple[str, schema.Genotypes]]
"""GENOTYPES by batch id: a mapping, or an iterator of pairs so that only one batch's table is in memory."""


class NamedExtent(Protocol):
    """A part of the genome whose name sorts in genome order."""

    @property
    def name(self) -> str:
        """Name of the shard's files."""

    @property
    def extent(self) -> Extent:
        """The bases that the shard owns."""


class BadShard(StoreError):
    """A shard that cannot be part of the callset: incomplete, or made for other samples."""

    def __init__(self, url: str, shard: str, problem: str) -> None:
        self.url, self.shard, self.problem = url, shard, problem
        super().__init__(f"{url}: shard {shard}: {problem}; run genotype again, it makes what is missing")


def find_shard(
    store: Store, shard: NamedExtent, key: str, elsewhere: Collection[str] = (), whole: bool = True
) -> ShardEntry | None:
    """The entry of a shard written earlier with the same settings `key`; None if it must be written.

    None also where the entry is unreadable or of version 3, or a file is missing or damaged. Batches in `elsewhere`
    (stored at other sites) are not checked. `whole` compares the files' sha256, else only their lengths are compared.
    """
    entry = manifest.read_entry(store, entry_name(shard.name))
    if entry is None or entry.is_dense or (entry.key, entry.extent) != (key, shard.extent):
        return None
    tables = entry.without(elsewhere).tables
    with ThreadPoolExecutor(SIZES_AT_ONCE) as pool:
        intact = list(pool.map(lambda file: is_intact(store, file, whole), tables))
    return entry if all(intact) else None


def is_intact(store: Store, file: FileEntry, whole: bool = True) -> bool:
    """Whether a file has its recorded length and, with `whole`, its recorded sha256 (reads all bytes)."""
    try:
        if store.size(file.name) != file.bytes:
            return False
        if not whole:
            return True
        with store.open(file.name) as stream:
            return sealing.sha256_of(stream) == file.sha256
    except ObjectMissing:
        return False


def has_seal(store: Store, file: FileEntry) -> bool:
    """Whether a file has its recorded length and footer; the rest is checked against the footer when it is read.

    Files without a seal, of earlier versions, are read whole.
    """
    if not file.seal:
        return is_intact(store, file)
    try:
        with store.open(file.name) as stream:
            if stream.seek(0, os.SEEK_END) != file.bytes:
                return False
            sealing.check(stream, file.seal)
    except (ObjectMissing, sealing.BadSeal):
        return False
    return True


def write_shard(store: Store, shard: NamedExtent, key: str, sites: schema.Sites, genotypes: BatchTables) -> ShardEntry:
    """Write a shard's tables SITES and, for each batch, GENOTYPES; its entry is written last and marks it complete.

    key  digest of the settings and inputs that determine the tables; see find_shard
    Rows of genotypes are dense: for each site, in order, the batch's samples in a fixed order. They are stored sparse.
    An existing callset is unfinished until the next `commit`. Raises ValueError for other tables, NotACallset where
    there is other data (see claim).
    """
    begin_shard(store, shard)
    pairs = genotypes.items() if isinstance(genotypes, Mapping) else genotypes
    keyed = _keyed(sites)
    files = {
        batch: (write_genotypes(store, shard, batch, keyed, _sparse(batch, keyed, table)),) for batch, table in pairs
    }
    return complete_shard(store, shard, key, keyed, files)


def _sparse(batch: str, sites: schema.StoredSites, table: schema.Genotypes) -> SparseGenotypes:
    """GENOTYPES of a batch at the sites, whose columns `contig`, `pos` and `alts` are used."""
    table = table.unify_dictionaries().combine_chunks()
    samples = _dense_samples(batch, sites, table)
    numbers = np.arange(table.num_rows, dtype=np.int32).reshape(sites.num_rows, len(samples))
    alts = np.asarray(pc.list_value_length(sites["alts"])).astype(np.int32)
    distinct = table.select(schema.GENOTYPES.names[3:])
    return localise(GenotypeMatrix(samples, distinct, numbers), alts)


def _keyed(sites: schema.Sites) -> schema.StoredSites:
    alleles = zip(*(sites[name].to_pylist() for name in ("contig", "pos", "ref", "alts")), strict=True)
    return sites.append_column(schema.SITE_KEY.field, pa.array([site_key(*each) for each in alleles], schema.INT64))


def begin_shard(store: Store, shard: NamedExtent, key: str | None = None) -> None:
    """The first step of `write_shard`: mark the shard and the callset unfinished.

    Damaged files of a shard that was complete with the same settings `key` are deleted, so that none is reused.
    """
    manifest.claim(store)
    entry = manifest.read_entry(store, entry_name(shard.name)) if key is not None else None
    if entry is not None and entry.key == key:
        for file in entry.tables:
            if not is_intact(store, file):
                store.delete(file.name)
    store.delete(COMPACTED)  # else the next compact would publish what is overtaken from here on
    store.delete(MANIFEST)
    store.delete(entry_name(shard.name))


def count_alts(sites: schema.Sites) -> int:
    """Number of ALTs of all SITES."""
    return int(pc.sum(pc.list_value_length(sites["alts"])).as_py() or 0)


def complete_shard(
    store: Store,
    shard: NamedExtent,
    key: str,
    sites: schema.StoredSites,
    genotypes: Mapping[str, Sequence[SegmentFiles]],
    *,
    shares: Mapping[str, Sequence[FileEntry]] | None = None,
) -> ShardEntry:
    """The last step of `write_shard`: write SITES with their keys, then the entry."""
    sites_file = _write(store, sites_name(shard.name), sites, annotations.STORED_SITES)
    entry = ShardEntry(
        name=shard.name,
        extent=shard.extent,
        key=key,
        sites=sites_file,
        genotypes={batch: tuple(each) for batch, each in sorted(genotypes.items())},
        shares={batch: tuple(each) for batch, each in sorted((shares or {}).items())},
        alts=count_alts(sites),
    )
    write_entry(store, entry)
    return entry


def write_entry(store: Store, entry: ShardEntry) -> None:
    """Write a shard's entry, which marks it complete."""
    content = json.dumps(json_digest.sealed_json(entry.as_json())) + "\n"
    store.write(entry_name(entry.name), content.encode())


def write_genotypes(
    store: Store,
    shard: NamedExtent,
    batch: str,
    sites: schema.StoredSites,
    genotypes: SparseGenotypes,
    *,
    segment: str = "",
    windows: Windows | None = None,
) -> GenotypeFiles:
    """A step of `write_shard`: write one batch's genotypes at the sites, of which `contig` and `pos` are used.

    windows  None: those of a segment with all sites of the shard
    """
    windows = windows or Windows.of(sites.num_rows, window_of(len(genotypes.samples)))
    order = order_of(genotypes.samples) if genotypes.samples else ""

    def written(folder: str, rows: Windowed, declared: pa.Schema) -> FileEntry:
        name = batch_file_name(folder, batch, shard.name, segment)
        return _write(store, name, rows.table, declared, groups=rows.rows.tolist(), order=order)

    calls, reference = split_into(genotypes, SitePlaces.of(sites), windows)
    return GenotypeFiles(
        calls=written(CALLS_FOLDER, calls, schema.CALLS),
        reference=written(REFERENCE_FOLDER, reference, schema.REFERENCE),
        sites=sites.num_rows,
    )


def write_calls(store: Store, file: FileEntry, calls: schema.CallRows, groups: Sequence[int]) -> FileEntry:
    """Write other rows of CALLS in the place of a file's, so many in each row group."""
    return _write(store, file.name, calls, schema.CALLS, groups=groups, order=file.order)


def _dense_samples(batch: str, sites: schema.StoredSites, table: schema.Genotypes) -> list[str]:
    """The batch's samples in order; raises ValueError unless every site has exactly these, in this order."""
    if not table.num_rows:
        return []
    stride, rest = divmod(table.num_rows, max(sites.num_rows, 1))
    column = table["sample"].combine_chunks()
    codes = schema.numbers(column.indices)
    if rest or not np.array_equal(codes, np.tile(codes[:stride], sites.num_rows)):
        raise ValueError(
            f"batch {batch}: {table.num_rows} rows are not the same samples at each of {sites.num_rows} sites"
        )
    if not np.array_equal(schema.numbers(table["pos"]), np.repeat(schema.numbers(sites["pos"]), stride)):
        raise ValueError(f"batch {batch}: genotypes stand at other positions than the sites")
    samples: list[str] = column[:stride].to_pylist()
    return samples


def _write(
    store: Store,
    name: str,
    table: pa.Table,
    declared: pa.Schema,
    *,
    groups: Sequence[int] | None = None,
    order: str = "",
) -> FileEntry:
    data, seal = parquet.encode(table, declared, groups)
    store.write(name, data)
    return FileEntry(
        name=name, rows=table.num_rows, bytes=len(data), sha256=hashlib.sha256(data).hexdigest(), order=order, seal=seal
    )


def commit(store: Store, description: manifest.Description, shards: Iterable[ShardEntry]) -> Callset:
    """Commit the written shards as a callset: delete files that belong to none of them, then write the manifest.

    Files that genocloud did not write are kept, with a warning in the log. Raises BadShard if a shard lacks a batch or
    a file, or has other samples than the description; such a shard is marked incomplete, so that the next run writes it
    again. Raises NotACallset where there is other data (see claim).
    """
    manifest.claim(store)
    ordered = tuple(sorted(shards, key=lambda entry: entry.extent))
    present = frozenset(_present(store))
    for entry in ordered:
        problem = _problem(description, entry, present)
        if problem:
            store.delete(entry_name(entry.name))
            raise BadShard(store.url, entry.name, problem)
    remove_strays(store, description, ordered)
    manifest.publish(store, description, ordered)
    return Callset(store=store, description=description, shards=ordered)


def _present(store: Store) -> list[str]:
    return [name for folder in _FOLDERS for name in store.list(f"{folder}/")]


def remove_strays(store: Store, description: manifest.Description, shards: Iterable[ShardEntry]) -> None:
    """Delete files that belong to none of a callset's shards, and a manifest that compact did not come to publish.

    What genocloud did not write is kept, with a warning.
    """
    here = {name for entry in shards for name in entry.without(description.stores).files}
    for name in sorted(set(_present(store)) - here):
        if ENTRY.fullmatch(name) or TABLE.fullmatch(name):
            _log.info("%s: removing %s, which belongs to no shard of the callset", store.url, name)
            store.delete(name)
        else:
            _log.warning("%s: leaving %s, which genocloud did not write", store.url, name)
    store.delete(COMPACTED)


_FOLDERS = (ENTRIES_FOLDER, *BATCH_FOLDERS, SITES_FOLDER)


def _problem(description: manifest.Description, entry: ShardEntry, present: frozenset[str]) -> str:
    """Why the shard cannot be part of the callset; empty if it can be."""
    for name in sorted(set(entry.without(description.stores).files) - present):
        return f"{name} is missing"
    if set(entry.genotypes) != set(description.batches):
        return f"has the batches {sorted(entry.genotypes)}, not {sorted(description.batches)}"
    for batch, samples in description.batches.items():
        segments, order = entry.genotypes[batch], order_of(samples)
        sites = sum(each.sites for each in segments if isinstance(each, GenotypeFiles))
        files = [file for each in segments for file in each.tables if file.order]
        if (samples and sites != entry.sites.rows) or any(file.order != order for file in files):
            return f"batch {batch} holds other samples than the callset"
    return ""

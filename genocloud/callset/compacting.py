"""Rewrite a callset of version 3, which has a row for each site and sample, as a sparse one, beside what it has."""

import json
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace

import pyarrow as pa
import pyarrow.compute as pc

from genocloud import annotations, json_digest, schema, sealing
from genocloud.callset import manifest, parquet
from genocloud.callset.layout import (
    COMPACTED,
    NOT_JSON,
    SHARES_FOLDER,
    DamagedFile,
    FileEntry,
    GenotypeFiles,
    ShardEntry,
    batch_file_name,
)
from genocloud.callset.reading import Callset, open_callset
from genocloud.callset.segments import METADATA_KEY, PLACES, read_shares, write_shares
from genocloud.callset.shard_cells import ShardCells
from genocloud.callset.stored_shares import packed
from genocloud.callset.writing import remove_strays, write_entry, write_genotypes
from genocloud.errors import InputError
from genocloud.storage import Store, join, open_store


class GenotypesElsewhere(InputError):
    """A callset whose genotypes lie at several locations: those of the others are not rewritten here."""

    def __init__(self, url: str) -> None:
        self.url = url
        super().__init__(f"{url}: its genotypes lie at several sites; run genocloud hybrid again, it writes them anew")


@dataclass(frozen=True, slots=True, kw_only=True)
class CompactedShard:
    """A shard's sparse files by batch, and how many genotypes were written."""

    shard: ShardEntry
    genotypes: dict[str, GenotypeFiles]
    cells: int


def compact_shard(callset: Callset) -> CompactedShard:
    """Write the sparse files of a callset of one shard; what the callset has stays as it is. Raises DamagedFile."""
    (shard,), store, members = callset.shards, callset.store, callset.description.batches
    cells = ShardCells(store, shard, members, lambda _: nullcontext(store))
    sites, written, count = _sites(store, shard), {}, 0
    for batch in shard.genotypes:
        genotypes = cells.read(batch, cells.whole, schema.GENOTYPES.names[3:])
        written[batch] = write_genotypes(store, shard, batch, sites, genotypes)
        count += int((genotypes.runs.stops - genotypes.runs.firsts).sum())
    return CompactedShard(shard=shard, genotypes=written, cells=count)


def was_compacted(url: str) -> bool:
    """Whether a callset's sparse files are all written, and its manifest may not be there yet."""
    return open_store(url).exists(COMPACTED)


def open_dense(url: str) -> Callset:
    """The callset to be compacted; one whose rewriting was killed just before its end is finished first.

    Raises what `open_callset` raises, and GenotypesElsewhere.
    """
    store = open_store(url)
    if was_compacted(url):
        _publish(store)
    callset = open_callset(url)
    if callset.description.stores:
        raise GenotypesElsewhere(url)
    return callset


def finish_compaction(callset: Callset, shards: Sequence[CompactedShard]) -> Callset:
    """Make the sparse files the callset's: shares and entries, then the manifest; then remove the dense files.

    Shares and entries are small, and reading genotypes does not touch them. Raises DamagedFile.
    """
    store, entries = callset.store, {shard.name: shard for shard in callset.shards}
    if not shards:
        remove_strays(store, callset.description, callset.shards)
        return callset
    for made in shards:
        sites = _sites(store, made.shard)
        shares = {
            batch: (_shares(store, made.shard, batch, sites, made.genotypes[batch]),) for batch in made.shard.shares
        }
        genotypes = {batch: (files,) for batch, files in made.genotypes.items()}
        entries[made.shard.name] = replace(made.shard, genotypes=genotypes, shares=shares)
        write_entry(store, entries[made.shard.name])
    store.write(COMPACTED, manifest.encode(callset.description, tuple(entries.values())))
    _publish(store)
    return open_callset(store.url)


def _publish(store: Store) -> None:
    """Publish the manifest whose files are all written; the next run finishes a killed one. Raises DamagedFile."""
    try:
        description, shards = manifest.decode(json_digest.open_json(store.read(COMPACTED)))
    except NOT_JSON as error:
        raise DamagedFile(join(store.url, COMPACTED), f"is damaged ({error!r})") from error
    manifest.publish(store, description, shards)
    remove_strays(store, description, shards)


def _sites(store: Store, shard: ShardEntry) -> schema.StoredSites:
    with parquet.open_table(store, shard.sites, annotations.STORED_SITES) as stream:
        return sealing.reader(stream).read(PLACES, use_threads=False)


def _shares(
    store: Store, shard: ShardEntry, batch: str, sites: schema.StoredSites, genotypes: GenotypeFiles
) -> FileEntry:
    """Write a batch's shares as those of one segment; what a killed run has written already stays."""
    name = batch_file_name(SHARES_FOLDER, batch, shard.name)
    written = read_shares(store, name)
    if written is not None and written.genotypes == genotypes:
        return written.shares
    tables = []
    for file in shard.shares[batch]:
        with parquet.open_table(store, file, None) as stream:
            tables.append(sealing.reader(stream).read(use_threads=False))
    made = json.loads(tables[0].schema.metadata[METADATA_KEY])["made"]
    table = pa.concat_tables([table.replace_schema_metadata(None) for table in tables])
    rows = pc.index_in(sites["key"], value_set=table["key"].combine_chunks())
    if rows.null_count:
        raise DamagedFile(join(store.url, shard.shares[batch][0].name), "does not go with the callset's sites")
    stored = packed(table.take(rows).drop_columns(["key"]), None)  # the genotypes are not read again
    return write_shares(store, name, sites, stored, genotypes=genotypes, made=made, label="", by_genotypes=False).shares

"""Verify a callset's files against its manifest; check whether it holds a sample."""

import hashlib
import io
from collections.abc import Collection, Sequence

import numpy as np
import pyarrow as pa

from genocloud import annotations, schema, sealing
from genocloud.callset import manifest, parquet
from genocloud.callset.layout import (
    GENOTYPES_FOLDER,
    SHARES_FOLDER,
    DamagedFile,
    FileEntry,
    ShardEntry,
    entry_name,
)
from genocloud.callset.streaming import site_places
from genocloud.errors import scarcity
from genocloud.storage import ObjectMissing, Store, join


def check_shard(store: Store, shard: ShardEntry, elsewhere: Collection[str] = ()) -> list[DamagedFile]:
    """Damage in a shard's files: each is read whole, and its bytes, checksum, columns and rows are compared.

    Batches in `elsewhere` (stored at other sites) are skipped.
    """
    wrong = _table_problems(store, shard.without(elsewhere))
    stored_entry = manifest.read_entry(store, entry_name(shard.name))
    if stored_entry != shard:
        wrong.append(
            DamagedFile(join(store.url, entry_name(shard.name)), "is missing, or is not what the manifest has")
        )
    return wrong


def _table_problems(store: Store, shard: ShardEntry) -> list[DamagedFile]:
    problems = [(file, _file_problem(store, file, declared)) for file, declared in _declared(shard)]
    wrong = [DamagedFile(join(store.url, file.name), problem) for file, problem in problems if problem]
    return wrong or _site_problems(store, shard)


def _declared(shard: ShardEntry) -> list[tuple[FileEntry, pa.Schema | None]]:
    """Every table with its expected schema; None for shares, whose columns depend on the model."""
    genotypes = [(file, schema.STORED_GENOTYPES) for files in shard.genotypes.values() for file in files]
    shares = [(file, None) for files in shard.shares.values() for file in files]
    return [(shard.sites, annotations.STORED_SITES), *genotypes, *shares]


def _site_problems(store: Store, shard: ShardEntry) -> list[DamagedFile]:
    """Sites without exactly one row for each sample of each batch."""
    wrong = []
    for files in shard.genotypes.values():
        try:
            if files[0].rows:
                site_places(store, shard, files, _samples(store, files))
        except DamagedFile as error:
            wrong.append(error)
    return wrong


def _samples(store: Store, files: Sequence[FileEntry]) -> int:
    """Number of samples in a batch: the rows of its first site."""
    with parquet.open_table(store, files[0], schema.STORED_GENOTYPES) as stream:
        keys = schema.numbers(sealing.reader(stream).read(["key"], use_threads=False)["key"])
    return int(np.count_nonzero(keys == keys[0]))


def _file_problem(store: Store, file: FileEntry, declared: pa.Schema | None) -> str | None:
    try:
        data = store.read(file.name)
    except ObjectMissing:
        return "is missing"
    if len(data) != file.bytes:
        return f"holds {len(data):,} bytes, not the {file.bytes:,} that were written"
    if hashlib.sha256(data).hexdigest() != file.sha256:
        return "its sha256 is not the one that the manifest has"
    try:
        table = sealing.reader(io.BytesIO(data)).read(use_threads=False)
    except (pa.ArrowException, OSError, MemoryError) as error:
        if scarce := scarcity(error):
            raise scarce from error
        return f"cannot be read ({error})"
    return (
        None
        if (table.num_rows, table.schema) == (file.rows, declared or table.schema)
        else "has other rows or columns than were written"
    )


def holds(store: Store, names: Collection[str], batches: Collection[str]) -> bool:
    """Whether a callset, finished or not, has genotypes of one of the batches, or a sample with one of the names.

    Raises DamagedFile or OtherVersion where its manifest cannot be read.
    """
    folders = GENOTYPES_FOLDER, SHARES_FOLDER
    if any(store.list(f"{folder}/{batch}/") for folder in folders for batch in batches):
        return True
    try:
        return bool(set(names) & set(manifest.read(store)[0].samples))
    except manifest.NoCallset:
        return False

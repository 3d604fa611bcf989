"""Verify a callset's files against its manifest; check whether it holds a sample."""

import hashlib
import io
from collections.abc import Collection, Mapping, Sequence
from contextlib import nullcontext

import pyarrow as pa

from genocloud import annotations, schema, sealing
from genocloud.callset import manifest, parquet
from genocloud.callset.call_rows import window_of
from genocloud.callset.filter_tables import FilterSet
from genocloud.callset.layout import (
    BATCH_FOLDERS,
    DamagedFile,
    DenseFile,
    FileEntry,
    SegmentFiles,
    ShardEntry,
    entry_name,
)
from genocloud.callset.shard_cells import ShardCells
from genocloud.errors import scarcity
from genocloud.storage import ObjectMissing, Store, join


def check_shard(
    store: Store, shard: ShardEntry, members: Mapping[str, Sequence[str]], elsewhere: Collection[str] = ()
) -> list[DamagedFile]:
    """Damage in a shard's files: each is read whole, and its bytes, checksum, columns and rows are compared.

    members  the samples of each batch; those in `elsewhere` (stored at other sites) are skipped
    """
    wrong = _table_problems(store, shard.without(elsewhere), members)
    stored_entry = manifest.read_entry(store, entry_name(shard.name))
    if stored_entry != shard:
        wrong.append(
            DamagedFile(join(store.url, entry_name(shard.name)), "is missing, or is not what the manifest has")
        )
    return wrong


def check_filters(store: Store, filters: FilterSet) -> list[DamagedFile]:
    """Damage in the tables of a callset's filters, each read whole."""
    problems = [(file, _file_problem(store, file, schema.FILTERS)) for file in filters.files.values()]
    return [DamagedFile(join(store.url, file.name), problem) for file, problem in problems if problem]


def _table_problems(store: Store, shard: ShardEntry, members: Mapping[str, Sequence[str]]) -> list[DamagedFile]:
    problems = [(file, _file_problem(store, file, declared)) for file, declared in _declared(shard)]
    wrong = [DamagedFile(join(store.url, file.name), problem) for file, problem in problems if problem]
    return wrong or _cell_problems(store, shard, members)


def _declared(shard: ShardEntry) -> list[tuple[FileEntry, pa.Schema | None]]:
    """Every table with its expected schema; None for shares, whose columns depend on the model."""
    shares = [(file, None) for files in shard.shares.values() for file in files]
    genotypes = [each for segments in shard.genotypes.values() for segment in segments for each in _of(segment)]
    return [(shard.sites, annotations.STORED_SITES), *genotypes, *shares]


def _of(segment: SegmentFiles) -> list[tuple[FileEntry, pa.Schema]]:
    if isinstance(segment, DenseFile):
        return [(segment.file, schema.STORED_GENOTYPES)]
    return [(segment.calls, schema.CALLS), (segment.reference, schema.REFERENCE)]


def _cell_problems(store: Store, shard: ShardEntry, members: Mapping[str, Sequence[str]]) -> list[DamagedFile]:
    """Batches that do not have each sample's genotype at each site once."""
    wrong = []
    cells = ShardCells(store, shard, members, lambda _: nullcontext(store))
    sites = len(cells.places)
    for batch in shard.genotypes:
        step = window_of(len(members[batch]))
        try:
            for start in range(0, sites, step):
                cells.read(batch, (start, min(start + step, sites)), ["GT"])
        except DamagedFile as error:
            wrong.append(error)
    return wrong


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
    same_columns = declared is None or parquet.has_columns(table.schema, declared)
    return None if table.num_rows == file.rows and same_columns else "has other rows or columns than were written"


def holds(store: Store, names: Collection[str], batches: Collection[str]) -> bool:
    """Whether a callset, finished or not, has genotypes of one of the batches, or a sample with one of the names.

    Raises DamagedFile or OtherVersion where its manifest cannot be read.
    """
    if any(store.list(f"{folder}/{batch}/") for folder in BATCH_FOLDERS for batch in batches):
        return True
    try:
        return bool(set(names) & set(manifest.read(store)[0].samples))
    except manifest.NoCallset:
        return False

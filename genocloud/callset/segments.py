"""Segments: genotypes of a batch in a shard that were written together, found again when the callset grows."""

import hashlib
import io
import json
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from genocloud import schema, sealing
from genocloud.callset import parquet
from genocloud.callset.layout import (
    GENOTYPES_FOLDER,
    NOT_JSON,
    SHARES_FOLDER,
    DamagedFile,
    FileEntry,
    as_json,
    shares_name,
    sites_name,
)
from genocloud.callset.writing import Shard, has_seal, write_genotypes
from genocloud.errors import scarcity
from genocloud.storage import ObjectMissing, Store

MOST_SEGMENTS = 8
"""Files of a batch in a shard; a callset that has grown so often is written anew there."""

MOST_SUPERSEDED = 0.25
"""Share of a batch's rows in a shard that may be superseded before they are written anew."""

_METADATA_KEY = b"genocloud:segment"


@dataclass(frozen=True, slots=True)
class Segment:
    """Genotypes that were written together, and what they add to their sites' annotations.

    label   what their files' names have behind the shard's; empty where all its sites are in one
    made    names what they follow from besides the sites' alleles: the samples' records, the model
    table   the shares, a row a site: `key` (int64), and what the writer put there
    """

    label: str
    made: str
    genotypes: FileEntry
    shares: FileEntry
    table: pa.Table

    @property
    def keys(self) -> npt.NDArray[np.int64]:
        """The keys of its sites, (sites,)."""
        return schema.numbers(self.table["key"])


def find_segments(store: Store, shard: Shard, batch: str, made: str, keys: npt.NDArray[np.int64]) -> list[Segment]:
    """What was written earlier of a batch in a shard, also by a killed run, and holds sites with some of the keys.

    No site is in two of them. None where they are too many, or hold too much besides: then write them anew. Of their
    genotypes no more than the footer is read: on a bucket all else costs, and is compared when it is used.
    """
    candidates = sorted(_segments(store, shard, batch, made), key=lambda one: (-one.genotypes.rows, one.genotypes.name))
    chosen: list[Segment] = []
    held = np.zeros(0, np.int64)
    for segment in candidates:
        mine = np.intersect1d(segment.keys, keys)
        if len(mine) and not len(np.intersect1d(mine, held)):
            chosen.append(segment)
            held = np.concatenate([held, mine])
    rows = sum(len(segment.keys) for segment in chosen)
    return [] if len(chosen) > MOST_SEGMENTS or rows - len(held) > MOST_SUPERSEDED * rows else chosen


def known_sites(store: Store, shard: Shard) -> pa.Table:
    """Columns `contig`, `pos` and `alts` of the sites that an earlier run has written for a shard; a hint, no more.

    None where there is nothing that can be read.
    """
    columns = ["contig", "pos", "alts"]
    try:
        with store.open(sites_name(shard.name)) as stream:
            table = sealing.reader(stream).read(columns, use_threads=False)
        return table.cast(schema.SITES.empty_table().select(columns).schema)
    except (ObjectMissing, pa.ArrowException, OSError):
        return schema.SITES.empty_table().select(columns)


def _segments(store: Store, shard: Shard, batch: str, made: str) -> Iterator[Segment]:
    for name in store.list(f"{SHARES_FOLDER}/{batch}/{shard.name}."):
        segment = _read(store, name)
        if segment and segment.made == made and has_seal(store, segment.genotypes):
            yield segment


def _read(store: Store, name: str) -> Segment | None:
    """The segment whose shares have this name; None where they are gone or damaged."""
    try:
        data = store.read(name)
        table = sealing.reader(io.BytesIO(data)).read(use_threads=False)
        metadata = json.loads(table.schema.metadata[_METADATA_KEY])
        genotypes = FileEntry(**metadata["genotypes"])
        if genotypes.name != name.replace(SHARES_FOLDER, GENOTYPES_FOLDER, 1):  # another file's bytes under this name
            return None
    except (ObjectMissing, pa.ArrowException, OSError, *NOT_JSON, MemoryError) as error:
        if scarce := scarcity(error):
            raise scarce from error
        return None
    return Segment(metadata["label"], metadata["made"], genotypes, _entry(name, table, data), table)


def _entry(name: str, table: pa.Table, data: bytes) -> FileEntry:
    digest = hashlib.sha256(data).hexdigest()
    return FileEntry(name, table.num_rows, len(data), digest, seal=sealing.seal_of(data))


def label_of(keys: npt.NDArray[np.int64]) -> str:
    """What tells a segment from others that stay beside it."""
    return hashlib.sha256(keys.tobytes()).hexdigest()[:12]


def write_segment(
    store: Store,
    shard: Shard,
    batch: str,
    made: str,
    places: pa.Table,
    genotypes: pa.Table,
    shares: pa.Table,
    label: str = "",
) -> Segment:
    """Write GENOTYPES at some sites, and last the shares, which make the segment one.

    places  `pos` and `key` of the sites; shares: a row for each; label: see `label_of`
    """
    name = shares_name(batch, shard.name, label)
    store.delete(name)
    written = write_genotypes(store, shard, batch, places, genotypes, label)
    metadata = {_METADATA_KEY: json.dumps({"label": label, "made": made, "genotypes": as_json(written)})}
    table = shares.add_column(0, "key", places["key"]).replace_schema_metadata(metadata)
    sink = io.BytesIO()
    sealing.write_sealed(table, sink, compression="zstd", use_dictionary=False)
    data = sink.getvalue()
    store.write(name, data)
    return Segment(label, made, written, _entry(name, table, data), table)


def only(store: Store, shard: Shard, batch: str, segment: Segment, keys: npt.NDArray[np.int64]) -> Segment:
    """The segment, written again with only the rows at sites that have one of the keys.

    Raises DamagedFile; the segment is then none any more, so that it is not found again.
    """
    stays = np.isin(segment.keys, keys)
    if stays.all():
        return segment
    try:
        with parquet.open_table(store, segment.genotypes, schema.STORED_GENOTYPES) as stream:
            table = sealing.reader(stream).read(use_threads=False)
    except DamagedFile:
        store.delete(segment.shares.name)
        raise
    members = table.num_rows // len(stays)
    table, shares = table.filter(pa.array(np.repeat(stays, members))), segment.table.filter(pa.array(stays))
    places = pa.table({"pos": table["pos"].take(np.arange(len(shares)) * members), "key": shares["key"]})
    return write_segment(store, shard, batch, segment.made, places, table, shares.drop_columns(["key"]), segment.label)

"""Segments: genotypes of a batch in a shard written together, reused when the callset grows."""

import hashlib
import io
import json
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from genocloud import annotations, schema, sealing
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
from genocloud.callset.writing import NamedExtent, has_seal, write_genotypes
from genocloud.errors import scarcity
from genocloud.storage import ObjectMissing, Store

MOST_SEGMENTS = 8
"""Most files of a batch in a shard; with more, the shard's genotypes are rewritten."""

MOST_SUPERSEDED = 0.25
"""Largest share of superseded rows of a batch in a shard; with more, the shard's genotypes are rewritten."""

_METADATA_KEY = b"genocloud:segment"


@dataclass(frozen=True, slots=True, kw_only=True)
class Segment:
    """Genotypes written together, and their contributions (shares) to their sites' annotations.

    label   suffix of the file names after the shard's; empty where one segment has all sites
    made    digest of the inputs other than the sites' alleles: the samples' records, the model
    table   the shares, one row a site: `key` (int64), then the writer's columns
    """

    label: str
    made: str
    genotypes: FileEntry
    shares: FileEntry
    table: schema.Shares

    @property
    def keys(self) -> npt.NDArray[np.int64]:
        """Keys of its sites, (sites,) int64."""
        return schema.numbers(self.table["key"])


def find_segments(
    store: Store, shard: NamedExtent, batch: str, made: str, keys: npt.NDArray[np.int64]
) -> list[Segment]:
    """Reusable segments of a batch in a shard, also of a killed run, with sites that have some of the keys.

    No site is in two of them. Empty where there are too many segments, or too many of their rows are superseded: then
    rewrite. Only the footers of genotypes are read; the rest is checked when it is used.
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


def known_sites(store: Store, shard: NamedExtent) -> schema.Sites:
    """Columns `contig`, `pos` and `alts` of the sites that an earlier run wrote for a shard; a hint only.

    Without rows where nothing can be read.
    """
    columns = ["contig", "pos", "alts"]
    try:
        with store.open(sites_name(shard.name)) as stream:
            table = sealing.reader(stream).read(columns, use_threads=False)
        return table.cast(annotations.SITES.empty_table().select(columns).schema)
    except (ObjectMissing, pa.ArrowException, OSError):
        return annotations.SITES.empty_table().select(columns)


def _segments(store: Store, shard: NamedExtent, batch: str, made: str) -> Iterator[Segment]:
    for name in store.list(f"{SHARES_FOLDER}/{batch}/{shard.name}."):
        segment = _read(store, name)
        if segment and segment.made == made and has_seal(store, segment.genotypes):
            yield segment


def _read(store: Store, name: str) -> Segment | None:
    """The segment whose shares have this name; None where they are missing or damaged."""
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
    return Segment(
        label=metadata["label"],
        made=metadata["made"],
        genotypes=genotypes,
        shares=_entry(name, table, data),
        table=table,
    )


def _entry(name: str, table: pa.Table, data: bytes) -> FileEntry:
    digest = hashlib.sha256(data).hexdigest()
    return FileEntry(name=name, rows=table.num_rows, bytes=len(data), sha256=digest, seal=sealing.seal_of(data))


def label_of(keys: npt.NDArray[np.int64]) -> str:
    """Label of a segment that is added beside others: a digest of its keys."""
    return hashlib.sha256(keys.tobytes()).hexdigest()[:12]


@dataclass(frozen=True, slots=True, kw_only=True)
class SegmentTables:
    """What a segment is written from: `pos` and `key` of its sites, GENOTYPES there, and a row of shares a site."""

    places: schema.StoredSites
    genotypes: schema.Genotypes
    shares: schema.Shares


def write_segment(
    store: Store, shard: NamedExtent, batch: str, tables: SegmentTables, *, made: str, label: str = ""
) -> Segment:
    """Write a segment's genotypes, then its shares, which mark the segment complete.

    made   as in Segment
    label  see `label_of`
    """
    name = shares_name(batch, shard.name, label)
    store.delete(name)
    written = write_genotypes(store, shard, batch, tables.places, tables.genotypes, segment=label)
    metadata = {_METADATA_KEY: json.dumps({"label": label, "made": made, "genotypes": as_json(written)})}
    table = tables.shares.add_column(0, "key", tables.places["key"]).replace_schema_metadata(metadata)
    sink = io.BytesIO()
    sealing.write_sealed(table, sink, compression="zstd", use_dictionary=False)
    data = sink.getvalue()
    store.write(name, data)
    return Segment(label=label, made=made, genotypes=written, shares=_entry(name, table, data), table=table)


def keep_sites(store: Store, shard: NamedExtent, batch: str, segment: Segment, keys: npt.NDArray[np.int64]) -> Segment:
    """The segment, rewritten with only the rows at sites that have one of the keys.

    Raises DamagedFile; the segment is then deleted, so that it is not reused.
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
    tables = SegmentTables(places=places, genotypes=table, shares=shares.drop_columns(["key"]))
    return write_segment(store, shard, batch, tables, made=segment.made, label=segment.label)

"""Segments: genotypes of a batch at sites of a shard, reused when the callset grows; a finished one has all sites."""

import hashlib
import io
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from genocloud import annotations, schema, sealing
from genocloud.callset.call_rows import SitePlaces
from genocloud.callset.layout import (
    CALLS_FOLDER,
    NOT_JSON,
    REFERENCE_FOLDER,
    SHARES_FOLDER,
    SITES_FOLDER,
    DamagedFile,
    FileEntry,
    GenotypeFiles,
    ShardEntry,
    batch_file_name,
    sites_name,
)
from genocloud.callset.local_genotypes import SparseGenotypes
from genocloud.callset.reached_sites import merge_sites
from genocloud.callset.shard_cells import read_segment
from genocloud.callset.stored_shares import Sums, inbreeding_of, packed, unpacked
from genocloud.callset.writing import NamedExtent, has_seal, is_intact, write_genotypes
from genocloud.errors import scarcity
from genocloud.kernels.cell_runs import at_sites
from genocloud.storage import ObjectMissing, Store, join

METADATA_KEY = b"genocloud:segment"

PLACES = ["contig", "pos", schema.SITE_KEY.name]
"""The first columns of shares: which sites a segment has."""

GONE = 0
"""The key in `places` of sites that a segment had: no row of CALLS stands at them any more. No site's own key is 0."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Segment:
    """Genotypes written together, and their contributions (shares) to their sites' annotations.

    label   suffix of the file names after the shard's; empty where one segment has all sites
    made    digest of the inputs other than the sites' alleles: the samples' records, the model
    by_genotypes  whether what the genotypes say is taken off the shares
    places  `contig`, `pos` and `key` (int64) of its sites
    data    the shares' file, of which nothing else is decoded before it is needed
    """

    label: str
    made: str
    genotypes: GenotypeFiles
    shares: FileEntry
    by_genotypes: bool
    places: schema.StoredSites
    data: bytes

    @property
    def stored(self) -> schema.StoredShares:
        """The shares as the file holds them: `load_segment` makes them what they were."""
        table = sealing.reader(io.BytesIO(self.data)).read(use_threads=False)
        return table.replace_schema_metadata(None).drop_columns(PLACES)

    @property
    def keys(self) -> npt.NDArray[np.int64]:
        """Keys of its sites, (sites,) int64."""
        return schema.numbers(self.places["key"])


def find_segments(
    store: Store, shard: NamedExtent, batch: str, made: str, keys: npt.NDArray[np.int64]
) -> list[Segment]:
    """Reusable segments of a batch in a shard, also of a killed run, with sites that have some of the keys.

    No site is in two of them. Only the footers of genotypes are read; the rest is checked by `load_segment`.
    """
    candidates = sorted(_segments(store, shard, batch, made), key=lambda one: (-one.genotypes.sites, one.label))
    chosen: list[Segment] = []
    held = np.zeros(0, np.int64)
    for segment in candidates:
        mine = segment.keys[schema.are_among(segment.keys, keys)]
        if len(mine) and not schema.are_among(mine, held).any():
            chosen.append(segment)
            held = np.concatenate([held, mine])
    return chosen


def written_shards(store: Store) -> list[str]:
    """Names of the shards that an earlier run wrote, also one that was killed; a hint only."""
    return [name.removeprefix(f"{SITES_FOLDER}/").removesuffix(".parquet") for name in store.list(f"{SITES_FOLDER}/")]


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
        segment = read_shares(store, name)
        if segment and segment.made == made and all(has_seal(store, file) for file in segment.genotypes.tables):
            yield segment


def read_shares(store: Store, name: str) -> Segment | None:
    """The segment whose shares have this name; None where they are missing or damaged."""
    try:
        data = store.read(name)
        file = _verified(data)
        metadata = json.loads(file.metadata.metadata[METADATA_KEY])
        genotypes = GenotypeFiles.from_json(metadata["genotypes"])
        names = [name.replace(SHARES_FOLDER, folder, 1) for folder in (CALLS_FOLDER, REFERENCE_FOLDER)]
        if [file.name for file in genotypes.tables] != names:  # another file's bytes under this name
            return None
        places = file.read(PLACES, use_threads=False).replace_schema_metadata(None)
    except (ObjectMissing, pa.ArrowException, OSError, *NOT_JSON, MemoryError) as error:
        if scarce := scarcity(error):
            raise scarce from error
        return None
    return Segment(
        label=metadata["label"],
        made=metadata["made"],
        genotypes=genotypes,
        shares=_entry(name, places, data),
        by_genotypes=metadata["by_genotypes"],
        places=places,
        data=data,
    )


def _verified(data: bytes) -> sealing.ParquetFile:
    """A file of shares, all of whose bytes are what was written. Raises BadSeal."""
    if not sealing.seal_of(data):
        raise sealing.BadSeal("it has no checksums")
    checked = sealing.check(io.BytesIO(data))
    checked.read()
    return sealing.reader(checked)


def read_stored_shares(
    store: Store, shard: ShardEntry, batch: str, keys: npt.NDArray[np.int64]
) -> schema.Shares | None:
    """A batch's SHARES of the shard's sites, in the order of their keys, but for `inbreeding`, which is not restored.

    None where the shard has none, or in the form of version 3. Raises DamagedFile.
    """
    files = shard.shares.get(batch, ())
    if shard.is_dense or not files:
        return None
    segments = []
    for file in files:
        segment = read_shares(store, file.name)
        if segment is None:
            raise DamagedFile(join(store.url, file.name), "is missing or damaged")
        segments.append(segment)
    rows = pa.concat_tables([unpacked(segment.stored, None) for segment in segments])
    held = np.concatenate([segment.keys for segment in segments])
    places = pc.index_in(pa.array(keys), value_set=pa.array(held))
    if places.null_count:
        raise DamagedFile(join(store.url, files[0].name), "lacks sites of its shard")
    return rows.take(places)


def _entry(name: str, table: pa.Table, data: bytes) -> FileEntry:
    digest = hashlib.sha256(data).hexdigest()
    return FileEntry(name=name, rows=table.num_rows, bytes=len(data), sha256=digest, seal=sealing.seal_of(data))


def label_of(keys: npt.NDArray[np.int64]) -> str:
    """Label of a segment that is added beside others: a digest of its keys."""
    return hashlib.sha256(keys.tobytes()).hexdigest()[:12]


@dataclass(frozen=True, slots=True, kw_only=True)
class SegmentTables:
    """What a segment is written from: `contig`, `pos`, `key` of its sites, genotypes there, a row of shares a site.

    inbreeding  see `inbreeding_of`: a site's is the same in each segment
    """

    places: schema.StoredSites
    genotypes: SparseGenotypes
    shares: schema.Shares
    inbreeding: Sums

    @classmethod
    def of(cls, places: schema.StoredSites, genotypes: SparseGenotypes, shares: schema.Shares) -> "SegmentTables":
        """Tables of genotypes that no segment has."""
        return cls(places=places, genotypes=genotypes, shares=shares, inbreeding=inbreeding_of(genotypes))


def write_segment(
    store: Store, shard: NamedExtent, batch: str, tables: SegmentTables, *, made: str, label: str = ""
) -> Segment:
    """Write a segment's genotypes, then its shares, which mark the segment complete.

    made   as in Segment
    label  see `label_of`
    """
    name = batch_file_name(SHARES_FOLDER, batch, shard.name, label)
    store.delete(name)
    places = tables.places.select(PLACES)
    written = write_genotypes(store, shard, batch, places, tables.genotypes, segment=label)
    stored = packed(tables.shares, tables.inbreeding)
    return write_shares(store, name, places, stored, genotypes=written, made=made, label=label)


def write_shares(
    store: Store,
    name: str,
    places: schema.StoredSites,
    stored: schema.StoredShares,
    *,
    genotypes: GenotypeFiles,
    made: str,
    label: str,
    by_genotypes: bool = True,
) -> Segment:
    """The last step of `write_segment`: write `contig`, `pos` and `key` of a segment's sites, and their shares."""
    values = {"label": label, "made": made, "genotypes": genotypes.as_json(), "by_genotypes": by_genotypes}
    table = pa.table([*places.columns, *stored.columns], [*PLACES, *stored.column_names])
    data = _encoded(table.unify_dictionaries().combine_chunks(), json.dumps(values))
    store.write(name, data)
    return Segment(
        label=label,
        made=made,
        genotypes=genotypes,
        shares=_entry(name, table, data),
        by_genotypes=by_genotypes,
        places=places,
        data=data,
    )


def _encoded(table: schema.StoredShares, metadata: str) -> bytes:
    """The file of a table of shares as they are stored."""
    numbers = [f"{field.name}.list.element" for field in table.schema if field.type in _NUMBERS]
    sink = io.BytesIO()
    with sealing.SealedWriter(
        sink,
        table.schema,
        compression="zstd",
        use_dictionary=["contig"],
        write_statistics=False,
        store_schema=False,  # of the types, Parquet lacks that of contig
        column_encoding={"pos": "DELTA_BINARY_PACKED"} | dict.fromkeys(numbers, "BYTE_STREAM_SPLIT"),
    ) as writer:
        writer.add_key_value_metadata({METADATA_KEY: metadata})
        writer.write_table(table)
    return sink.getvalue()


_NUMBERS = schema.INTS, schema.COUNTS, pa.list_(schema.FLOAT)
"""Types whose values compress best as first bytes, then second bytes, ..."""


def load_segment(
    store: Store, segment: Segment, keys: npt.NDArray[np.int64], *, samples: Sequence[str]
) -> SegmentTables:
    """What a segment has at sites that have one of the keys; `samples`: the batch's.

    Raises DamagedFile; the segment is then deleted, so that it is not reused.
    """
    stays, left = schema.are_among(segment.keys, keys), segment.keys != GONE
    try:
        genotypes = read_segment(store, segment.genotypes, SitePlaces.of(segment.places).at(left), samples)
    except DamagedFile:
        store.delete(segment.shares.name)
        raise
    own = inbreeding_of(genotypes)
    inbreeding = np.zeros((len(left), own.shape[1]), own.dtype)
    inbreeding[left] = own
    shares = unpacked(segment.stored, inbreeding if segment.by_genotypes else None)
    return SegmentTables(
        places=segment.places.filter(pa.array(stays)),
        genotypes=genotypes._replace(runs=at_sites(genotypes.runs, stays[left]), alts=genotypes.alts[stays[left]]),
        shares=shares.filter(pa.array(stays)),
        inbreeding=inbreeding[stays],
    )


def is_sound(store: Store, segment: Segment) -> bool:
    """Whether a segment's genotypes are what was written, byte for byte; one whose are not is deleted, as above."""
    sound = all(is_intact(store, file) for file in segment.genotypes.tables)
    if not sound:
        store.delete(segment.shares.name)
    return sound


def merge_segments(parts: Sequence[SegmentTables], keys: npt.NDArray[np.int64]) -> SegmentTables:
    """What several segments have of the same samples, at all sites, whose `keys` are in order."""
    if len(parts) == 1:
        return parts[0]
    sites = [places_of(schema.numbers(part.places["key"]), keys) for part in parts]
    distinct, runs = merge_sites(
        [(own, part.genotypes.distinct, part.genotypes.runs) for own, part in zip(sites, parts, strict=True)],
        len(parts[0].genotypes.samples),
    )
    order = pa.array(np.argsort(np.concatenate(sites)))
    return SegmentTables(
        places=pa.concat_tables([part.places for part in parts]).unify_dictionaries().take(order),
        genotypes=SparseGenotypes(parts[0].genotypes.samples, distinct, runs, np.zeros(len(keys), np.int32)),
        shares=pa.concat_tables([part.shares.replace_schema_metadata(None) for part in parts]).take(order),
        inbreeding=np.concatenate([part.inbreeding for part in parts])[order.to_numpy()],
    )


def places_of(some: npt.NDArray[np.int64], keys: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """The place of each of some keys among all."""
    return np.asarray(pc.index_in(pa.array(some), value_set=pa.array(keys))).astype(np.int64)

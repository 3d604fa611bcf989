"""Cached tables of a cohort's shards, under keys of the cohort or a batch and of settings; written once."""

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from importlib.metadata import version
from typing import Any, BinaryIO

import numpy as np
import pyarrow as pa

from genocloud import sealing, storage
from genocloud.cohort import Batch, Cohort
from genocloud.errors import StoreError, scarcity
from genocloud.pipeline.sharding import EVERYTHING, Shard, Targets
from genocloud.schema import VERSION, Alleles, numbers

LAYOUT = 4
"""Part of every key: raised where a table's columns change, so that an earlier genocloud's tables are made again."""


@cache
def _software() -> tuple[int, str]:
    """The layout and genocloud's version, cached: importlib parses the package's metadata for it."""
    return LAYOUT, version("genocloud")


def cohort_key(cohort: Cohort, *settings: Any) -> str:
    """A hash of the cohort's samples in order, the settings, the tables' layout and the version of genocloud."""
    samples = [[batch.id, batch.ranks.tolist()] for batch in cohort.batches]
    content = [VERSION, _software(), cohort.layout.window_bp, samples, settings]
    return hashlib.sha256(json.dumps(content).encode()).hexdigest()[:20]


def batch_key(cohort: Cohort, batch: Batch, *settings: Any) -> str:
    """A hash of one batch's active samples in order, the settings, the tables' layout and the version of genocloud."""
    places = np.searchsorted(np.sort(batch.ranks[batch.ranks >= 0]), batch.ranks)
    members: list[Any] = [batch.id, np.where(batch.ranks >= 0, places, -1).tolist()]
    if (repeated := cohort.repeated(batch)).any():  # whose INFO does not count depends on the other active samples
        members.append(repeated.tolist())
    content = [VERSION, _software(), cohort.layout.window_bp, members, settings]
    return hashlib.sha256(json.dumps(content).encode()).hexdigest()[:20]


def cached_folders(cohort: Cohort) -> set[str]:
    """The folders under COHORT/derived that a cohort version uses: its own, and its batches'."""
    return {cohort_key(cohort), *(batch_key(cohort, batch) for batch in cohort.batches)}


def cohort_inputs(cohort: Cohort) -> dict[str, str]:
    """The receipt's entry for a cohort that a step read."""
    return {f"cohort, version {cohort.version}": f"content:{cohort_key(cohort)}"}


@dataclass(frozen=True)
class CachedTables:
    """Cached tables of one kind under COHORT/derived, one per shard: rebuildable, written once, never edited."""

    url: str
    kind: str

    def counts(self, shard: Shard) -> dict[str, int] | None:
        """The counts stored with the shard's table; None where there is no table."""
        name = self._name(shard)
        if not storage.open_store(self.url).exists(name):
            return None
        with self._sound(name) as file:
            counts: dict[str, int] = json.loads(sealing.reader(file).schema_arrow.metadata[_COUNTS])
        return counts

    def names(self) -> set[str]:
        """The names of the shards that have a table."""
        names = storage.open_store(self.url).list(f"{self.kind}/")
        return {name.removeprefix(f"{self.kind}/").removesuffix(".parquet") for name in names}

    def targets(self, shard: Shard) -> Targets | None:
        """The shard's targets when its table was made; None where an earlier genocloud did not write them."""
        with self._sound(self._name(shard)) as file:
            text = sealing.reader(file).schema_arrow.metadata.get(_TARGETS)
            return None if text is None else Targets.from_json(text)

    def read(self, shard: Shard, made_by: str) -> pa.Table:
        """The shard's table. Raises StoreError naming the step that makes it."""
        store = storage.open_store(self.url)
        if not store.exists(self._name(shard)):
            raise StoreError(
                f"{self.url}: no {self._name(shard)}; run `genocloud {made_by}` on this cohort first, "
                "with the same intervals and force-output sites, or wider intervals"
            )
        return self._read(self._name(shard))

    def labels(self, shard: Shard) -> frozenset[str]:
        """The labels of the shard's tables, of a kind that may have several."""
        prefix, suffix = f"{self.kind}/{shard.name}.", ".parquet"
        names = storage.open_store(self.url).list(prefix)
        labels = [name.removeprefix(prefix).removesuffix(suffix) for name in names]
        return frozenset(label for label in labels if "." not in label)  # others are of shards with targets

    def piece(self, shard: Shard, label: str) -> pa.Table | None:
        """One of several tables of the shard; None where there is none. Raises StoreError."""
        name = self._name(shard, f".{label}")
        return self._read(name) if storage.open_store(self.url).exists(name) else None

    def read_piece(self, shard: Shard, label: str, columns: list[str] | None = None) -> pa.Table:
        """One of several tables of the shard, which is there, or some of its columns. Raises StoreError."""
        return self._read(self._name(shard, f".{label}"), columns)

    def _read(self, name: str, columns: list[str] | None = None) -> pa.Table:
        with self._sound(name) as file:
            return read_table(file, columns)

    @contextmanager
    def _sound(self, name: str) -> Iterator[BinaryIO]:
        """A table's file, checked against its checksums as it is read; raises StoreError where it is damaged."""
        try:
            with storage.open_store(self.url).open(name) as file:
                yield checked(file, storage.join(self.url, name))
        except (pa.ArrowException, OSError, ValueError, LookupError, TypeError, MemoryError) as error:
            if scarce := scarcity(error):
                raise scarce from error
            url = storage.join(self.url, name)
            raise StoreError(
                f"{url}: it is damaged ({error}); delete it, discover and genotype make it again"
            ) from error

    def write(self, shard: Shard, table: pa.Table, counts: dict[str, int]) -> None:
        """Write the shard's table with its counts, atomically."""
        name = self._name(shard)
        metadata = {_COUNTS: json.dumps(counts), _PLACE: self._place(name)}
        if shard.targets != EVERYTHING:
            metadata[_TARGETS] = shard.targets.as_json()
        table = table.replace_schema_metadata(metadata)
        with storage.open_store(self.url).writer(name) as file:
            sealing.write_sealed(table, file, compression="zstd")

    def write_piece(self, shard: Shard, label: str, table: pa.Table) -> None:
        """Write one of several tables of the shard, mostly lists of numbers, atomically."""
        split = {f"{each.name}.list.element": "BYTE_STREAM_SPLIT" for each in table.schema if is_integers(each.type)}
        name = self._name(shard, f".{label}")
        table = table.replace_schema_metadata({_PLACE: self._place(name)})
        with storage.open_store(self.url).writer(name) as file:
            sealing.write_sealed(
                table, file, compression="zstd", compression_level=1, use_dictionary=False, column_encoding=split
            )

    def remove_piece(self, shard: Shard, label: str) -> None:
        """Remove one of several tables of the shard."""
        storage.open_store(self.url).delete(self._name(shard, f".{label}"))

    def _place(self, name: str) -> str:
        return place_of(storage.join(self.url, name))

    def _name(self, shard: Shard, label: str = "") -> str:
        return f"{self.kind}/{shard.name}{label}.parquet"


def is_integers(type_: pa.DataType) -> bool:
    """Whether values are lists of integers: BYTE_STREAM_SPLIT makes them a third smaller and quicker to read."""
    return bool(pa.types.is_list(type_) and pa.types.is_integer(type_.value_type))


_COUNTS, _PLACE, _TARGETS = b"genocloud:counts", b"genocloud:place", b"genocloud:targets"


def place_of(url: str) -> str:
    """A cached table's path below COHORT/derived, as its metadata has it."""
    return url.rpartition("/derived/")[2]


def checked(file: BinaryIO, url: str) -> BinaryIO:
    """A cached table's file, checked against its checksums as it is read. Raises OSError for one that was moved."""
    sound = sealing.check(file)
    place = (sealing.reader(sound).schema_arrow.metadata or {}).get(_PLACE)
    if place is not None and place.decode() != place_of(url):
        raise OSError(f"it is another table, {place.decode()}")
    sound.seek(0)
    return sound


def read_table(file: BinaryIO, columns: list[str] | None = None) -> pa.Table:
    """Read a cached table, or some of its columns; without Arrow's own threads, which may outlive main."""
    return sealing.reader(file).read(columns, use_threads=False)


def read_alleles(cohort: Cohort, shard: Shard) -> Alleles:
    """ALLELES of a shard, or of a piece of one. Raises StoreError where it has not been discovered."""
    return alleles_in(cached_tables(cohort, "alleles"), shard)


def alleles_in(tables: CachedTables, shard: Shard) -> Alleles:
    """As `read_alleles`, from tables of one kind."""
    alleles = tables.read(shard.discovered_shard or shard, made_by="discover")
    first, end = np.searchsorted(numbers(alleles["start"]), (shard.region.start, shard.region.end)).tolist()
    return alleles.slice(first, end - first)


def batch_tables(cohort: Cohort, batch: Batch, kind: str) -> CachedTables:
    """Cached tables of one kind that depend on a single batch."""
    return CachedTables(storage.join(cohort.url, f"derived/{batch_key(cohort, batch)}"), kind)


def cached_tables(cohort: Cohort, kind: str, *settings: Any) -> CachedTables:
    """Cached tables of one kind of a cohort; the first part of the folder's name identifies the cohort's version."""
    folder = f"derived/{cohort_key(cohort)}/{cohort_key(cohort, *settings)}"
    return CachedTables(storage.join(cohort.url, folder), kind)

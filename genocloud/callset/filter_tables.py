"""What filtering said of a callset: tables FILTERS beside its sites, and the manifest that makes them its filters."""

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from secrets import token_hex
from typing import Any, NamedTuple

import pyarrow as pa

from genocloud import json_digest, schema, sealing
from genocloud.callset import parquet
from genocloud.callset.layout import (
    FILTER_SUMS_FOLDER,
    FILTERS_FOLDER,
    FILTERS_MANIFEST,
    NOT_JSON,
    DamagedFile,
    FileEntry,
    ShardEntry,
)
from genocloud.errors import StoreError
from genocloud.storage import ObjectMissing, Store, join

_REMEDY = "run genocloud filter again"
_DELETED_AT_ONCE = 16


class FilterLine(NamedTuple):
    """A filter, as a VCF header declares it."""

    name: str
    description: str


class StaleFilters(StoreError):
    """Filters of sites that the callset no longer has, or not in this form."""

    def __init__(self, url: str) -> None:
        self.url = url
        super().__init__(f"{url}: it was made anew since it was filtered: {_REMEDY}, or leave the filters out")


class NoFilters(StoreError):
    """A callset that was never filtered."""

    def __init__(self, url: str) -> None:
        self.url = url
        super().__init__(f"{url}: it has no filters yet; run genocloud filter")


class OtherSites(StoreError):
    """Filters of a callset that has other sites than the one that is to have them."""

    def __init__(self, url: str, other_url: str) -> None:
        self.url, self.other_url = url, other_url
        super().__init__(f"{url}: its sites are not those of {other_url}; give the callset of the run that made it")


@dataclass(frozen=True, kw_only=True)
class FilterSet:
    """The filters of a callset.

    lines     each filter and what it means
    settings  everything else that they follow from, as JSON
    sites     sha256 of the SITES that each shard's table was made of
    files     each shard's table FILTERS
    by_adj    whether genotypes that are not adj are under filters, too (genotype_filters.ADJ, which are among `lines`)
    """

    lines: tuple[FilterLine, ...]
    settings: Mapping[str, Any]
    sites: Mapping[str, str]
    files: Mapping[str, FileEntry]
    by_adj: bool = False

    def of_shards(self, names: Sequence[str]) -> "FilterSet":
        """The filters of some shards."""
        sites = {name: self.sites[name] for name in names}
        return replace(self, sites=sites, files={name: self.files[name] for name in names})

    def fits(self, shards: Sequence[ShardEntry]) -> bool:
        """Whether it was made of these shards."""
        return sites_of(shards).items() <= dict(self.sites).items()


def filters_url(callset_url: str) -> str:
    """What a run that filters a callset locks."""
    return join(callset_url, FILTERS_MANIFEST)


def sites_of(shards: Sequence[ShardEntry]) -> dict[str, str]:
    """sha256 of the SITES of each shard."""
    return {shard.name: shard.sites.sha256 for shard in shards}


def folder_name(lines: Sequence[FilterLine], settings: Mapping[str, Any], shards: Sequence[ShardEntry]) -> str:
    """The folder of the tables of some filters, so that those of others are not overwritten while they are read."""
    content = json.dumps([lines, settings, sites_of(shards)], sort_keys=True)
    return f"{FILTERS_FOLDER}/{hashlib.sha256(content.encode()).hexdigest()[:16]}"


def write_filters(store: Store, folder: str, shard: str, table: schema.Filters) -> FileEntry:
    """Write a shard's FILTERS; they are the callset's with `publish_filters`."""
    return _write(store, f"{folder}/{shard}.parquet", table, schema.FILTERS)


def write_sums(store: Store, folder: str, shard: str, table: schema.SiteMetrics) -> FileEntry:
    """Write a shard's SITE_METRICS for the run that filters the callset, to the folder of `filtering`."""
    return _write(store, f"{folder}/{shard}.parquet", table, schema.SITE_METRICS)


def read_sums(store: Store, file: FileEntry) -> schema.SiteMetrics:
    """A table that `write_sums` wrote. Raises DamagedFile."""
    with parquet.open_table(store, file, schema.SITE_METRICS) as stream:
        return sealing.reader(stream).read()


@contextmanager
def filtering(store: Store) -> Iterator[str]:
    """A run that filters the callset: a folder for its sums, of its own and no folder of the callset's tables.

    What killed runs left, sums and tables that nobody published, goes when it begins; its own sums when it ends.
    """
    _delete_unpublished(store)
    folder = f"{FILTER_SUMS_FOLDER}/{token_hex(8)}"
    try:
        yield folder
    finally:
        _delete(store, store.list(f"{folder}/"))


def _delete_unpublished(store: Store) -> None:
    with suppress(DamagedFile):  # then all tables stay until others are published
        filters = read_filters(store)
        kept = {file.name for file in filters.files.values()} if filters else set()
        _delete(store, [name for name in store.list(f"{FILTERS_FOLDER}/") if name not in kept])
    _delete(store, store.list(f"{FILTER_SUMS_FOLDER}/"))


def _delete(store: Store, names: Iterable[str]) -> None:
    with ThreadPoolExecutor(_DELETED_AT_ONCE) as pool:
        list(pool.map(store.delete, names))


def _write(store: Store, name: str, table: pa.Table, declared: pa.Schema) -> FileEntry:
    data, seal = parquet.encode(table, declared)
    store.write(name, data)
    digest = hashlib.sha256(data).hexdigest()
    return FileEntry(name=name, rows=table.num_rows, bytes=len(data), sha256=digest, seal=seal)


def publish_filters(store: Store, filters: FilterSet) -> None:
    """Make the tables the callset's filters, in the place of those that it has; their files are deleted."""
    values = {
        "lines": filters.lines,
        "settings": filters.settings,
        "sites": filters.sites,
        "files": {shard: file.as_json() for shard, file in filters.files.items()},
        "by_adj": filters.by_adj,
    }
    store.write(FILTERS_MANIFEST, (json.dumps(json_digest.sealed_json(values), indent=1) + "\n").encode())
    _delete_unpublished(store)


def copy_filters(store: Store, shards: Sequence[ShardEntry], other: Store) -> FilterSet:
    """Make filters at another callset's place those of a callset of the same sites; bytes are as they were written.

    Raises NoFilters, OtherSites where its shards have other sites, DamagedFile.
    """
    filters = read_filters(other)
    if filters is None:
        raise NoFilters(other.url)
    if filters.sites != sites_of(shards):
        raise OtherSites(store.url, other.url)
    for file in filters.files.values():
        data = other.read(file.name)
        if hashlib.sha256(data).hexdigest() != file.sha256:
            raise DamagedFile(join(other.url, file.name), "is damaged (sha256)", f"{_REMEDY}; ")
        store.write(file.name, data)
    publish_filters(store, filters)
    return filters


def read_filters(store: Store) -> FilterSet | None:
    """The filters at a callset's place, of whatever state of it; None where it has none. Raises DamagedFile."""
    try:
        values = json_digest.open_json(store.read(FILTERS_MANIFEST))
        return FilterSet(
            lines=tuple(FilterLine(*line) for line in values["lines"]),
            settings=values["settings"],
            sites=values["sites"],
            files={shard: FileEntry.from_json(file) for shard, file in values["files"].items()},
            by_adj=values.get("by_adj", False),
        )
    except ObjectMissing:
        return None
    except NOT_JSON as error:
        raise DamagedFile(join(store.url, FILTERS_MANIFEST), f"is damaged ({error!r})", f"{_REMEDY}; ") from error


def filters_of(store: Store, shards: Sequence[ShardEntry]) -> FilterSet | None:
    """The filters of a callset with these shards; None without any. Raises StaleFilters, DamagedFile."""
    filters = read_filters(store)
    if filters is not None and not filters.fits(shards):
        raise StaleFilters(store.url)
    return filters


def with_filters(sites: schema.Sites, filters: schema.Filters) -> schema.Sites:
    """SITES with the `filter` of FILTERS, and its further columns. Raises ValueError where they are of other sites."""
    if not sites["pos"].equals(filters["pos"]):
        raise ValueError("the filters are of other sites")
    places = [name for name in ("contig", "pos") if name in filters.column_names]
    return schema.with_columns(sites, filters.drop_columns(places))

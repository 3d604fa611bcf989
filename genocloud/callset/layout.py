"""Where things stand in a callset: shards, files, and rows of samples that lie in several batches."""

import hashlib
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from genocloud.errors import StoreError
from genocloud.regions import Extent
from genocloud.sealing import MOST_BASES, whole, words

MANIFEST = "manifest/00000001.json"
PUBLISHED = "manifest/00000001.published.json"
"""Says which manifest was published last, and which before it, so that another in its place is seen."""

MARK = "manifest/callset.json"
"""Says whose the URL is before there is a manifest, and when that is damaged."""

SITES_FOLDER, GENOTYPES_FOLDER, SHARES_FOLDER, ENTRIES_FOLDER = "sites", "genotypes", "shares", "entries"
ENTRY = re.compile(rf"{ENTRIES_FOLDER}/[^/]+\.json")
TABLE = re.compile(rf"(?:{SITES_FOLDER}|(?:{GENOTYPES_FOLDER}|{SHARES_FOLDER})/[^/]+)/[^/]+\.parquet")
"""The names that genocloud gives, and no others: people may put files of theirs into the folders."""


NOT_JSON = (ValueError, KeyError, TypeError, AttributeError)
"""What reading JSON raises that is cut short, or is not what was written."""


def sites_name(shard: str) -> str:
    """Name of the shard's sites in the callset's store."""
    return f"{SITES_FOLDER}/{shard}.parquet"


def genotypes_name(batch: str, shard: str, segment: str = "") -> str:
    """Name of a batch's genotypes in the shard; those that came later are in segments of their own."""
    return f"{GENOTYPES_FOLDER}/{batch}/{shard}{segment and f'.{segment}'}.parquet"


def shares_name(batch: str, shard: str, segment: str = "") -> str:
    """Name of what a segment adds to the sites' annotations; it is written when the segment's genotypes are there."""
    return f"{SHARES_FOLDER}/{batch}/{shard}{segment and f'.{segment}'}.parquet"


def entry_name(shard: str) -> str:
    """Name of the entry that says that the shard is complete."""
    return f"{ENTRIES_FOLDER}/{shard}.json"


class DamagedFile(StoreError):
    """A file of a callset that is missing, cut short, or not what it was when it was written."""

    def __init__(self, url: str, problem: str, first: str = "") -> None:
        self.url, self.problem = url, problem
        super().__init__(f"{url}: {problem}; {first}run genocloud genotype again: it makes what is damaged anew")


@dataclass(frozen=True, slots=True)
class FileEntry:
    """A Parquet file of a callset: rows, bytes, sha256; `order` names the samples' order (empty: no rows).

    `seal` is the digest of its footer, which has checksums of all else (sealing); empty: an earlier genocloud wrote it.
    """

    name: str
    rows: int
    bytes: int
    sha256: str
    order: str = ""
    seal: str = ""


@dataclass(frozen=True, slots=True)
class ShardEntry:
    """A complete shard: its stretch of genome, the key of the settings it was made with, its files, its sites' ALTs.

    `genotypes` and `shares` are by batch. Where a batch has several files of genotypes, each site's rows are in the one
    that has the key which the site has; other rows of the files are superseded.
    """

    name: str
    extent: Extent
    key: str
    sites: FileEntry
    genotypes: Mapping[str, tuple[FileEntry, ...]]
    shares: Mapping[str, tuple[FileEntry, ...]] = field(default_factory=dict)
    alts: int = 0

    @property
    def tables(self) -> list[FileEntry]:
        """The shard's Parquet files."""
        by_batch = (*self.genotypes.values(), *self.shares.values())
        return [self.sites, *(file for files in by_batch for file in files)]

    @property
    def files(self) -> list[str]:
        """Names of everything that belongs to the shard."""
        return [entry_name(self.name), *(file.name for file in self.tables)]

    def as_json(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return {
            "name": self.name,
            "contig": self.extent.contig,
            "start": self.extent.start,
            "last": self.extent.last,
            "end": self.extent.end,
            "key": self.key,
            "sites": as_json(self.sites),
            "genotypes": {batch: [*map(as_json, files)] for batch, files in self.genotypes.items()},
            "shares": {batch: [*map(as_json, files)] for batch, files in self.shares.items()},
            "alts": self.alts,
        }

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> "ShardEntry":
        """The reverse of `as_json`; raises one of NOT_JSON for values that it did not make."""
        return cls(
            values["name"],
            Extent(*(whole(place, "a place of a shard", 0, MOST_BASES) for place in _extent(values))),
            values["key"],
            _file(values["sites"]),
            _files(values["genotypes"]),
            _files(values["shares"]),
            whole(values["alts"], "a shard's number of ALTs"),
        )

    def without(self, batches: Collection[str]) -> "ShardEntry":
        """The shard without the files of some batches: those that lie elsewhere."""
        genotypes, shares = (
            {batch: files for batch, files in by.items() if batch not in batches}
            for by in (self.genotypes, self.shares)
        )
        return replace(self, genotypes=genotypes, shares=shares)


def _extent(values: Mapping[str, Any]) -> tuple[Any, Any, Any, Any]:
    return values["contig"], values["start"], values.get("last", values["contig"]), values["end"]


def _files(values: Mapping[str, Any]) -> dict[str, tuple[FileEntry, ...]]:
    return {batch: tuple(map(_file, files)) for batch, files in sorted(values.items())}


def _file(values: Mapping[str, Any]) -> FileEntry:
    for what in ("rows", "bytes"):
        whole(values[what], f"{what} of {values['name']}")
    words([text for what, text in values.items() if what not in ("rows", "bytes")], f"the entry of {values['name']}")
    return FileEntry(**values)


def as_json(file: FileEntry) -> dict[str, Any]:
    """A file's entry as plain values."""
    return {name: getattr(file, name) for name in file.__slots__}


def order_of(samples: Sequence[str]) -> str:
    """A fingerprint of samples in an order, so that columns cannot be read under the wrong names."""
    return hashlib.sha256("\n".join(samples).encode()).hexdigest()


def site_key(*alleles: object) -> int:
    """A number that names what is said of a site: int64; two of one position are as good as never the same."""
    digest = hashlib.blake2b(repr(alleles).encode(), digest_size=8).digest()
    return int.from_bytes(digest, "little", signed=True)


def rows_of(
    batches: Sequence[Sequence[str]], samples: Sequence[str], sites: int
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Where each sample's rows are in the batches' tables of `sites` sites laid one behind the other.

    Returns (first, step), (samples,) int64 each: a sample's row at site i is first + i * step.
    """
    places: dict[str, tuple[int, int]] = {}
    base = 0
    for batch in batches:
        places |= {sample: (base + column, len(batch)) for column, sample in enumerate(batch)}
        base += len(batch) * sites
    table = np.array([places[sample] for sample in samples], np.int64).reshape(-1, 2)
    return table[:, 0].copy(), table[:, 1].copy()

"""Layout of a callset: object names, entries of shards and files, row order across batches."""

import hashlib
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from genocloud.errors import StoreError
from genocloud.json_digest import MAX_COORDINATE, string_list, whole_number
from genocloud.regions import Extent

MANIFEST = "manifest/00000001.json"
PUBLISHED = "manifest/00000001.published.json"
"""Digests of the manifest published last and of the one before it, so that a substituted manifest is detected."""

MARK = "manifest/callset.json"
"""Marks the URL as a callset's before there is a manifest, and when that is damaged."""

SITES_FOLDER, GENOTYPES_FOLDER, SHARES_FOLDER, ENTRIES_FOLDER = "sites", "genotypes", "shares", "entries"
ENTRY = re.compile(rf"{ENTRIES_FOLDER}/[^/]+\.json")
TABLE = re.compile(rf"(?:{SITES_FOLDER}|(?:{GENOTYPES_FOLDER}|{SHARES_FOLDER})/[^/]+)/[^/]+\.parquet")
"""Names of objects that genocloud writes; users may put other files into these folders."""


NOT_JSON = (ValueError, KeyError, TypeError, AttributeError)
"""Exceptions of decoding JSON that is truncated or has other fields than were written."""


def sites_name(shard: str) -> str:
    """Name of the shard's sites in the callset's store."""
    return f"{SITES_FOLDER}/{shard}.parquet"


def genotypes_name(batch: str, shard: str, segment: str = "") -> str:
    """Name of a batch's genotypes in the shard; sites that were added later are in separate segments."""
    return f"{GENOTYPES_FOLDER}/{batch}/{shard}{segment and f'.{segment}'}.parquet"


def shares_name(batch: str, shard: str, segment: str = "") -> str:
    """Name of a segment's contributions to the sites' annotations; written after the segment's genotypes."""
    return f"{SHARES_FOLDER}/{batch}/{shard}{segment and f'.{segment}'}.parquet"


def entry_name(shard: str) -> str:
    """Name of the shard's entry, which marks it complete."""
    return f"{ENTRIES_FOLDER}/{shard}.json"


class DamagedFile(StoreError):
    """A file of a callset is missing, truncated, or differs from what was written."""

    def __init__(self, url: str, problem: str, first: str = "") -> None:
        self.url, self.problem = url, problem
        super().__init__(f"{url}: {problem}; {first}run genocloud genotype again: it makes what is damaged anew")


@dataclass(frozen=True, slots=True, kw_only=True)
class FileEntry:
    """A Parquet file of a callset: rows, bytes, sha256; `order` is a digest of the sample order (empty: no rows).

    `seal` is the digest of its footer, which has checksums of the rest (see sealing); empty in files of earlier
    versions.
    """

    name: str
    rows: int
    bytes: int
    sha256: str
    order: str = ""
    seal: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ShardEntry:
    """A complete shard: its extent, the digest of its settings (`key`), its files, and its number of ALTs.

    `genotypes` and `shares` are by batch. Where a batch has several genotype files, a site's rows are those with the
    site's key; rows with other keys are superseded.
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
        """The entry as JSON values."""
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
        """The inverse of `as_json`; raises one of NOT_JSON for other values."""
        return cls(
            name=values["name"],
            extent=Extent(*(whole_number(place, "a place of a shard", 0, MAX_COORDINATE) for place in _extent(values))),
            key=values["key"],
            sites=_file(values["sites"]),
            genotypes=_files(values["genotypes"]),
            shares=_files(values["shares"]),
            alts=whole_number(values["alts"], "a shard's number of ALTs"),
        )

    def without(self, batches: Collection[str]) -> "ShardEntry":
        """The shard without the files of some batches: those stored at other sites."""
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
        whole_number(values[what], f"{what} of {values['name']}")
    string_list(
        [text for what, text in values.items() if what not in ("rows", "bytes")], f"the entry of {values['name']}"
    )
    return FileEntry(**values)


def as_json(file: FileEntry) -> dict[str, Any]:
    """A file's entry as JSON values."""
    return {name: getattr(file, name) for name in file.__slots__}


def order_of(samples: Sequence[str]) -> str:
    """Digest of an ordered list of samples, so that rows are never read under the wrong names."""
    return hashlib.sha256("\n".join(samples).encode()).hexdigest()


def site_key(*alleles: object) -> int:
    """64-bit digest of a site's alleles (contig, pos, ref, alts); collisions within a shard are negligible."""
    digest = hashlib.blake2b(repr(alleles).encode(), digest_size=8).digest()
    return int.from_bytes(digest, "little", signed=True)


def rows_of(
    batches: Sequence[Sequence[str]], samples: Sequence[str], sites: int
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Locate each sample's rows in the concatenated tables of batches, each with `sites` sites.

    Returns (first, step), (samples,) int64 each: a sample's row at site i is first + i * step.
    """
    places: dict[str, tuple[int, int]] = {}
    base = 0
    for batch in batches:
        places |= {sample: (base + column, len(batch)) for column, sample in enumerate(batch)}
        base += len(batch) * sites
    table = np.array([places[sample] for sample in samples], np.int64).reshape(-1, 2)
    return table[:, 0].copy(), table[:, 1].copy()

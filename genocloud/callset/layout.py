"""Layout of a callset: object names, entries of shards and files, row order across batches."""

import hashlib
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from genocloud.errors import StoreError
from genocloud.json_digest import MAX_COORDINATE, string_list, whole_number
from genocloud.regions import Extent

MANIFEST = "manifest/00000001.json"
PUBLISHED = "manifest/00000001.published.json"
"""Digests of the manifest published last and of the one before it, so that a substituted manifest is detected."""

COMPACTED = "manifest/compacted.json"
"""The manifest of a callset whose sparse files are all written by compact, until it is published or overtaken."""

MARK = "manifest/callset.json"
"""Marks the URL as a callset's before there is a manifest, and when that is damaged."""

SITES_FOLDER, SHARES_FOLDER, ENTRIES_FOLDER = "sites", "shares", "entries"
CALLS_FOLDER, REFERENCE_FOLDER = "calls", "reference"
DENSE_FOLDER = "genotypes"
"""Where callsets of version 3 have a row for each site and sample."""

FILTERS_FOLDER = "filters"
FILTER_SUMS_FOLDER = "filter_sums"
FILTERS_MANIFEST = "manifest/filters.json"
"""Names the tables in the folder that are the callset's filters; written last."""

BATCH_FOLDERS = CALLS_FOLDER, REFERENCE_FOLDER, SHARES_FOLDER, DENSE_FOLDER
"""Folders that have a folder for each batch."""

ENTRY = re.compile(rf"{ENTRIES_FOLDER}/[^/]+\.json")
TABLE = re.compile(rf"(?:{SITES_FOLDER}|(?:{'|'.join(BATCH_FOLDERS)})/[^/]+)/[^/]+\.parquet")
"""Names of objects that genocloud writes; users may put other files into these folders."""


NOT_JSON = (ValueError, KeyError, TypeError, AttributeError)
"""Exceptions of decoding JSON that is truncated or has other fields than were written."""


def sites_name(shard: str) -> str:
    """Name of the shard's sites in the callset's store."""
    return f"{SITES_FOLDER}/{shard}.parquet"


def batch_file_name(folder: str, batch: str, shard: str, segment: str = "") -> str:
    """Name of a file of one of BATCH_FOLDERS; sites that were added later are in separate segments."""
    return f"{folder}/{batch}/{shard}{segment and f'.{segment}'}.parquet"


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

    def as_json(self) -> dict[str, Any]:
        """The entry as JSON values."""
        return {name: getattr(self, name) for name in self.__slots__}

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> "FileEntry":
        """The inverse of `as_json`; raises one of NOT_JSON for other values."""
        for what in ("rows", "bytes"):
            whole_number(values[what], f"{what} of {values['name']}")
        string_list(
            [text for what, text in values.items() if what not in ("rows", "bytes")], f"the entry of {values['name']}"
        )
        return cls(**values)


@dataclass(frozen=True, slots=True, kw_only=True)
class GenotypeFiles:
    """A batch's genotypes at some sites of a shard, every sample's: rows of CALLS and of REFERENCE; number of sites.

    windows  number of the first of the shard's sites in each row group, in a batch that has grown; empty in others,
             where it follows from the number of samples
    """

    calls: FileEntry
    reference: FileEntry
    sites: int
    windows: tuple[int, ...] = ()

    @property
    def tables(self) -> tuple[FileEntry, FileEntry]:
        """Both files."""
        return self.calls, self.reference

    def without_content(self, sites: int) -> "GenotypeFiles":
        """The entry as if it had all `sites` of a shard, without rows, sizes and digests of its files."""
        calls, reference = (replace(file, rows=0, bytes=0, sha256="", seal="") for file in self.tables)
        return GenotypeFiles(calls=calls, reference=reference, sites=sites)

    def as_json(self) -> dict[str, Any]:
        """The entry as JSON values."""
        values = {"calls": self.calls.as_json(), "reference": self.reference.as_json(), "sites": self.sites}
        return values | ({"windows": list(self.windows)} if self.windows else {})

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> "GenotypeFiles":
        """The inverse of `as_json`; raises one of NOT_JSON for other values."""
        return cls(
            calls=FileEntry.from_json(values["calls"]),
            reference=FileEntry.from_json(values["reference"]),
            sites=whole_number(values["sites"], "a number of sites"),
            windows=tuple(whole_number(site, "the first site of a window") for site in values.get("windows", ())),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class DenseFile:
    """A batch's genotypes in a callset of version 3: a row of STORED_GENOTYPES for each site and sample.

    Where a batch has several, a site's rows are those with the site's key; rows with other keys are superseded.
    """

    file: FileEntry

    @property
    def tables(self) -> tuple[FileEntry]:
        """The file."""
        return (self.file,)

    def as_json(self) -> dict[str, Any]:
        """The entry as JSON values."""
        return self.file.as_json()


SegmentFiles = GenotypeFiles | DenseFile
"""Genotypes of a batch in a shard that were written together."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ShardEntry:
    """A complete shard: its extent, the digest of its settings (`key`), its files, and its number of ALTs.

    `genotypes` and `shares` are by batch, both in the order of its segments. Each site is in one segment of a batch.
    """

    name: str
    extent: Extent
    key: str
    sites: FileEntry
    genotypes: Mapping[str, tuple[SegmentFiles, ...]]
    shares: Mapping[str, tuple[FileEntry, ...]] = field(default_factory=dict)
    alts: int = 0

    @property
    def tables(self) -> list[FileEntry]:
        """The shard's Parquet files."""
        genotypes = (file for segments in self.genotypes.values() for each in segments for file in each.tables)
        return [self.sites, *genotypes, *(file for files in self.shares.values() for file in files)]

    @property
    def is_dense(self) -> bool:
        """Whether it was written by version 3."""
        return any(isinstance(each, DenseFile) for segments in self.genotypes.values() for each in segments)

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
            "sites": self.sites.as_json(),
            "genotypes": {batch: [each.as_json() for each in some] for batch, some in self.genotypes.items()},
            "shares": {batch: [file.as_json() for file in files] for batch, files in self.shares.items()},
            "alts": self.alts,
        }

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> "ShardEntry":
        """The inverse of `as_json`; raises one of NOT_JSON for other values."""
        return cls(
            name=values["name"],
            extent=Extent(*(whole_number(place, "a place of a shard", 0, MAX_COORDINATE) for place in _extent(values))),
            key=values["key"],
            sites=FileEntry.from_json(values["sites"]),
            genotypes={batch: tuple(map(_segment, each)) for batch, each in sorted(values["genotypes"].items())},
            shares={batch: tuple(map(FileEntry.from_json, each)) for batch, each in sorted(values["shares"].items())},
            alts=whole_number(values["alts"], "a shard's number of ALTs"),
        )

    def without(self, batches: Collection[str]) -> "ShardEntry":
        """The shard without the files of some batches: those stored at other sites."""
        return replace(
            self,
            genotypes={batch: each for batch, each in self.genotypes.items() if batch not in batches},
            shares={batch: each for batch, each in self.shares.items() if batch not in batches},
        )


def _extent(values: Mapping[str, Any]) -> tuple[Any, Any, Any, Any]:
    return values["contig"], values["start"], values.get("last", values["contig"]), values["end"]


def _segment(values: Mapping[str, Any]) -> SegmentFiles:
    return GenotypeFiles.from_json(values) if "calls" in values else DenseFile(file=FileEntry.from_json(values))


def order_of(samples: Sequence[str]) -> str:
    """Digest of an ordered list of samples, so that rows are never read under the wrong names."""
    return hashlib.sha256("\n".join(samples).encode()).hexdigest()


def site_key(*alleles: object) -> int:
    """64-bit digest of a site's alleles (contig, pos, ref, alts); collisions within a shard are negligible."""
    digest = hashlib.blake2b(repr(alleles).encode(), digest_size=8).digest()
    return int.from_bytes(digest, "little", signed=True)

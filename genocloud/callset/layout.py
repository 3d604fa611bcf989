"""Where things stand in a callset: shards, files, and rows of samples that lie in several batches."""

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from genocloud.errors import StoreError
from genocloud.regions import Region

MANIFEST = "manifest/00000001.json"
MARK = "manifest/callset.json"
"""Says whose the URL is before there is a manifest, and when that is damaged."""

SITES_FOLDER, GENOTYPES_FOLDER, ENTRIES_FOLDER = "sites", "genotypes", "entries"
ENTRY = re.compile(rf"{ENTRIES_FOLDER}/[^/]+\.json")
TABLE = re.compile(rf"(?:{SITES_FOLDER}|{GENOTYPES_FOLDER}/[^/]+)/[^/]+\.parquet")
"""The names that genocloud gives, and no others: people may put files of theirs into the folders."""


NOT_JSON = (ValueError, KeyError, TypeError, AttributeError)
"""What reading JSON raises that is cut short, or is not what was written."""


def sites_name(shard: str) -> str:
    """Name of the shard's sites in the callset's store."""
    return f"{SITES_FOLDER}/{shard}.parquet"


def genotypes_name(batch: str, shard: str) -> str:
    """Name of a batch's genotypes in the shard."""
    return f"{GENOTYPES_FOLDER}/{batch}/{shard}.parquet"


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
    """A Parquet file of a callset: rows, bytes, sha256; `order` names the samples' order (empty: no rows)."""

    name: str
    rows: int
    bytes: int
    sha256: str
    order: str = ""


@dataclass(frozen=True, slots=True)
class ShardEntry:
    """A complete shard: its stretch of genome, the key of the settings it was made with, its files."""

    name: str
    region: Region
    key: str
    sites: FileEntry
    genotypes: Mapping[str, FileEntry]

    @property
    def tables(self) -> list[FileEntry]:
        """The shard's Parquet files."""
        return [self.sites, *self.genotypes.values()]

    @property
    def files(self) -> list[str]:
        """Names of everything that belongs to the shard."""
        return [entry_name(self.name), *(file.name for file in self.tables)]

    def as_json(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return {
            "name": self.name,
            "contig": self.region.contig,
            "start": self.region.start,
            "end": self.region.end,
            "key": self.key,
            "sites": _file_json(self.sites),
            "genotypes": {batch: _file_json(file) for batch, file in self.genotypes.items()},
        }

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> "ShardEntry":
        """The reverse of `as_json`; raises one of NOT_JSON for values that it did not make."""
        return cls(
            values["name"],
            Region(values["contig"], values["start"], values["end"]),
            values["key"],
            FileEntry(**values["sites"]),
            {batch: FileEntry(**file) for batch, file in sorted(values["genotypes"].items())},
        )


def _file_json(file: FileEntry) -> dict[str, Any]:
    return {name: getattr(file, name) for name in file.__slots__}


def order_of(samples: Sequence[str]) -> str:
    """A fingerprint of samples in an order, so that columns cannot be read under the wrong names."""
    return hashlib.sha256("\n".join(samples).encode()).hexdigest()


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

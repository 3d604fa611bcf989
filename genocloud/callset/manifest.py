"""What a callset is made of: samples, batches, contigs, settings, shards; as the JSON that makes it one."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from genocloud import schema
from genocloud.callset.layout import MANIFEST, ShardEntry
from genocloud.errors import StoreError
from genocloud.objects import ObjectMissing, Store
from genocloud.regions import Contig

_FORMAT = "genocloud callset"


class NoCallset(StoreError):
    """A URL at which no finished callset lies."""

    def __init__(self, url: str) -> None:
        self.url = url
        super().__init__(f"{url}: no finished callset there (no {MANIFEST}); check the URL, or run genotype to its end")


class OtherVersion(StoreError):
    """A callset whose tables are of a version that this genocloud cannot read."""

    def __init__(self, url: str, version: Any) -> None:
        self.url, self.version = url, version
        super().__init__(
            f"{url}: a callset of version {version}, this genocloud reads version {schema.VERSION};"
            " use the genocloud that made it, or make it again"
        )


@dataclass(frozen=True)
class Description:
    """What a callset says of itself, besides its shards.

    `samples` is the manifest's order; `batches` maps a batch's id to its samples in the order of its files; `model`
    holds the settings of the joint genotyping; `software` is name and version, for `##source` too; `source` says
    what it was made of (the cohort's version, the reference's checksum), free of paths.
    """

    samples: tuple[str, ...]
    batches: Mapping[str, tuple[str, ...]]
    contigs: tuple[Contig, ...]
    model: Mapping[str, Any]
    software: str
    source: Mapping[str, Any] = field(default_factory=dict)


def encode(description: Description, shards: tuple[ShardEntry, ...]) -> bytes:
    """The manifest as JSON."""
    values = {
        "format": _FORMAT,
        "version": schema.VERSION,
        "software": description.software,
        "model": dict(description.model),
        "source": dict(description.source),
        "counts": counts_of(description, shards),
        "contigs": [[contig.name, contig.length] for contig in description.contigs],
        "samples": description.samples,
        "batches": dict(sorted(description.batches.items())),
        "shards": [shard.as_json() for shard in shards],
    }
    return (json.dumps(values, indent=1) + "\n").encode()


def counts_of(description: Description, shards: tuple[ShardEntry, ...]) -> dict[str, int]:
    """Samples, sites, genotypes and shards of a callset."""
    return {
        "samples": len(description.samples),
        "sites": sum(shard.sites.rows for shard in shards),
        "genotypes": sum(file.rows for shard in shards for file in shard.genotypes.values()),
        "shards": len(shards),
    }


def read(store: Store) -> tuple[Description, tuple[ShardEntry, ...]]:
    """Read a callset's manifest. Raises NoCallset or OtherVersion."""
    try:
        values = json.loads(store.read(MANIFEST))
    except ObjectMissing:
        raise NoCallset(store.url) from None
    if values.get("format") != _FORMAT:
        raise NoCallset(store.url)
    if values["version"] != schema.VERSION:
        raise OtherVersion(store.url, values["version"])
    description = Description(
        tuple(values["samples"]),
        {batch: tuple(samples) for batch, samples in values["batches"].items()},
        tuple(Contig(name, length) for name, length in values["contigs"]),
        values["model"],
        values["software"],
        values["source"],
    )
    return description, tuple(ShardEntry.from_json(shard) for shard in values["shards"])

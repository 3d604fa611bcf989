"""Callsets of version 3, as genocloud wrote them when they had a row for each site and sample."""

import hashlib
import io
import json
from collections.abc import Mapping, Sequence
from types import MappingProxyType

import numpy as np
import pyarrow as pa
import pytest

from genocloud import annotations, callset, json_digest, schema, sealing, storage
from genocloud.callset import manifest, parquet
from genocloud.callset.layout import DenseFile, FileEntry, ShardEntry, order_of
from genocloud.callset.segments import METADATA_KEY
from tests.support import callset_tables as make
from tests.support.small_callset import BATCHES, SHARDS, shard_tables

DensePart = tuple[str, list[int], list[int]]
"""A segment of a batch: label, places of its sites, their keys (another than the site's: superseded)."""


def _write(store: storage.Store, name: str, table: pa.Table, declared: pa.Schema, order: str = "") -> FileEntry:
    data, seal = parquet.encode(table, declared)
    store.write(name, data)
    digest = hashlib.sha256(data).hexdigest()
    return FileEntry(name=name, rows=len(table), bytes=len(data), sha256=digest, order=order, seal=seal)


def _write_segment(
    store: storage.Store, names: tuple[str, str], table: pa.Table, part: DensePart, samples: Sequence[str]
) -> tuple[DenseFile, FileEntry]:
    (shard, batch), (label, places, keys) = names, part
    rows = (np.array(places, np.int64)[:, None] * len(samples) + np.arange(len(samples))).ravel()
    keyed = table.take(rows).append_column(schema.SITE_KEY.field, pa.array(np.repeat(keys, len(samples)), pa.int64()))
    name = f"{batch}/{shard}{label and f'.{label}'}.parquet"
    order = order_of(samples) if len(rows) else ""
    written = _write(store, f"genotypes/{name}", keyed, schema.STORED_GENOTYPES, order)
    metadata = {METADATA_KEY: json.dumps({"label": label, "made": "made", "genotypes": written.as_json()})}
    shares = pa.table({"key": pa.array(keys, pa.int64()), "n": [[place] for place in places]})
    sink = io.BytesIO()
    seal = sealing.write_sealed(shares.replace_schema_metadata(metadata), sink)
    data = sink.getvalue()
    store.write(f"shares/{name}", data)
    digest = hashlib.sha256(data).hexdigest()
    entry = FileEntry(name=f"shares/{name}", rows=len(places), bytes=len(data), sha256=digest, seal=seal)
    return DenseFile(file=written), entry


def write(url: str, parts: Mapping[str, Sequence[DensePart]] = MappingProxyType({})) -> callset.Callset:
    """The callset of `small_callset`, of version 3; `parts` of batches in its first shard, else one of all sites."""
    store = storage.open_store(url)
    manifest.claim(store)
    entries = []
    for shard, (sites, genotypes) in zip(SHARDS, shard_tables(), strict=True):
        keys = [100 * len(entries) + place for place in range(len(sites))]
        stored = sites.append_column(schema.SITE_KEY.field, pa.array(keys, pa.int64()))
        whole = [("", [*range(len(sites))], keys)]
        written = {
            batch: [
                _write_segment(store, (shard.name, batch), table, part, BATCHES[batch])
                for part in (parts.get(batch, whole) if not entries else whole)
            ]
            for batch, table in genotypes.items()
        }
        entry = ShardEntry(
            name=shard.name,
            extent=shard.extent,
            key="key",
            sites=_write(store, f"sites/{shard.name}.parquet", stored, annotations.STORED_SITES),
            genotypes={batch: tuple(file for file, _ in some) for batch, some in written.items()},
            shares={batch: tuple(file for _, file in some) for batch, some in written.items()},
            alts=callset.count_alts(sites),
        )
        store.write(f"entries/{shard.name}.json", json.dumps(json_digest.sealed_json(entry.as_json())).encode())
        entries.append(entry)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(manifest, "VERSION", manifest.DENSE_VERSION)
        manifest.publish(store, make.description(BATCHES), tuple(entries))
    return callset.open_callset(url)

"""A callset of three shards and two batches with samples, written from random tables."""

from random import Random

import pyarrow as pa

from genocloud import callset, storage
from genocloud.regions import Region
from tests.support import callset_tables as make

BATCHES = {"b0": ("ann", "cat"), "b1": ("bob",), "b2": ()}

SHARDS = (
    make.Shard("000-chr1-00000", Region(0, 0, 1000)),
    make.Shard("000-chr1-00001", Region(0, 1000, 2000)),
    make.Shard("001-chr2-00000", Region(1, 0, 50_000)),
)

POSITIONS = ((5, 900, 1000), (), (7, 49_999))


def shard_tables(seed: int = 1) -> list[tuple[pa.Table, dict[str, pa.Table]]]:
    random = Random(seed)
    made = []
    for shard, positions in zip(SHARDS, POSITIONS, strict=True):
        contig = make.CONTIGS[shard.region.contig].name
        sites, genotypes = make.tables(random, contig, positions, list(BATCHES.values()))
        made.append((sites, dict(zip(BATCHES, genotypes, strict=True))))
    return made


def write(url: str, key: str = "key", seed: int = 1) -> callset.Callset:
    store = storage.open_store(url)
    tables = shard_tables(seed)
    entries = [callset.write_shard(store, shard, key, *made) for shard, made in zip(SHARDS, tables, strict=True)]
    return callset.commit(store, make.description(BATCHES), entries)


def contents(url: str) -> dict[str, bytes]:
    store = storage.open_store(url)
    return {name: store.read(name) for name in store.list()}

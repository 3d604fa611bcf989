"""A batch's genotypes in several files are read as if they were in one, and found again when a callset grows."""

import io
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from random import Random
from typing import Any, BinaryIO

import numpy as np
import pyarrow as pa
import pytest

from genocloud import callset, schema, sealing, storage
from genocloud.callset import streaming
from genocloud.regions import Region
from tests.support import callset_tables as make

SHARD = make.Shard("000-chr1-00000", Region(0, 0, 1000))
BATCHES = {"b0": ("ann", "cat"), "b1": ("bob",)}
POSITIONS = (5, 40, 300, 301, 900, 1000)
KEYS = np.array([11, 12, 13, 14, 15, 16])
MADE = "these samples, this model"


def tables() -> tuple[pa.Table, dict[str, pa.Table]]:
    sites, genotypes = make.tables(Random(1), make.CONTIGS[0].name, POSITIONS, list(BATCHES.values()))
    return sites, dict(zip(BATCHES, genotypes, strict=True))


def at(table: pa.Table, places: list[int], samples: int) -> pa.Table:
    return table.take((np.array(places)[:, None] * samples + np.arange(samples)).ravel())


def segment(
    store: storage.Store, batch: str, table: pa.Table, places: list[int], keys: list[int], label: str = ""
) -> callset.Segment:
    rows = at(table, places, len(BATCHES[batch]))
    positions = pa.table({"pos": pa.array([POSITIONS[place] for place in places], pa.int32()), "key": keys})
    shares = pa.table({"records": [[place] for place in places]})
    made = callset.SegmentTables(places=positions, genotypes=rows, shares=shares)
    return callset.write_segment(store, SHARD, batch, made, made=MADE, label=label)


def write(url: str) -> tuple[callset.Callset, pa.Table, dict[str, pa.Table]]:
    """Batch b0 in three files: one with a superseded site, one that came in between, one for the superseded site."""
    store, (sites, genotypes) = storage.open_store(url), tables()
    callset.begin_shard(store, SHARD, "key")
    parts = [([0, 1, 3, 5], [11, 99, 14, 16], ""), ([2, 4], [13, 15], "m"), ([1], [12], "z")]
    usable = {"b0": [segment(store, "b0", genotypes["b0"], *part) for part in parts]}
    usable["b1"] = [segment(store, "b1", genotypes["b1"], [*range(6)], KEYS.tolist())]
    files = {batch: [each.genotypes for each in some] for batch, some in usable.items()}
    shares = {batch: [each.shares for each in some] for batch, some in usable.items()}
    keyed = sites.append_column(schema.SITE_KEY.field, pa.array(KEYS))
    entry = callset.complete_shard(store, SHARD, "key", keyed, files, shares=shares)
    return callset.commit(store, make.description(BATCHES), [entry]), sites, genotypes


def test_files_of_a_batch_are_read_as_one():
    stored_callset, sites, genotypes = write("memory://segments-read")
    assert stored_callset.sites().to_pylist() == sites.to_pylist()
    both = [table.to_pylist() for table in genotypes.values()]
    expected = [row for place in range(6) for row in (*both[0][2 * place : 2 * place + 2], both[1][place])]
    assert sorted(map(str, stored_callset.genotypes().to_pylist())) == sorted(map(str, expected))
    assert stored_callset.genotypes("chr1:40-300", ["cat"])["pos"].to_pylist() == [40, 300]
    (shard,) = stored_callset.shards
    assert [table["pos"].to_pylist() for table in stored_callset.batches(shard, ["pos"])] == [
        list(np.repeat(POSITIONS, len(members))) for members in BATCHES.values()
    ]


@pytest.mark.parametrize("sites", [1, 2, 4, 100])
@pytest.mark.parametrize("span", [(0, 6), (1, 5), (3, 4), (2, 2)])
def test_a_stream_has_the_sites_in_order_whatever_is_requested(sites, span):
    stored_callset, _, genotypes = write(f"memory://segments-stream-{sites}-{span[0]}")
    names = ["pos", "sample", "GT", "AD", "PID"]
    tables = list(
        streaming.stream_genotypes(
            stored_callset.store, stored_callset.shards[0], "b0", names, samples=2, sites=sites, span=span
        )
    )
    expected = genotypes["b0"].select(names).slice(2 * span[0], 2 * (span[1] - span[0]))
    assert [row for table in tables for row in table.to_pylist()] == expected.to_pylist()
    assert all(table.num_rows == 2 * sites for table, _ in pairwise(tables))


def test_a_site_without_its_rows_is_damage():
    stored_callset, _, _ = write("memory://segments-lost")
    (shard,) = stored_callset.shards
    assert callset.check_shard(stored_callset.store, shard) == []
    with pytest.raises(callset.DamagedFile):
        streaming.site_places(stored_callset.store, shard, shard.genotypes["b0"][:2], 2)
    with pytest.raises(callset.DamagedFile):
        streaming.site_places(stored_callset.store, shard, shard.genotypes["b0"] * 2, 2)


def usable(store: storage.Store, keys: list[int], made: str = MADE) -> list[str]:
    return [each.label for each in callset.find_segments(store, SHARD, "b0", made, np.array(keys))]


def test_segments_are_reused_unless_they_are_others_damaged_or_hold_too_much():
    stored_callset, _, _ = write("memory://segments-found")
    store = stored_callset.store
    assert usable(store, KEYS.tolist()) == ["", "m", "z"]
    assert usable(store, [11, 14, 16, 99, 15]) == ["", "m"]
    assert usable(store, [11, 12]) == []  # most of their rows would be superseded
    assert usable(store, KEYS.tolist(), "another model") == []
    store.write(f"genotypes/b0/{SHARD.name}.m.parquet", b"cut short")
    assert usable(store, KEYS.tolist()) == ["", "z"]
    store.write(f"shares/b0/{SHARD.name}.z.parquet", b"cut short")
    assert usable(store, [11, 99, 14, 16]) == [""]


def test_no_site_is_in_two_segments():
    stored_callset, _, genotypes = write("memory://segments-twice")
    segment(stored_callset.store, "b0", genotypes["b0"], [0], [11], "killed")
    assert usable(stored_callset.store, KEYS.tolist()) == ["", "m", "z"]


def test_rows_are_taken_out_of_a_segment():
    stored_callset, _, genotypes = write("memory://segments-only")
    (first, *_) = callset.find_segments(stored_callset.store, SHARD, "b0", MADE, KEYS)
    assert callset.keep_sites(stored_callset.store, SHARD, "b0", first, first.keys) is first
    left = callset.keep_sites(stored_callset.store, SHARD, "b0", first, np.array([14]))
    assert (left.label, left.keys.tolist(), left.table["records"].to_pylist()) == ("", [14], [[3]])
    (table,) = streaming.stream_rows(
        stored_callset.store, left.genotypes, schema.STORED_GENOTYPES, schema.GENOTYPES.names, rows=10, span=(0, 2)
    )
    assert table.to_pylist() == at(genotypes["b0"], [3], 2).to_pylist()


class Counting:
    """A store that counts the bytes that are read of each object."""

    def __init__(self, store: storage.Store) -> None:
        self._store, self.read_bytes = store, Counter[str]()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    def read(self, name: str, *span: int) -> bytes:
        data = self._store.read(name, *span)
        self.read_bytes[name] += len(data)
        return data

    @contextmanager
    def open(self, name: str) -> Iterator[BinaryIO]:
        with self._store.open(name) as stream:
            yield Tallied(stream, name, self.read_bytes)


class Tallied(io.RawIOBase):
    def __init__(self, stream: BinaryIO, name: str, tally: Counter[str]) -> None:
        self.stream, self.name, self.tally = stream, name, tally

    def seek(self, offset: int, whence: int = 0, /) -> int:
        return self.stream.seek(offset, whence)

    def read(self, size: int = -1, /) -> bytes:
        data = self.stream.read(size)
        self.tally[self.name] += len(data)
        return data


def test_growth_reads_the_footers_of_old_genotypes_and_no_more():
    """On a bucket every byte costs: a file of 2 MB was read whole, for its sha256, whether it was used or not."""
    store = storage.open_store("memory://segments-bytes")
    callset.begin_shard(store, SHARD)
    places = 40_000
    chance = np.random.default_rng(3)
    _, (table,) = make.tables(Random(2), make.CONTIGS[0].name, [5], [BATCHES["b0"]])
    table = table.take(np.tile(np.arange(2), places))
    numbers = pa.array(chance.integers(0, 1 << 30, 2 * places), pa.int32())
    pos = pa.array(np.repeat(np.arange(places, dtype=np.int32), 2))
    table = schema.with_column(schema.with_column(table, "DP", numbers), "pos", pos)
    keys = np.arange(places)
    positions = pa.table({"pos": pa.array(keys, pa.int32()), "key": keys})
    shares = pa.table({"records": pa.array([[0]] * places)})
    made = callset.SegmentTables(places=positions, genotypes=table, shares=shares)
    written = callset.write_segment(store, SHARD, "b0", made, made=MADE).genotypes
    counting = Counting(store)
    assert len(callset.find_segments(counting, SHARD, "b0", MADE, keys)) == 1
    assert written.bytes > 200_000
    assert counting.read_bytes[written.name] <= sealing.TAIL_BYTES < written.bytes / 3

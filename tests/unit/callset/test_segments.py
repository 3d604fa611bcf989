"""A batch's genotypes in several files are read as if they were in one, and found again when a callset grows."""

import io
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from random import Random
from typing import Any, BinaryIO

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from genocloud import callset, schema, sealing, storage
from genocloud.callset import call_rows
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


def sparse(sites: pa.Table, rows: pa.Table, samples: tuple[str, ...]) -> callset.SparseGenotypes:
    numbers = np.arange(len(rows), dtype=np.int32).reshape(len(sites), len(samples))
    matrix = callset.GenotypeMatrix(samples, rows.drop_columns(["contig", "pos", "sample"]).combine_chunks(), numbers)
    return callset.localise(matrix, np.asarray(pc.list_value_length(sites["alts"])))


def segment(
    store: storage.Store, batch: str, table: pa.Table, places: list[int], keys: list[int], label: str = ""
) -> callset.Segment:
    rows = at(table, places, len(BATCHES[batch]))
    sites = tables()[0].take(places).append_column("key", pa.array(keys, pa.int64()))
    shares = pa.table({"records": [[place] for place in places]})
    made = callset.SegmentTables.of(sites, sparse(sites, rows, BATCHES[batch]), shares)
    return callset.write_segment(store, SHARD, batch, made, made=MADE, label=label)


PARTS = [([0, 3, 5], [11, 14, 16], ""), ([2, 4], [13, 15], "m"), ([1], [12], "z")]


def in_parts(url: str) -> tuple[storage.Store, list[callset.Segment]]:
    """Batch b0 in three segments, each with sites between those of the others."""
    store = storage.open_store(url)
    callset.begin_shard(store, SHARD, "key")
    return store, [segment(store, "b0", tables()[1]["b0"], *part) for part in PARTS]


def write(url: str) -> tuple[callset.Callset, pa.Table, dict[str, pa.Table]]:
    """A callset whose batch b0 was merged from three segments."""
    (store, parts), (sites, genotypes) = in_parts(url), tables()
    held = [callset.load_segment(store, part, KEYS, samples=BATCHES["b0"]) for part in parts]
    merged = callset.merge_segments(held, KEYS)
    usable = {"b0": callset.write_segment(store, SHARD, "b0", merged, made=MADE)}
    usable["b1"] = segment(store, "b1", genotypes["b1"], [*range(6)], KEYS.tolist())
    files = {batch: [one.genotypes] for batch, one in usable.items()}
    shares = {batch: [one.shares] for batch, one in usable.items()}
    keyed = sites.append_column(schema.SITE_KEY.field, pa.array(KEYS))
    entry = callset.complete_shard(store, SHARD, "key", keyed, files, shares=shares)
    return callset.commit(store, make.description(BATCHES), [entry]), sites, genotypes


def test_merged_segments_are_read_as_one_that_was_written_whole():
    stored_callset, sites, genotypes = write("memory://segments-read")
    assert stored_callset.sites().to_pylist() == sites.to_pylist()
    both = [table.to_pylist() for table in genotypes.values()]
    expected = [row for place in range(6) for row in (*both[0][2 * place : 2 * place + 2], both[1][place])]
    assert sorted(map(str, stored_callset.genotypes().to_pylist())) == sorted(map(str, expected))
    assert stored_callset.genotypes("chr1:40-300", ["cat"])["pos"].to_pylist() == [40, 300]
    (shard,) = stored_callset.shards
    for batch, (name, table) in zip(stored_callset.batches(shard, ["GT"]), genotypes.items(), strict=True):
        matrix = batch.dense().matrix()
        assert batch.samples == BATCHES[name]
        assert matrix.distinct["GT"].take(pa.array(matrix.numbers.ravel())).to_pylist() == table["GT"].to_pylist()


@pytest.mark.parametrize("window", [1, 2, 4])
@pytest.mark.parametrize("span", [(0, 6), (1, 5), (3, 4), (2, 2)])
def test_any_span_is_read_in_windows_of_any_size(window: int, span: tuple[int, int], monkeypatch) -> None:
    monkeypatch.setattr(call_rows, "LEAST_WINDOW", 1)
    monkeypatch.setattr(call_rows, "WINDOW_CELLS", 2 * window)
    stored_callset, _, genotypes = write(f"memory://segments-span-{window}-{span[0]}")
    names = ["GT", "AD", "PID", "PL"]
    cells = stored_callset.cells(stored_callset.shards[0])
    matrix = cells.read("b0", span, names).dense().matrix()
    expected = genotypes["b0"].select(names).slice(2 * span[0], 2 * (span[1] - span[0]))
    assert matrix.distinct.select(names).take(pa.array(matrix.numbers.ravel())).to_pylist() == expected.to_pylist()


def test_rows_that_do_not_go_with_the_sites_are_damage():
    """As if another shard's file, whole and sealed, had come under this name and into the entry."""
    stored_callset, _, genotypes = write("memory://segments-other")
    store, (shard,) = stored_callset.store, stored_callset.shards
    other = segment(store, "b0", genotypes["b0"], [0, 1, 2, 3, 4, 4], [1, 2, 3, 4, 5, 6], "other").genotypes
    less = segment(store, "b0", genotypes["b0"], [0, 1, 2, 3, 4], [1, 2, 3, 4, 5], "less").genotypes
    for wrong in (less, replace(less, sites=6), replace(other, reference=less.reference)):
        damaged = replace(shard, genotypes=shard.genotypes | {"b0": (wrong,)})
        with pytest.raises(callset.DamagedFile, match="does not go with its sites"):
            replace(stored_callset, shards=(damaged,)).genotypes()
        assert callset.check_shard(store, damaged, BATCHES)


def usable(store: storage.Store, keys: list[int], made: str = MADE) -> list[str]:
    return [each.label for each in callset.find_segments(store, SHARD, "b0", made, np.array(keys))]


def test_segments_are_reused_unless_they_are_others_or_damaged():
    store, _ = in_parts("memory://segments-found")
    assert usable(store, KEYS.tolist()) == ["", "m", "z"]
    assert usable(store, [11, 14, 16, 99, 15]) == ["", "m"]
    assert usable(store, [11, 12]) == ["", "z"]
    assert usable(store, KEYS.tolist(), "another model") == []
    store.write(f"reference/b0/{SHARD.name}.m.parquet", b"cut short")
    assert usable(store, KEYS.tolist()) == ["", "z"]
    store.write(f"shares/b0/{SHARD.name}.z.parquet", b"cut short")
    assert usable(store, [11, 12, 14, 16]) == [""]


def test_no_site_is_in_two_segments():
    store, _ = in_parts("memory://segments-twice")
    segment(store, "b0", tables()[1]["b0"], [0], [11], "killed")
    assert usable(store, KEYS.tolist()) == ["", "m", "z"]


def test_genotypes_are_taken_out_of_a_segment():
    store, (first, *_) = in_parts("memory://segments-only")
    left = callset.load_segment(store, first, np.array([14]), samples=BATCHES["b0"])
    assert (left.places["key"].to_pylist(), left.shares["records"].to_pylist()) == ([14], [[3]])
    written = callset.write_segment(store, SHARD, "b0", left, made=MADE, label="left")
    alone = segment(store, "b0", tables()[1]["b0"], [3], [14], "alone")
    for one, other in zip(written.genotypes.tables, alone.genotypes.tables, strict=True):
        assert store.read(one.name) == store.read(other.name)


def test_a_damaged_segment_is_not_reused():
    store, (first, *_) = in_parts("memory://segments-damaged")
    name = first.genotypes.reference.name
    data = bytearray(store.read(name))
    data[10] ^= 1
    store.write(name, bytes(data))
    assert usable(store, KEYS.tolist()) == ["", "m", "z"]
    with pytest.raises(callset.DamagedFile):
        callset.load_segment(store, first, KEYS, samples=BATCHES["b0"])
    assert usable(store, KEYS.tolist()) == ["m", "z"]


def test_a_segment_with_damaged_shares_is_not_reused_though_its_keys_are_whole():
    """Of a file too large to be read at once only the keys are decoded."""
    store, places = storage.open_store("memory://segments-shares"), 40_000
    callset.begin_shard(store, SHARD)
    sites, (table,) = make.tables(Random(2), make.CONTIGS[0].name, [5], [BATCHES["b0"]])
    table, keys = table.take(np.tile(np.arange(2), places)), np.arange(places)
    sites = schema.with_column(sites.take(np.zeros(places, int)), "pos", pa.array(keys, pa.int32()))
    sites = sites.append_column("key", pa.array(keys))
    numbers = np.random.default_rng(3).integers(0, 1 << 62, (places, 4))
    made = callset.SegmentTables.of(
        sites, sparse(sites, table, BATCHES["b0"]), pa.table({"records": pa.array(numbers.tolist())})
    )
    written = callset.write_segment(store, SHARD, "b0", made, made=MADE)
    assert written.stored.equals(callset.find_segments(store, SHARD, "b0", MADE, keys)[0].stored)
    data = bytearray(store.read(written.shares.name))
    assert len(data) > 2 * sealing.WHOLE_BYTES
    data[len(data) // 2] ^= 1
    store.write(written.shares.name, bytes(data))
    assert callset.find_segments(store, SHARD, "b0", MADE, keys) == []


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
    sites, (table,) = make.tables(Random(2), make.CONTIGS[0].name, [5], [BATCHES["b0"]])
    table = table.take(np.tile(np.arange(2), places))
    numbers = pa.array(chance.integers(0, 1 << 30, 2 * places), pa.int32())
    keys = np.arange(places)
    table = schema.with_column(table, "DP", numbers)
    sites = schema.with_column(sites.take(np.zeros(places, int)), "pos", pa.array(keys, pa.int32()))
    sites = sites.append_column("key", pa.array(keys))
    shares = pa.table({"records": pa.array([[0]] * places)})
    made = callset.SegmentTables.of(sites, sparse(sites, table, BATCHES["b0"]), shares)
    written = callset.write_segment(store, SHARD, "b0", made, made=MADE).genotypes
    counting = Counting(store)
    assert len(callset.find_segments(counting, SHARD, "b0", MADE, keys)) == 1
    assert sum(file.bytes for file in written.tables) > 200_000
    for file in written.tables:
        assert counting.read_bytes[file.name] <= sealing.TAIL_BYTES

"""Sites that come, go or change: what a segment's rows say has no others; what they would say wrongly is refused."""

from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from uuid import uuid4

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from genocloud import annotations, callset, schema, storage
from genocloud.callset import call_rows, manifest
from genocloud.callset.segments import GONE
from genocloud.regions import Region
from tests.support import callset_tables as make
from tests.support.plain_callset import plain_columns

SHARD = make.Shard("000-chr1-00000", Region(0, 0, 1000))
POSITIONS = 5, 40, 300, 301
BATCHES = {"b0": ("ann", "bob")}
KEYS = np.arange(1, len(POSITIONS) + 1)

DISTINCT = [
    {"GT": "0/0", "AD": [10, 0], "DP": 10, "GQ": 30, "PL": [0, 30, 450]},
    {"GT": "0/0", "AD": [20, 0], "DP": 20, "GQ": 60, "PL": [0, 60, 900]},
    {"GT": "0/1", "AD": [9, 8], "DP": 17, "GQ": 50, "PL": [50, 0, 70]},
]
"""Two blocks' genotypes, and a variant's."""


CHANGED = 100
"""What the key of a site whose alleles have changed is more than it was."""


def sites(keys: np.ndarray = KEYS) -> pa.Table:
    rows = [{"contig": "chr1", "pos": POSITIONS[key % CHANGED - 1], "ref": "A", "alts": ["C"]} for key in keys.tolist()]
    return make.as_table(rows, annotations.SITES).append_column(schema.SITE_KEY.field, pa.array(keys))


def segment_tables(keys: np.ndarray, numbers: list[list[int]]) -> callset.SegmentTables:
    """Genotypes at some of the sites: for each the number of each sample's."""
    rows = [{"contig": "", "pos": 0, "sample": ""} | row for row in DISTINCT]
    distinct = make.as_table(rows, schema.GENOTYPES).select(schema.GENOTYPES.names[3:])
    matrix = callset.GenotypeMatrix(BATCHES["b0"], distinct, np.array(numbers, np.int32).reshape(-1, 2))
    genotypes = callset.localise(matrix, np.ones(len(keys), np.int32))
    return callset.SegmentTables.of(
        sites(keys).select(["contig", "pos", "key"]), genotypes, pa.table({"n": pa.array([0] * len(keys), pa.int64())})
    )


def add(base: list[int], numbers: list[list[int]]) -> tuple[storage.Store, callset.Segment, callset.Segment | None]:
    """A segment of the sites `base`, and beside it the others."""
    held = segment_tables(KEYS[base], [numbers[place] for place in base])
    return grow(held, KEYS, [numbers[place] for place in range(len(KEYS)) if place not in base])


def grow(
    held: callset.SegmentTables,
    keys: np.ndarray,
    numbers: list[list[int]],
    version: AbstractContextManager[None] = nullcontext(),  # noqa: B008
) -> tuple[storage.Store, callset.Segment, callset.Segment | None]:
    """A segment as it stays, and beside it genotypes at those of these sites that it lacks; None if it cannot."""
    store = storage.open_store(f"memory://{uuid4()}")
    callset.begin_shard(store, SHARD)
    with version:
        segment = callset.write_segment(store, SHARD, "b0", held, made="")
    segment = callset.without_stale_calls(store, segment, sites=sites(keys), samples=2)
    added = segment_tables(keys[~np.isin(keys, segment.keys)], numbers)
    written = callset.write_added(
        store,
        SHARD,
        "b0",
        segment,
        sites=sites(keys),
        genotypes=added.genotypes,
        shares=added.shares,
    )
    return store, segment, written


def read(store: storage.Store, *segments: callset.Segment, keys: np.ndarray = KEYS) -> list[list[int]]:
    """The number of the genotype of each site and sample, as GQ tells."""
    files, shares = [each.genotypes for each in segments], [each.shares for each in segments]
    entry = callset.complete_shard(store, SHARD, "key", sites(keys), {"b0": files}, shares={"b0": shares})
    stored = callset.commit(store, make.description(BATCHES), [entry])
    assert callset.check_shard(store, entry, BATCHES) == []
    assert cells_by_globs(store, sites(keys)["pos"].to_numpy()) == len(keys) * 2
    assert stored.carriers("chr1")["pos"].to_pylist() == [
        row["pos"] for row in stored.genotypes().to_pylist() if row["GT"] == "0/1"
    ]
    for region in (None, "chr1:40-300"):
        rows = [stored.calls(region).to_pylist(), stored.reference(region).to_pylist()]
        assert rows == make.rows_of_genotypes(stored, region, stored.samples)
    qualities = [row["GQ"] for row in DISTINCT]
    return np.array([qualities.index(gq) for gq in stored.genotypes()["GQ"].to_pylist()]).reshape(-1, 2).tolist()


def cells_by_globs(store: storage.Store, positions: np.ndarray) -> int:
    """Cells for which rows stand, by the files alone: each row of CALLS, and the sites between a run's ends."""
    calls, runs = (
        pa.concat_tables(
            [pq.read_table(pa.BufferReader(store.read(name)), columns=columns) for name in store.list(f"{folder}/")]
        )
        for folder, columns in (("calls", ["pos"]), ("reference", ["pos", "end"]))
    )
    assert np.isin(calls["pos"].to_numpy(), positions).all()
    bounds = zip(runs["pos"].to_pylist(), runs["end"].to_pylist(), strict=True)
    return len(calls) + sum(int(((positions >= first) & (positions <= last)).sum()) for first, last in bounds)


def test_only_cells_that_no_run_reaches_have_rows():
    numbers = [[0, 0], [0, 2], [0, 1], [1, 1]]
    store, segment, added = add([0, 2], numbers)
    assert added is not None
    assert (added.genotypes.calls.rows, added.genotypes.reference.rows) == (1, 2)  # bob's at 40, both at 301
    assert read(store, *callset.among((segment, added), sites(), 2)) == numbers


@pytest.mark.parametrize("between", [1, 2])
def test_a_run_that_reaches_over_another_genotype_is_cut_in_a_new_segment(between):
    numbers = [[0, 0], [between, 0], [0, 0], [0, 0]]
    store, segment, added = add([0, 2, 3], numbers)
    assert added is None
    held = [callset.load_segment(store, segment, KEYS, samples=BATCHES["b0"]), segment_tables(KEYS[1:2], [numbers[1]])]
    merged = callset.write_segment(store, SHARD, "b0", callset.merge_segments(held, KEYS), made="")
    assert merged.genotypes.calls.rows + merged.genotypes.reference.rows == 4  # bob's is one run
    assert read(store, merged) == numbers


def test_windows_of_the_segment_are_those_of_what_stands_beside_it(monkeypatch):
    monkeypatch.setattr(call_rows, "LEAST_WINDOW", 1)
    monkeypatch.setattr(call_rows, "WINDOW_CELLS", 4)
    numbers = [[0, 0], [1, 1], [0, 0], [0, 0]]
    store, segment, added = add([0, 2, 3], numbers)
    assert added is None  # in one window
    store, segment, added = add([0, 1, 3], [[1, 0], [0, 0], [2, 1], [0, 0]])
    assert added is not None  # 301 is in another
    both = callset.among((segment, added), sites(), 2)
    assert [each.genotypes.windows for each in both] == [(0, 3), (0, 3)]
    assert read(store, *both) == [[1, 0], [0, 0], [2, 1], [0, 0]]


def test_few_sites_may_come_or_go():
    store = storage.open_store(f"memory://{uuid4()}")
    segment = callset.write_segment(store, SHARD, "b0", segment_tables(KEYS, [[0, 0]] * 4), made="")
    changed = KEYS + np.array([0, CHANGED, 0, 0])
    assert all(callset.may_stay(segment, sites(keys)) for keys in (KEYS, KEYS[1:], changed))
    assert not any(callset.may_stay(segment, sites(keys)) for keys in (KEYS[2:], KEYS + CHANGED))
    few = callset.write_segment(store, SHARD, "b0", segment_tables(KEYS[1:], [[0, 0]] * 3), made="")
    assert not callset.may_stay(few, sites())


@pytest.mark.parametrize("gone", range(len(KEYS)))
def test_a_run_that_begins_or_ends_at_a_site_that_goes_stays_as_it_is(gone):
    """It stands for the sites that are left in it, for none where there is none."""
    numbers = [[0, 0], [0, 1], [1, 1], [1, 1]]
    keys = np.delete(KEYS, gone)
    store, segment, added = grow(segment_tables(KEYS, numbers), keys, [])
    assert added is not None
    assert segment.genotypes.reference.rows == 4
    (stays,) = callset.among((segment,), sites(keys), 2)
    assert stays.genotypes.sites == 3
    assert read(store, stays, keys=keys) == np.delete(numbers, gone, axis=0).tolist()


def test_calls_at_sites_that_go_are_removed_and_no_other_row():
    numbers = [[0, 0], [0, 2], [2, 2], [0, 0]]
    keys = np.delete(KEYS, 1)
    store, segment, added = grow(segment_tables(KEYS, numbers), keys, [])
    assert added is not None
    assert segment.genotypes.calls.rows == 2
    (stays,) = callset.among((segment,), sites(keys), 2)
    assert read(store, stays, keys=keys) == np.delete(numbers, 1, axis=0).tolist()


def test_a_segment_without_some_calls_is_reused_and_loaded_and_takes_the_site_again():
    numbers = [[0, 0], [1, 2], [0, 0], [0, 0]]
    store, segment, _ = grow(segment_tables(KEYS, numbers), np.delete(KEYS, 1), [])
    (reused,) = callset.find_segments(store, SHARD, "b0", "", KEYS)
    assert reused.keys.tolist() == segment.keys.tolist() == [1, GONE, 3, 4]
    held = callset.load_segment(store, reused, KEYS, samples=BATCHES["b0"])
    assert held.places["key"].to_pylist() == [1, 3, 4]
    added = callset.write_added(
        store,
        SHARD,
        "b0",
        reused,
        sites=sites(),
        genotypes=segment_tables(KEYS[1:2], [[1, 2]]).genotypes,
        shares=pa.table({"n": pa.array([0], pa.int64())}),
    )
    assert added is not None
    assert read(store, *callset.among((reused, added), sites(), 2)) == numbers


@pytest.mark.parametrize(("after", "rows"), [([0, 2], 1), ([0, 1], 1), ([1, 2], None), ([2, 2], None)])
def test_a_site_of_other_alleles_has_rows_where_no_run_reaches(after, rows):
    """The segment stays where each run over the site is of the genotype with the new alleles; calls come anew."""
    numbers = [[0, 0], [0, 2], [0, 0], [0, 0]]
    keys = KEYS + np.array([0, CHANGED, 0, 0])
    store, segment, added = grow(segment_tables(KEYS, numbers), keys, [after])
    assert (added and added.genotypes.calls.rows + added.genotypes.reference.rows) == rows
    if added:
        assert read(store, *callset.among((segment, added), sites(keys), 2), keys=keys) == [[0, 0], after, *numbers[2:]]


def test_callsets_of_the_version_before_are_read(monkeypatch):
    numbers = [[0, 0], [0, 2], [0, 1], [1, 1]]
    store, segment, added = add([0, 2, 3], numbers)
    assert added is not None
    with monkeypatch.context() as patched:
        patched.setattr(manifest, "VERSION", manifest.ADDING_VERSION)
        assert read(store, *callset.among((segment, added), sites(), 2)) == numbers
    assert f'"version": {manifest.ADDING_VERSION}'.encode() in store.read("manifest/00000001.json")
    qualities = callset.open_callset(store.url).genotypes()["GQ"].to_pylist()
    assert [qualities[2:4], qualities[6:]] == [[30, 50], [60, 60]]


@pytest.mark.parametrize("gone", [[], [1]])
def test_a_segment_of_plain_columns_stays_beside_packed_ones(gone):
    """That of a callset of version 7; its calls are packed where some of them are removed."""
    numbers = [[0, 0], [0, 2], [2, 1], [0, 2]]
    keys = np.delete(KEYS, gone)
    held = segment_tables(KEYS[:3], numbers[:3])
    store, segment, added = grow(held, keys, numbers[3:], plain_columns())
    assert added is not None
    names = [pq.read_schema(pa.BufferReader(store.read(each.genotypes.calls.name))).names for each in (segment, added)]
    assert ["packed_LPL" in each for each in names] == [bool(gone), True]
    both = callset.among((segment, added), sites(keys), 2)
    assert read(store, *both, keys=keys) == np.delete(numbers, gone, axis=0).tolist()
    likelihoods = callset.open_callset(store.url).genotypes()["PL"].to_pylist()
    assert likelihoods == [DISTINCT[number]["PL"] for row in np.delete(numbers, gone, axis=0) for number in row]


def test_a_contig_that_loses_its_sites_is_written_anew():
    store = storage.open_store(f"memory://{uuid4()}")
    callset.begin_shard(store, SHARD)
    held = segment_tables(KEYS, [[0, 0]] * 4)
    words = pa.array(["chr1", "chr1", "chr1", "chr2"]).dictionary_encode()
    places = held.places.set_column(0, "contig", words)
    segment = callset.write_segment(store, SHARD, "b0", replace(held, places=places), made="")
    assert not callset.may_stay(segment, places.slice(0, 3))
    assert callset.may_stay(segment, places.slice(1))


def test_windows_begin_where_their_first_site_was(monkeypatch):
    """A site that comes between it and the next one may lie in a run of its window."""
    monkeypatch.setattr(call_rows, "LEAST_WINDOW", 2)
    monkeypatch.setattr(call_rows, "WINDOW_CELLS", 4)
    monkeypatch.setattr("tests.unit.callset.test_added_sites.POSITIONS", (5, 40, 300, 302, 301))
    numbers = [[0, 1], [1, 0], [1, 1], [1, 1]]
    keys = np.array([1, 2, 5, 4])
    store, segment, added = grow(segment_tables(KEYS, numbers), keys, [[1, 1]])
    assert added is not None
    both = callset.among((segment, added), sites(keys), 2)
    assert [each.genotypes.windows for each in both] == [(0, 2), (0, 2)]
    assert added.genotypes.reference.rows == 0
    assert read(store, *both, keys=keys) == [[0, 1], [1, 0], [1, 1], [1, 1]]


def test_what_stands_beside_another_segment_is_not_reused():
    store, segment, added = add([0, 1, 2], [[0, 0]] * 4)
    reusable = callset.find_added(store, SHARD, "b0", segment, KEYS)
    assert reusable is not None
    assert added is not None
    assert (reusable.genotypes, reusable.shares) == (added.genotypes, added.shares)
    other = callset.write_segment(store, SHARD, "b0", segment_tables(KEYS[:3], [[1, 1]] * 3), made="")
    assert callset.find_added(store, SHARD, "b0", other, KEYS) is None

"""Sites that come to a segment's: what its runs say already has no rows, and what they would say wrongly is refused."""

from uuid import uuid4

import numpy as np
import pyarrow as pa
import pytest

from genocloud import annotations, callset, schema, storage
from genocloud.callset import call_rows
from genocloud.regions import Region
from tests.support import callset_tables as make

SHARD = make.Shard("000-chr1-00000", Region(0, 0, 1000))
POSITIONS = 5, 40, 300, 301
BATCHES = {"b0": ("ann", "bob")}
KEYS = np.arange(len(POSITIONS))

DISTINCT = [
    {"GT": "0/0", "AD": [10, 0], "DP": 10, "GQ": 30, "PL": [0, 30, 450]},
    {"GT": "0/0", "AD": [20, 0], "DP": 20, "GQ": 60, "PL": [0, 60, 900]},
    {"GT": "0/1", "AD": [9, 8], "DP": 17, "GQ": 50, "PL": [50, 0, 70]},
]
"""Two blocks' genotypes, and a variant's."""


def sites() -> pa.Table:
    rows = [{"contig": "chr1", "pos": pos, "ref": "A", "alts": ["C"]} for pos in POSITIONS]
    return make.as_table(rows, annotations.SITES).append_column(schema.SITE_KEY.field, pa.array(KEYS))


def segment_tables(places: list[int], numbers: list[list[int]]) -> callset.SegmentTables:
    """Genotypes at some of the sites: for each the number of each sample's."""
    rows = [{"contig": "", "pos": 0, "sample": ""} | row for row in DISTINCT]
    distinct = make.as_table(rows, schema.GENOTYPES).select(schema.GENOTYPES.names[3:])
    matrix = callset.GenotypeMatrix(BATCHES["b0"], distinct, np.array(numbers, np.int32))
    genotypes = callset.localise(matrix, np.ones(len(places), np.int32))
    return callset.SegmentTables.of(
        sites().select(["contig", "pos", "key"]).take(places),
        genotypes,
        pa.table({"n": pa.array([0] * len(places), pa.int64())}),
    )


def add(base: list[int], numbers: list[list[int]]) -> tuple[storage.Store, callset.Segment, callset.Segment | None]:
    """A segment of the sites `base`, and beside it the others."""
    store = storage.open_store(f"memory://{uuid4()}")
    callset.begin_shard(store, SHARD)
    others = [place for place in range(len(POSITIONS)) if place not in base]
    first, second = (segment_tables(places, [numbers[place] for place in places]) for places in (base, others))
    segment = callset.write_segment(store, SHARD, "b0", first, made="")
    return (
        store,
        segment,
        callset.write_added(
            store, SHARD, "b0", segment, sites=sites(), genotypes=second.genotypes, shares=second.shares
        ),
    )


def read(store: storage.Store, *segments: callset.Segment) -> list[list[int]]:
    """The number of the genotype of each site and sample, as GQ tells."""
    files, shares = [each.genotypes for each in segments], [each.shares for each in segments]
    entry = callset.complete_shard(store, SHARD, "key", sites(), {"b0": files}, shares={"b0": shares})
    stored = callset.commit(store, make.description(BATCHES), [entry])
    assert callset.check_shard(store, entry, BATCHES) == []
    assert stored.carriers("chr1")["pos"].to_pylist() == [
        row["pos"] for row in stored.genotypes().to_pylist() if row["GT"] == "0/1"
    ]
    qualities = [row["GQ"] for row in DISTINCT]
    return np.array([qualities.index(gq) for gq in stored.genotypes()["GQ"].to_pylist()]).reshape(-1, 2).tolist()


def test_only_cells_that_no_run_reaches_have_rows():
    numbers = [[0, 0], [0, 2], [0, 1], [1, 1]]
    store, segment, added = add([0, 2], numbers)
    assert added is not None
    assert (added.genotypes.calls.rows, added.genotypes.reference.rows) == (1, 2)  # bob's at 40, both at 301
    assert read(store, *callset.with_windows(segment, added, KEYS, 2)) == numbers


@pytest.mark.parametrize("between", [1, 2])
def test_a_run_that_reaches_over_another_genotype_is_cut_in_a_new_segment(between):
    numbers = [[0, 0], [between, 0], [0, 0], [0, 0]]
    store, segment, added = add([0, 2, 3], numbers)
    assert added is None
    held = [callset.load_segment(store, segment, KEYS, samples=BATCHES["b0"]), segment_tables([1], [numbers[1]])]
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
    both = callset.with_windows(segment, added, KEYS, 2)
    assert [each.genotypes.windows for each in both] == [(0, 3), (0, 3)]
    assert read(store, *both) == [[1, 0], [0, 0], [2, 1], [0, 0]]


def test_few_sites_may_be_added_and_none_may_go():
    store = storage.open_store(f"memory://{uuid4()}")
    segment = callset.write_segment(store, SHARD, "b0", segment_tables([0, 1, 2, 3], [[0, 0]] * 4), made="")
    assert not callset.may_be_added(segment, KEYS)
    assert callset.may_be_added(segment, np.arange(5))
    assert not callset.may_be_added(segment, np.arange(6))
    assert not callset.may_be_added(segment, np.array([0, 1, 2, 4, 5]))


def test_what_stands_beside_another_segment_is_not_reused():
    store, segment, added = add([0, 1, 2], [[0, 0]] * 4)
    reusable = callset.find_added(store, SHARD, "b0", segment, KEYS)
    assert reusable is not None
    assert added is not None
    assert (reusable.genotypes, reusable.shares) == (added.genotypes, added.shares)
    other = callset.write_segment(store, SHARD, "b0", segment_tables([0, 1, 2], [[1, 1]] * 3), made="")
    assert callset.find_added(store, SHARD, "b0", other, KEYS) is None

"""Row groups of a window are those of a slow version, in whatever pieces its rows come."""

from itertools import pairwise

import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from genocloud.cohort.batch import KINDS
from genocloud.cohort.row_groups import RowGroups, extent_along, in_order, tiles_of
from genocloud.regions import Axis, Contig, Part, Region
from tests.support.cohort_people import block, variant
from tests.support.examples import examples

TILES = (Region(0, 100, 110), Region(0, 110, 120), Region(0, 120, 125), Region(1, 0, 10), Region(2, 0, 7))
PLACES = [(tile.contig, start) for tile in TILES for start in range(tile.start, tile.end)]
ROWS = st.sets(st.tuples(st.integers(0, 3), st.sampled_from(PLACES)), max_size=60)


def table_of(rows):
    """Blocks of one base of (sample, (contig, start)) rows, in order."""
    ordered = sorted((contig, sample, start) for sample, (contig, start) in rows)
    columns = [{**block(contig, start, start + 1, 7), "sample": sample} for contig, sample, start in ordered]
    return pa.Table.from_pylist(columns, KINDS["blocks"])


def places_of(tables):
    return [
        [tuple(row.values()) for row in table.select(["contig", "sample", "start"]).to_pylist()] for table in tables
    ]


def slow_groups(rows, most):
    """Tile by tile."""
    groups, last = [], []
    for tile in TILES:
        here = [row for row in rows if row[1][0] == tile.contig and tile.start <= row[1][1] < tile.end]
        if len(last) + len(here) > most:
            groups.append(last)
            last = []
        if len(here) > most:
            ordered = places_of([table_of(here)])[0]
            groups += [
                [(sample, (contig, start)) for contig, sample, start in ordered[at : at + most]]
                for at in range(0, len(here), most)
            ]
        else:
            last = [*last, *here]
    return places_of([table_of(group) for group in [*groups, last] if group])


@examples(200)
@given(ROWS, st.integers(1, 12), st.lists(st.integers(0, 5), max_size=2), st.integers(1, 9))
def test_row_groups_are_those_of_the_slow_version(rows, most, cuts, size):
    """Pieces are of some tiles each, or, of one tile, of some rows each."""
    window, made = RowGroups(tiles=TILES, most=most), []
    edges = sorted({0, *cuts, len(TILES)})
    for first, end in pairwise(edges):
        here = [row for row in rows for tile in TILES[first:end] if inside(row, tile)]
        table = table_of(here)
        step = size if end == first + 1 else max(1, len(here))
        for at in range(0, max(1, len(here)), step):
            made += window.add(table.slice(at, step))
    made += window.end()
    assert places_of(made) == slow_groups(rows, most)


def inside(row, tile):
    return row[1][0] == tile.contig and tile.start <= row[1][1] < tile.end


@examples(100)
@given(st.lists(st.tuples(st.integers(0, 3), st.sampled_from(PLACES)), max_size=30))
def test_rows_in_order_are_those_that_are_sorted(rows):
    table = pa.concat_tables([KINDS["blocks"].empty_table(), *(table_of([row]) for row in rows)])
    assert places_of([in_order(table)]) == places_of([table_of(rows)])
    assert [TILES[tile].contig for tile in tiles_of(table, TILES)] == [contig for _, (contig, _) in rows]


def test_variants_reach_as_far_as_their_ref_whatever_cut_them():
    contigs = (Contig("chr1", 1000), Contig("chr2", 300))
    axis = Axis(contigs, Part("000-chr1-and-1-more", (0, 1)))
    rows = [{**variant(0, 40, "A" * 30, 7), "sample": 0, "stop": 45}, {**variant(1, 10, "A", 7), "sample": 0}]
    table = pa.Table.from_pylist(rows, KINDS["variants"])
    assert extent_along(table, axis) == (40, 1011)
    assert extent_along(table.slice(0, 1), axis) == (40, 70)
    assert extent_along(table_of([(0, (1, 5)), (1, (0, 110))]), axis) == (110, 1006)

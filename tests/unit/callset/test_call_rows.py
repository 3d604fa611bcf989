"""Genotypes are cut into rows of calls and of reference runs, by site, and found again."""

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from genocloud import schema
from genocloud.callset import call_rows, local_genotypes
from genocloud.callset.call_rows import LocatedRows, SitePlaces
from genocloud.kernels.cell_runs import CellRuns

PLACES = SitePlaces(["chr1"], np.zeros(4, np.int64), np.array([5, 9, 20, 21]))
SAMPLES = ("ann", "bob")
BLANK = dict.fromkeys(schema.LOCAL_GENOTYPES.names) | {"GT": "0/0", "LAA": []}


def genotypes(*rows: dict) -> pa.Table:
    columns = {name: [(BLANK | row)[name] for row in rows] for name in schema.LOCAL_GENOTYPES.names}
    words = [name for name, kind in zip(columns, schema.LOCAL_GENOTYPES.types, strict=True) if kind == schema.WORD]
    plain = pa.schema(
        [pa.field(each.name, schema.STRING if each.name in words else each.type) for each in schema.LOCAL_GENOTYPES]
    )
    return pa.table(columns, plain).cast(schema.LOCAL_GENOTYPES)


def runs(*each: tuple[int, int, int, int]) -> CellRuns:
    """Of sample, first site, site after the last, number."""
    return CellRuns(*(np.array(column, np.int32) for column in zip(*each, strict=True)))


def test_rows_come_by_site() -> None:
    distinct = genotypes({"DP": 30}, {"DP": 20}, {"GT": "0/1", "LAA": [1]})
    cells = runs((0, 0, 3, 0), (0, 3, 4, 2), (1, 0, 1, 2), (1, 1, 3, 1), (1, 3, 4, 0))
    sparse = local_genotypes.SparseGenotypes(SAMPLES, distinct, cells, np.ones(4, np.int32))
    calls, reference = call_rows.split(sparse, PLACES, 3)
    columns = reference.table.select(["pos", "end", "sample", "DP"]).to_pydict().values()
    assert [*zip(*columns, strict=True)] == [(5, 20, "ann", 30), (9, 20, "bob", 20), (21, 21, "bob", 30)]
    assert reference.rows.tolist() == [2, 1]
    assert [*zip(*calls.table.select(["pos", "sample"]).to_pydict().values(), strict=True)] == [(5, "bob"), (21, "ann")]
    assert calls.rows.tolist() == [1, 1]


@pytest.mark.parametrize(
    ("row", "more", "is_call"),
    [
        ({"DP": 30, "LAD": [30, 0]}, 0, False),
        ({"DP": 24, "LAD": [30, 0]}, 6, False),
        ({"DP": 30, "LAD": [0, 0]}, -30, False),
        ({"DP": 30, "LAD": None}, None, False),
        ({"DP": 30, "LAD": [29, 1]}, None, True),
        ({"DP": None, "LAD": [30, 0]}, None, True),
        ({"DP": 30, "LAD": [None, 0]}, None, True),
        ({"DP": 30, "LAD": [30]}, None, True),
    ],
)
def test_depths_of_ref_alone_leave_a_genotype_a_reference_run(row: dict, more: int | None, is_call: bool) -> None:
    sparse = local_genotypes.SparseGenotypes(("ann",), genotypes(row), runs((0, 0, 4, 0)), np.ones(4, np.int32))
    calls, reference = call_rows.split(sparse, PLACES)
    assert len(calls.table) == 4 * is_call
    assert reference.table["AD_minus_DP"].to_pylist() == [more] * (not is_call)
    back, located = LocatedRows.of((calls.table, reference.table), PLACES, (0, 4), ("ann",)).at((0, 4))
    assert back.take(pa.array(located.numbers)).to_pylist()[0] == genotypes(row).to_pylist()[0]


@pytest.mark.parametrize(
    ("row", "second", "in_full"),
    [
        ({"GQ": 30, "LPL": [0, 30, 450]}, 450, None),
        ({"GQ": 0, "LPL": [0, 0, 0]}, 0, None),
        ({"GQ": 9, "LPL": [0, 30, 450]}, None, [0, 30, 450]),
        ({"GQ": None, "LPL": [0, None, 450]}, 450, None),
        ({"GQ": 30, "LPL": [0, 30, None]}, None, [0, 30, None]),
        ({"GQ": 30, "LPL": [2, 30, 0]}, None, [2, 30, 0]),
        ({"GQ": 30, "LPL": [0, 30]}, None, [0, 30]),
        ({"GQ": 30, "LPL": None}, None, None),
    ],
)
def test_likelihoods_that_gq_tells_are_not_stored_again(row: dict, second: int | None, in_full: list | None) -> None:
    distinct = genotypes({"GQ": 30, "LPL": [0]}, row)
    cells = runs((0, 0, 4, 1), (1, 0, 2, 0), (1, 2, 4, 1))
    calls, reference = call_rows.split(
        local_genotypes.SparseGenotypes(SAMPLES, distinct, cells, np.ones(4, np.int32)), PLACES
    )
    stored = reference.table.filter(pa.array(np.array(reference.table["sample"].to_pylist()) == "ann"))
    assert (stored["PL2"].to_pylist(), stored["PL"].to_pylist()) == ([second], [in_full])
    back, located = LocatedRows.of((calls.table, reference.table), PLACES, (0, 4), SAMPLES).at((0, 4))
    assert back.take(pa.array(located.numbers)).to_pylist() == distinct.take(pa.array(cells.numbers)).to_pylist()


@given(st.lists(st.tuples(st.sampled_from("abc"), st.integers(1, 30)), max_size=12, unique=True), st.data())
def test_runs_reach_the_sites_that_are_left_between_their_ends(sites, data):
    """Held to a search of all sites, on contigs of which some have none."""
    ends = st.tuples(st.integers(1, 30), st.integers(1, 30)).map(sorted)
    runs = data.draw(st.lists(st.tuples(st.sampled_from("abc"), ends), max_size=6))
    sites = sorted(sites)
    names = pa.array([contig for contig, _ in sites], pa.string()).dictionary_encode()
    places = SitePlaces.of(pa.table({"contig": names, "pos": pa.array([pos for _, pos in sites], pa.int32())}))
    contigs = pa.array([contig for contig, _ in runs], pa.string()).dictionary_encode()
    first, last = (pa.array([between[end] for _, between in runs], pa.int32()) for end in (0, 1))
    firsts, lasts = places.reach(pa.table({"contig": contigs, "pos": first, "end": last}))
    reached = [range(one, other + 1) for one, other in zip(firsts.tolist(), lasts.tolist(), strict=True)]
    assert list(map(list, reached)) == [
        [n for n, (name, pos) in enumerate(sites) if name == contig and start <= pos <= end]
        for contig, (start, end) in runs
    ]

"""The dense view of genotypes by local alleles is that of the slow twin, at sites of any number of ALTs."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from genocloud import schema
from genocloud.callset.local_genotypes import SparseGenotypes, take_rows
from genocloud.kernels.cell_runs import runs_of_cells
from genocloud.kernels.list_columns import take_lists
from tests.support import genotypes as twin
from tests.support.examples import examples

SAMPLES = ("ann", "bob", "cat")


@st.composite
def local_genotypes(draw: st.DrawFn, alts: int) -> dict[str, Any]:
    """A row of LOCAL_GENOTYPES that may stand at a site of so many ALTs."""
    laa = sorted(draw(st.sets(st.integers(1, alts)))) if alts else []
    alleles, ploidy = 1 + len(laa) + (len(laa) < alts), draw(st.integers(1, 4))
    called = draw(st.lists(st.sampled_from([".", "0", *map(str, laa)]), min_size=ploidy, max_size=ploidy))
    depths = st.lists(st.none() | st.integers(0, 99), min_size=alleles, max_size=alleles)
    count = len(twin.genotypes(alleles, ploidy))
    return {
        "GT": draw(st.sampled_from("/|")).join(called),
        "LAA": laa,
        "LAD": draw(st.none() | depths),
        "DP": draw(st.none() | st.integers(0, 99)),
        "GQ": draw(st.none() | st.integers(0, 999)),
        "PGT": draw(st.none() | st.just("0|1")),
        "PID": None,
        "LPL": draw(st.none() | st.lists(st.integers(0, 999), min_size=count, max_size=count)),
        "PS": draw(st.none() | st.integers(1, 99)),
        "RGQ": draw(st.none() | st.integers(0, 99)),
    }


@st.composite
def sparse_genotypes(draw: st.DrawFn) -> tuple[SparseGenotypes, list[list[dict[str, Any]]]]:
    """Sparse genotypes, and the local genotype in each cell, site by site; those of one kind of site share rows."""
    alts = draw(st.lists(st.integers(0, 4), max_size=6))
    rows, by_alts = [], {}
    for count in set(alts):
        by_alts[count] = [len(rows), len(rows) + 1]
        rows += [draw(local_genotypes(count)) for _ in range(2)]
    reference = {"GT": "0/0", "LAA": [], "LAD": None, "DP": 3, "GQ": 9, "PGT": None, "PID": None, "LPL": [0, 9, 90]}
    rows.append(reference | {"PS": None, "RGQ": None})  # one row at sites of all kinds but those without ALTs
    numbers = [
        [draw(st.sampled_from([*by_alts[count], *([len(rows) - 1] if count else [])])) for _ in SAMPLES]
        for count in alts
    ]
    cells = np.array(numbers, np.int32).reshape(len(alts), len(SAMPLES))
    columns = {field.name: pa.array([row[field.name] for row in rows], _plain(field.type)) for field in _FIELDS}
    table = pa.table({name: column.cast(schema.LOCAL_GENOTYPES.field(name).type) for name, column in columns.items()})
    sparse = SparseGenotypes(SAMPLES, table, runs_of_cells(cells), np.array(alts, np.int32))
    return sparse, [[rows[number] for number in line] for line in numbers]


_FIELDS = list(schema.LOCAL_GENOTYPES)


def _plain(kind: pa.DataType) -> pa.DataType:
    return schema.STRING if pa.types.is_dictionary(kind) else kind


def dense(local: dict[str, Any], alts: int) -> dict[str, Any]:
    """The genotype at a site of so many ALTs."""
    own = [0] + [local["LAA"].index(k) + 1 if k in local["LAA"] else len(local["LAA"]) + 1 for k in range(1, alts + 1)]
    ploidy = len(local["GT"].replace("|", "/").split("/"))
    wide = {name: local[name] for name in ("GT", "DP", "GQ", "PGT", "PID", "PS", "RGQ")}
    wide["AD"] = local["LAD"] and [local["LAD"][number] for number in own]
    wide["PL"] = local["LPL"] and twin.project(local["LPL"], own, ploidy)
    return wide


def in_cells(numbers: Sequence[Sequence[int]], rows: Sequence[dict[str, Any]]) -> list[list[dict[str, Any]]]:
    return [[rows[number] for number in line] for line in numbers]


@given(sparse_genotypes(), st.integers(0, 6), st.integers(0, 6))
@examples(100)
def test_dense_genotypes_are_the_twins(made, first, last):
    sparse, cells = made
    view = sparse.dense()
    rows = view.distinct.to_pylist()
    wanted = [[dense(local, int(alts)) for local in line] for alts, line in zip(sparse.alts, cells, strict=True)]
    assert in_cells(view.matrix().numbers.tolist(), rows) == wanted
    start, stop = min(first, last, len(cells)), min(max(first, last), len(cells))
    assert in_cells(view.cells(start, stop).tolist(), rows) == wanted[start:stop]


@given(sparse_genotypes())
@examples(30)
def test_each_distinct_genotype_occurs_in_some_cell(made):
    view = made[0].dense()
    assert set(view.matrix().numbers.ravel().tolist()) == set(range(len(view.distinct)))


@given(sparse_genotypes(), st.lists(st.integers(0, 99), max_size=9), st.sampled_from([1 << 31, 1]))
@examples(60)
def test_rows_are_those_that_arrow_takes(made, numbers, most):
    distinct = made[0].dense().distinct
    rows = np.array([number % len(distinct) for number in numbers if len(distinct)], np.int32)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("genocloud.callset.local_genotypes._MOST_VALUES", most)
        taken = take_rows(distinct, rows)
    taken.validate(full=True)
    assert taken.to_pylist() == distinct.take(pa.array(rows)).to_pylist()
    offsets, values = (np.array(each) for each in schema.ragged(distinct["PL"]))
    twin_lists = [values[offsets[row] : offsets[row + 1]].tolist() for row in rows]
    for run in (take_lists, take_lists.py_func):
        at, flat = run(offsets, values, rows)
        assert [flat[start:end].tolist() for start, end in pairwise(at)] == twin_lists

"""What an exported file with local alleles says of each cell, by slow twins; blocks cover just their cells."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from genocloud import schema
from genocloud.callset.local_genotypes import SparseGenotypes
from genocloud.callset.written_genotypes import block_view, local_view
from genocloud.kernels.cell_runs import runs_of_cells
from tests.support import genotypes as twin
from tests.support.examples import examples

SAMPLES = ("ann", "bob")
NAMES = schema.LOCAL_GENOTYPES.names


@st.composite
def local_rows(draw: st.DrawFn, alts: int = 3) -> dict[str, Any]:
    """A row of LOCAL_GENOTYPES at sites of three ALTs; GT may have one that is not the record's own."""
    laa = sorted(draw(st.sets(st.integers(1, alts))))
    alleles, ploidy = 1 + len(laa) + (len(laa) < alts), draw(st.integers(1, 2))
    called = [str(allele) for allele in draw(st.lists(st.integers(0, alts), min_size=ploidy, max_size=ploidy))]
    called = draw(st.sampled_from([["0"] * ploidy, ["."] * ploidy, called]))
    depths = st.lists(st.none() | st.integers(0, 1), min_size=alleles, max_size=alleles)  # so few that many are alike
    count = len(twin.genotypes(alleles, ploidy))
    likelihoods = st.lists(st.integers(0, 999), min_size=count, max_size=count)
    return dict.fromkeys(NAMES) | {
        "GT": draw(st.sampled_from("/|")).join(called),
        "LAA": laa,
        "LAD": draw(st.none() | depths),
        "DP": draw(st.none() | st.just(7)),
        "PGT": draw(st.none() | st.just("0|1")),
        "LPL": draw(st.none() | likelihoods),
    }


def as_table(rows: Sequence[dict[str, Any]]) -> pa.Table:
    plain = [pa.string() if pa.types.is_dictionary(field.type) else field.type for field in schema.LOCAL_GENOTYPES]
    columns = pa.schema(list(zip(NAMES, plain, strict=True)))
    return pa.Table.from_pylist(list(rows), schema=columns).cast(schema.LOCAL_GENOTYPES)


def shown(row: dict[str, Any]) -> dict[str, Any]:
    """The row by REF, its own ALTs and those of GT."""
    alleles = row["GT"].replace("|", "/").split("/")
    laa = sorted({*row["LAA"], *(int(allele) for allele in alleles if allele not in (".", "0"))})
    own = [0, *(1 + (row["LAA"].index(alt) if alt in row["LAA"] else len(row["LAA"])) for alt in laa)]
    lad = row["LAD"] and [row["LAD"][number] for number in own]
    return row | {"LAA": laa, "LAD": lad, "LPL": row["LPL"] and twin.project(row["LPL"], own, len(alleles))}


@st.composite
def sparse(draw: st.DrawFn) -> tuple[SparseGenotypes, list[list[dict[str, Any]]]]:
    """Genotypes at some sites of three ALTs, and each cell's row, site by site."""
    rows = draw(st.lists(local_rows(), min_size=1, max_size=6))
    sites = draw(st.integers(0, 6))
    numbers = draw(st.lists(st.integers(0, len(rows) - 1), min_size=sites * 2, max_size=sites * 2))
    cells = np.array(numbers, np.int32).reshape(sites, 2)
    genotypes = SparseGenotypes(SAMPLES, as_table(rows), runs_of_cells(cells), np.full(sites, 3, np.int32))
    return genotypes, [[rows[number] for number in line] for line in cells.tolist()]


@given(sparse())
@examples(80)
def test_local_cells_are_the_twins(made):
    genotypes, cells = made
    view = local_view(genotypes)
    rows = view.distinct.to_pylist()
    assert [[rows[number] for number in line] for line in view.cells(0, len(cells)).tolist()] == [
        [shown(row) for row in line] for line in cells
    ]
    some = local_view(genotypes._replace(distinct=genotypes.distinct.select(["GT", "LAA", "DP"])))
    assert some.distinct.equals(view.distinct.select(["GT", "LAA", "DP"]))


@given(sparse(), st.integers(0, 6), st.lists(st.integers(1, 50), min_size=6, max_size=6))
@examples(120)
def test_blocks_say_of_each_cell_what_it_is(made, second, steps):
    """Read back as Hail does: a block holds from its site to the last base of LEN, unless another entry follows."""
    genotypes, cells = made
    contigs = ["chr1" if site < second else "chr2" for site in range(len(cells))]
    pos = [sum(steps[: site + 1]) if site < second else sum(steps[second : site + 1]) for site in range(len(cells))]
    sites = pa.table({"contig": pa.array(contigs, pa.string()).dictionary_encode(), "pos": pa.array(pos, pa.int32())})
    view = block_view(genotypes, sites)
    assert (view.runs.firsts < view.runs.stops).all()
    rows = view.distinct.to_pylist()
    numbers, longest = view.cells(0, len(cells)).tolist(), 0
    for column in range(len(SAMPLES)):
        block, end, before = None, 0, None
        for site, line in enumerate(cells):
            written, row = rows[numbers[site][column]], shown(line[column])
            if site and contigs[site] != contigs[site - 1]:
                block = before = None
            is_plain, is_called = not row["LAA"], "." not in row["GT"]
            if is_plain and is_called:
                if written["GT"] is not None:
                    assert before != shown(line[column]) | {"LPL": None}
                    block, end = written, pos[site] + written["LEN"] - 1
                    longest = max(longest, written["LEN"])
                assert block is not None
                assert pos[site] <= end
                assert block | {"LEN": None} == row | {"LPL": None, "LEN": None}
            elif is_plain:
                assert set(written.values()) == {None}
                assert block is None or end < pos[site]
            else:
                assert written == row | {"LEN": None}
                assert block is None or end < pos[site]
            before = row | {"LPL": None} if is_plain and is_called else None
    assert max((row["LEN"] or 0 for row in rows), default=0) == longest


def test_a_block_is_none_of_the_calls_that_have_its_depths():
    call = dict.fromkeys(NAMES) | {"GT": "0/0", "LAA": [1], "LAD": [7, 0], "DP": 7, "LPL": [0, 3, 35]}
    blocks = [call | {"LAA": [], "LAD": [7, 0], "LPL": [0, 3, likelihood]} for likelihood in (25, 30)]
    cells = np.array([[0, 1], [1, 2], [2, 2]], np.int32)
    genotypes = SparseGenotypes(SAMPLES, as_table([call, *blocks]), runs_of_cells(cells), np.ones(3, np.int32))
    sites = pa.table({"contig": pa.array(["chr1"] * 3).dictionary_encode(), "pos": pa.array([10, 20, 40], pa.int32())})
    view = block_view(genotypes, sites)
    rows = view.distinct.to_pylist()
    written = [[rows[number] for number in line] for line in view.cells(0, 3).tolist()]
    assert [[(row["LAA"], row["LEN"]) for row in line] for line in written] == [
        [([1], None), ([], 31)],
        [([], 21), (None, None)],
        [(None, None), (None, None)],
    ]

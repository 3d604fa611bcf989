"""Counts of ALT alleles: against the slow twin, over shards in any grouping, without sites, ALTs, genotypes."""

from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from genocloud import annotations, schema
from genocloud.kernels.cell_runs import CellRuns, runs_of_cells
from genocloud.report.allele_statistics import (
    EDGES,
    LONGEST,
    SCORED,
    SCORED_AS,
    AlleleStatistics,
    SiteGenotypeSums,
    count_alleles,
    count_windows,
    sum_genotypes,
)
from genocloud.report.alt_alleles import KINDS
from tests.support import report_alleles as twin
from tests.support.examples import examples

Row = dict[str, Any]
CONTIGS = {"chr1": 0, "chr2": 1}
NUMBERS = st.none() | st.floats(-20, 2_000_000) | st.sampled_from([0.0, 2.0, 10.0, 60.0, 1e6])
ALLELES = st.lists(
    st.sampled_from(["G", "T", "AT", "ATTT", "*", "<DEL>", "GT", "C", "A" * 60, "N"]), max_size=3, unique=True
)


@st.composite
def site_rows(draw: st.DrawFn) -> tuple[Row, Row]:
    """A row of SITES and one of FILTERS."""
    ref = draw(st.sampled_from(["A", "CA", "A" * 70]))
    alts = [alt for alt in draw(ALLELES) if alt != ref]
    values = {name: draw(NUMBERS) for name in ("qual", *list(EDGES)[1:])}
    own = {f"AS_{name}": draw(st.none() | _by_alt(alts, NUMBERS)) for name in list(EDGES)[1:]}
    place = {"contig": draw(st.sampled_from(sorted(CONTIGS))), "pos": draw(st.integers(1, 40_000))}
    counts = {"AC": draw(st.none() | _by_alt(alts, st.integers(0, 3))), "AN": 10}
    site = place | {"ref": ref, "alts": alts, "filter": draw(st.sampled_from([None, "PASS", "LowQual"]))}
    verdict = {
        "filter": "PASS",
        "AS_FilterStatus": draw(_by_alt(alts, st.sampled_from(["PASS", "QD2", "QD2&FS60"]))),
        "AS_CALIBRATION_SENSITIVITY": draw(st.none() | _by_alt(alts, st.none() | st.floats(0, 1))),
        "labels": draw(st.none() | _by_alt(alts, st.sampled_from([None, "training", "calibration;training", "x"]))),
    }
    return site | values | own | counts, place | verdict


def _by_alt(alts: list[str], values: st.SearchStrategy) -> st.SearchStrategy:
    return st.lists(values, min_size=len(alts), max_size=len(alts))


def _table(rows: list[Row], columns: pa.Schema) -> pa.Table:
    return pa.Table.from_pylist([{name: row.get(name) for name in columns.names} for row in rows], columns)


def _as_twin(counted: AlleleStatistics) -> dict[tuple, int]:
    """The counts that are not 0, by the twin's names."""
    out: dict[tuple, int] = {("filter", *pair): count for pair, count in counted.filters.items()}
    for name, by_kind in zip(EDGES, counted.annotations, strict=True):
        for kind, side, place in np.argwhere(by_kind).tolist():
            out["annotation", name, KINDS[kind], side == 0, place] = int(by_kind[kind, side, place])
    for way, side, place in np.argwhere(counted.exchanges).tolist():
        out["exchange", way == 0, side == 0, place] = int(counted.exchanges[way, side, place])
    for side, place in np.argwhere(counted.lengths).tolist():
        out["length", side == 0, place - LONGEST] = int(counted.lengths[side, place])
    for scored, group, place in np.argwhere(counted.scores).tolist():
        out["score", SCORED_AS[scored], SCORED[group], place] = int(counted.scores[scored, group, place])
    return out


@examples(60)
@given(st.lists(site_rows(), max_size=8), st.booleans())
def test_alleles_equal_the_slow_twin(rows: list[tuple[Row, Row]], filtered: bool) -> None:
    sites, verdicts = [site for site, _ in rows], [verdict for _, verdict in rows]
    filters = _table(verdicts, schema.FILTERS) if filtered else None
    zygosity = [(place % 5, place % 3) for place in range(sum(len(site["alts"]) for site in sites))]
    array = np.array(zygosity, np.int64).reshape(-1, 2)
    counted = count_alleles(_table(sites, annotations.SITES), filters, array)
    assert _as_twin(counted) == dict(twin.count_alleles(sites, verdicts if filtered else None, zygosity))


@examples(40)
@given(st.lists(site_rows(), max_size=6), st.lists(site_rows(), max_size=6))
def test_merged_parts_are_the_whole(one: list[tuple[Row, Row]], other: list[tuple[Row, Row]]) -> None:
    def count(rows: list[tuple[Row, Row]]) -> AlleleStatistics:
        sites = _table([site for site, _ in rows], annotations.SITES)
        none = SiteGenotypeSums.added([], len(rows))
        windows = count_windows(sites, none, CONTIGS)
        return AlleleStatistics.merged([count_alleles(sites, None), windows])

    both, whole = AlleleStatistics.merged([count(one), count(other)]), count(one + other)
    assert _as_twin(both) == _as_twin(whole)
    assert both.windows == whole.windows


GENOTYPES = st.tuples(st.sampled_from(["0/0", "0/1", "./.", ".", "1", "0/.", "1|2"]), st.none() | st.integers(0, 300))


@examples(40)
@given(st.integers(0, 5), st.integers(0, 6), st.data())
def test_sums_over_genotypes_equal_the_slow_twin(samples: int, number: int, data: st.DataObject) -> None:
    distinct = data.draw(st.lists(GENOTYPES, min_size=1, max_size=5))
    codes = st.integers(0, len(distinct) - 1)
    cells = data.draw(st.lists(_by_alt([""] * samples, codes), min_size=number, max_size=number))
    contigs = st.sampled_from(sorted(CONTIGS))
    sites = [{"contig": data.draw(contigs), "pos": data.draw(st.integers(1, 30_000))} for _ in cells]
    numbers = np.array(cells, np.int32).reshape(number, samples)
    table = _table([{"GT": text, "DP": depth, "LAA": []} for text, depth in distinct], schema.LOCAL_GENOTYPES)
    sums = sum_genotypes(table, CellRuns(*runs_of_cells(numbers)), number)
    half = SiteGenotypeSums.added([sums, SiteGenotypeSums.added([], number)], number)
    counted = count_windows(_table(sites, annotations.SITES), half, CONTIGS)
    windows, rates = twin.count_windows(sites, [[distinct[code] for code in row] for row in cells], CONTIGS)
    assert dict(counted.windows) == windows
    assert counted.site_call_rates.tolist() == rates


def test_nothing_counts_nothing() -> None:
    empty = annotations.SITES.empty_table()
    counted = AlleleStatistics.merged(
        [
            count_alleles(empty, schema.FILTERS.empty_table()),
            count_windows(empty, SiteGenotypeSums.added([], 0), CONTIGS),
        ]
    )
    assert not _as_twin(counted)
    assert not counted.windows
    assert not counted.scored


def test_filters_of_other_sites_are_refused() -> None:
    site = {"contig": "chr1", "pos": 7, "ref": "A", "alts": ["G"], "filter": "PASS", "AN": 2}
    other = {"contig": "chr1", "pos": 8, "filter": "PASS", "AS_FilterStatus": ["PASS"]}
    with pytest.raises(ValueError, match="other sites"):
        count_alleles(_table([site], annotations.SITES), _table([other], schema.FILTERS))

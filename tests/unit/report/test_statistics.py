"""Statistics: the definitions, the slow twin, merging, JSON."""

import json
from itertools import chain
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from genocloud import annotations, schema
from genocloud.kernels.cell_runs import CellRuns, runs_of_cells
from genocloud.report import statistics
from genocloud.report.statistics import Statistics, count_called, count_sites
from tests.support import report_statistics as twin
from tests.support.examples import examples

Row = dict[str, Any]


def _table(rows: list[Row], columns: pa.Schema) -> pa.Table:
    defaults = {"contig": "chr1", "pos": 1}
    full = [{name: {**defaults, **row}.get(name) for name in columns.names} for row in rows]
    return pa.Table.from_pylist(full, columns)


def _site(ref: str, *alts: str, ac: list[int] | None = None, an: int | None = 10) -> Row:
    return {"ref": ref, "alts": list(alts), "AC": ac or [1] * len(alts), "AN": an}


def _sites(*rows: Row) -> Statistics:
    return count_sites(_table(list(rows), annotations.SITES))


def _genotypes(*rows: Row) -> Statistics:
    """Counts of rows of GENOTYPES, each a run of its own, in any order."""
    samples = list(dict.fromkeys(row["sample"] for row in rows))
    numbers = np.arange(len(rows), dtype=np.int32)
    members = np.array([samples.index(row["sample"]) for row in rows], np.int32)
    return count_called(samples, _table(list(rows), schema.GENOTYPES), CellRuns(members, numbers, numbers + 1, numbers))


@pytest.mark.parametrize(
    ("ref", "alts", "kind"),
    [
        ("A", ["G"], "snps"),
        ("A", ["G", "T"], "snps"),
        ("A", ["*", "G"], "snps"),
        ("AT", ["A"], "indels"),
        ("AT", ["GT"], "snps"),
        ("AT", ["GC"], "other"),
        ("AT", ["A", "GT"], "mixed"),
        ("AT", ["A", "GC"], "other"),
        ("A", ["*"], "other"),
        ("A", ["<DEL>"], "other"),
        ("A", [], "nonvariant"),
    ],
)
def test_each_site_has_one_kind(ref: str, alts: list[str], kind: str) -> None:
    counted = _sites(_site(ref, *alts))
    assert {name: counted.site_count(name) for name in ("snps", "indels", "mixed", "other", "nonvariant")} == {
        name: int(name == kind) for name in ("snps", "indels", "mixed", "other", "nonvariant")
    }


def test_a_star_does_not_make_a_site_multiallelic() -> None:
    assert _sites(_site("A", "G", "*"), _site("A", "C", "T")).site_count("multiallelic") == 1


def test_ti_tv_counts_each_snv_allele_once() -> None:
    counted = _sites(_site("A", "G", "T"), _site("CA", "TA"), _site("C", "A"), _site("N", "A"), _site("AT", "A"))
    assert (counted.site_count("transitions"), counted.site_count("transversions")) == (2, 2)
    assert counted.ti_tv == 1.0


def test_ti_tv_without_transversions_is_not_a_number() -> None:
    assert np.isnan(_sites(_site("A", "G")).ti_tv)


@pytest.mark.parametrize(
    ("ac", "an", "band"),
    [(0, 10, "AC 0"), (1, 1, "AC 1"), (2, 2, "AC 2"), (3, 3001, "< 0.1%"), (3, 3000, "0.1-0.5%"), (5, 10, "50-100%"),
     (9, 10, "50-100%"), (10, 10, "100%"), (3, 30, "10-20%"), (200, 2000, "10-20%"), (199, 2000, "5-10%")],
)  # fmt: skip
def test_bands_have_exact_edges(ac: int, an: int, band: str) -> None:
    counted = _sites(_site("A", "G", ac=[ac], an=an))
    assert statistics.BANDS[int(np.flatnonzero(counted.spectrum[0])[0])] == band


def test_sites_without_counts_stay_out_of_the_spectrum() -> None:
    row = {**_site("A", "G"), "AC": None, "AN": None}
    counted = _sites(row, _site("A", "C", ac=[2]))
    assert counted.spectrum.sum() == 1
    assert counted.site_count("sites") == 2


def test_genotype_classes_of_a_sample() -> None:
    texts = ["./.", ".", "0/.", "0/0", "0|0", "0/1", "1|2", "2/2", "0", "1"]
    counted = _genotypes(*({"sample": "ann", "GT": text} for text in texts))
    classes = [3, 2, 2, 1, 1, 1]
    assert counted.sample_counts[0, : len(classes)].tolist() == classes
    assert counted.called.tolist() == [7]
    assert counted.call_rates.tolist() == [0.7]
    assert counted.het_hom.tolist() == [2.0]


def test_means_are_over_called_genotypes_that_have_the_value() -> None:
    counted = _genotypes(
        {"sample": "ann", "GT": "0/1", "DP": 600, "GQ": 200},
        {"sample": "ann", "GT": "0/0", "DP": 400, "GQ": None},
        {"sample": "ann", "GT": "./.", "DP": 7, "GQ": 7},
    )
    assert (counted.mean_depths[0], counted.mean_gqs[0]) == (500.0, 99.0)
    assert (counted.depths[400], counted.depths[500], counted.depths.sum()) == (1, 1, 2)
    assert (counted.qualities[99], counted.qualities.sum()) == (1, 1)


def test_samples_come_in_the_order_of_the_rows() -> None:
    rows = [{"sample": name, "GT": "0/0"} for name in ("zoe", "ann", "bob")]
    assert _genotypes(*rows, *rows[::-1]).samples == ("zoe", "ann", "bob")


def test_tables_may_come_in_chunks_and_slices() -> None:
    rows = [{"GT": text, "DP": 3, "GQ": 4} for text in ("0/1", "0/0", "./.")]
    whole = _table(rows, schema.GENOTYPES)
    pieces = pa.concat_tables([_table(rows[:1], schema.GENOTYPES), _table(rows[1:], schema.GENOTYPES)])
    runs = CellRuns(*np.array([[0, 0, 0], [0, 3, 5], [3, 5, 9], [2, 0, 1]], np.int32))
    counted = count_called(["ann"], pieces, runs).to_json()
    assert counted == count_called(["ann"], whole, runs).to_json()
    assert counted["samples"]["ann"] == [3, 4, 2, 0, 0, 0, 18, 6, 24, 6]
    sites = _table([_site("A", "G"), _site("AT", "A", "*"), _site("C", "CA")], annotations.SITES)
    assert count_sites(sites.slice(1, 1)).to_json() == _sites(_site("AT", "A", "*")).to_json()


def test_empty_tables_count_nothing() -> None:
    counted = _sites().merge(_genotypes())
    assert counted.site_count("sites") == 0
    assert counted.samples == ()
    assert np.isnan(counted.call_rate)


def test_merging_adds_by_name() -> None:
    one = _genotypes({"sample": "ann", "GT": "0/1"}, {"sample": "bob", "GT": "0/0"})
    two = _genotypes({"sample": "eve", "GT": "1/1"}, {"sample": "bob", "GT": "./."})
    both = statistics.merge_all([one, two], samples=("bob",))
    assert both.samples == ("bob", "ann", "eve")
    assert both.genotypes.tolist() == [2, 1, 1]
    assert both.by_sample("missing").tolist() == [1, 0, 0]


ALLELES = st.one_of(
    st.text("ACGT", min_size=1, max_size=3), st.sampled_from(["*", "<DEL>", "N"]), st.sampled_from("ACGT")
)


@st.composite
def site_rows(draw: st.DrawFn) -> Row:
    alts = draw(st.lists(ALLELES, max_size=3))
    counts = draw(st.lists(st.integers(0, 40), min_size=len(alts), max_size=len(alts)))
    return {
        "ref": draw(st.text("ACGTN", min_size=1, max_size=3)),
        "alts": alts,
        "AC": draw(st.sampled_from([counts, None])),
        "AN": max(40, draw(st.integers(0, 60_000))),
    }


GENOTYPE_ROWS = st.fixed_dictionaries(
    {
        "sample": st.sampled_from(["ann", "bob", "eve"]),
        "GT": st.sampled_from(["./.", ".", "0/0", "0/1", "1|1", "1/2", "0", "2", "0/0/1"]),
        "DP": st.none() | st.integers(0, 1000),
        "GQ": st.none() | st.integers(0, 300),
    }
)


@given(st.lists(site_rows(), max_size=20))
def test_sites_equal_the_slow_twin(rows: list[Row]) -> None:
    counted = _sites(*rows)
    expected = twin.site_counts(rows)
    assert {name: counted.site_count(name) for name in statistics.SITE_COUNTS} == {
        name: expected.get(name, 0) for name in statistics.SITE_COUNTS
    }
    cells = np.argwhere(counted.spectrum)
    tallies = {(statistics.KINDS[k], statistics.BANDS[b]): int(counted.spectrum[k, b]) for k, b in cells}
    assert tallies == twin.spectrum(rows)


@given(st.lists(GENOTYPE_ROWS, max_size=40))
def test_genotypes_equal_the_slow_twin(rows: list[Row]) -> None:
    counted = _genotypes(*rows)
    names = statistics.SAMPLE_COUNTS + statistics.SAMPLE_SUMS
    expected = twin.sample_counts(rows)
    assert {sample: counted.sample_counts[i].tolist() for i, sample in enumerate(counted.samples)} == {
        sample: [counts.get(name, 0) for name in names] for sample, counts in expected.items()
    }
    for counts, name in ((counted.depths, "DP"), (counted.qualities, "GQ")):
        tallies = {int(value): int(counts[value]) for value in np.flatnonzero(counts)}
        assert tallies == twin.histogram(rows, name, len(counts) - 1)


PARTS = st.tuples(st.lists(site_rows(), max_size=4), st.lists(GENOTYPE_ROWS, max_size=8))


@examples(30)
@given(st.tuples(PARTS, PARTS, PARTS))
def test_merging_is_associative_and_equals_counting_at_once(parts: tuple[tuple[list[Row], list[Row]], ...]) -> None:
    one, two, three = (_sites(*sites).merge(_genotypes(*genotypes)) for sites, genotypes in parts)
    all_sites, all_genotypes = (chain.from_iterable(rows) for rows in zip(*parts, strict=True))
    whole = _sites(*all_sites).merge(_genotypes(*all_genotypes))
    for merged in (one.merge(two).merge(three), one.merge(two.merge(three))):
        assert json.dumps(merged.to_json()) == json.dumps(whole.to_json())


@examples(30)
@given(st.lists(site_rows(), max_size=4), st.lists(GENOTYPE_ROWS, max_size=8))
def test_json_round_trip(sites: list[Row], genotypes: list[Row]) -> None:
    counted = _sites(*sites).merge(_genotypes(*genotypes))
    text = json.dumps(counted.to_json())
    assert json.dumps(Statistics.from_json(json.loads(text)).to_json()) == text


@given(
    st.lists(
        st.tuples(
            st.sampled_from(("0/0", "0|1", "1/2", "2/2", "./.", ".", "0", "3", "./1")),
            st.none() | st.integers(0, 700),
            st.none() | st.integers(0, 150),
        ),
        min_size=1,
        max_size=6,
    ),
    st.integers(0, 4),
    st.integers(1, 3),
    st.randoms(use_true_random=False),
)
@examples(60)
def test_distinct_genotypes_count_as_often_as_they_stand(few: list[Any], sites: int, samples: int, random: Any) -> None:
    names = [f"s{number}" for number in range(samples)]
    rows = [dict(zip(("GT", "DP", "GQ"), each, strict=True)) for each in few]
    numbers = np.array([[random.randrange(len(few)) for _ in names] for _ in range(sites)], np.int32)
    spread = [
        rows[number] | {"sample": name} for line in numbers.tolist() for name, number in zip(names, line, strict=True)
    ]
    counted = count_called(names, _table(rows, schema.GENOTYPES), runs_of_cells(numbers.reshape(sites, samples)))
    assert Statistics.empty(names).merge(_genotypes(*spread)).to_json() == counted.to_json()

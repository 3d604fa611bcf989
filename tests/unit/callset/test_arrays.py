"""A region as arrays under sgkit's names, and as xarray."""

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from genocloud import callset, schema, storage
from genocloud.callset import arrays
from genocloud.errors import UnknownContig
from genocloud.regions import Region
from tests.support import callset_tables as make

SITE = {"contig": "chr2", "ref": "A", "qual": 50.0}
SITES = [
    {**SITE, "pos": 10, "alts": ["C"], "AC": [2], "AF": [0.5], "AN": 4, "DP": 30},
    {**SITE, "pos": 20, "alts": ["C", "AT"], "AC": [1, 1], "id": "rs1"},
]
CALLS = [
    {"GT": "0|1", "AD": [5, 6], "DP": 11, "GQ": 120, "PL": [9, 0, 9], "PGT": "0|1"},
    {"GT": "1"},
    {"GT": "./.", "AD": [1, None, 2], "DP": 0},
    {"GT": "1/2", "AD": [0, 3, 4], "PL": [9, 8, 7, 6, 5, 4]},
]


@pytest.fixture
def opened() -> callset.Callset:
    store = storage.open_store("memory://arrays")
    keys = [{"contig": "chr2", "pos": pos, "sample": sample} for pos in (10, 20) for sample in ("ann", "bob")]
    rows = [key | call for key, call in zip(keys, CALLS, strict=True)]
    tables = make.as_table(SITES, schema.SITES), {"b": make.as_table(rows, schema.GENOTYPES)}
    entry = callset.write_shard(store, make.Shard("001-chr2-00000", Region(1, 0, 50_000)), "key", *tables)
    return callset.commit(store, make.description({"b": ("ann", "bob")}), [entry])


def test_arrays_hold_missing_and_padding_apart(opened: callset.Callset) -> None:
    values = opened.to_numpy()
    assert values["call_genotype"].tolist() == [[[0, 1], [1, -2]], [[-1, -1], [1, 2]]]
    assert values["call_genotype"].dtype == np.int8
    assert values["call_genotype_phased"].tolist() == [[True, False], [False, False]]
    assert values["call_AD"].tolist() == [[[5, 6, -2], [-1, -2, -2]], [[1, -1, 2], [0, 3, 4]]]
    assert values["call_GQ"].tolist() == [[120, -1], [-1, -1]]
    assert values["call_PGT"].tolist() == [["0|1", "."], [".", "."]]
    assert values["call_PL"].shape == (2, 2, 6)
    assert values["variant_allele"].tolist() == [["A", "C", ""], ["A", "C", "AT"]]
    assert values["variant_contig"].tolist() == [1, 1]
    assert values["variant_position"].tolist() == [10, 20]
    assert values["variant_id"].tolist() == [".", "rs1"]
    assert values["variant_AC"].tolist() == [[2, -2], [1, 1]]
    assert np.array_equal(values["variant_AF"], [[0.5, np.nan], [np.nan, np.nan]], equal_nan=True)
    assert values["sample_id"].tolist() == ["ann", "bob"]


def test_region_and_samples_are_chosen(opened: callset.Callset) -> None:
    values = opened.to_numpy("chr2:20", ["bob"])
    assert values["call_genotype"].tolist() == [[[1, 2]]]
    assert opened.to_numpy("chr1")["call_genotype"].shape == (0, 2, 2)


def test_a_path_one_name_and_several_regions_are_taken(opened: callset.Callset, tmp_path: Path) -> None:
    assert opened.genotypes(samples="bob") == opened.genotypes(samples=["bob"])
    assert opened.to_numpy(["chr2:15-99,999", "chr1", "chr2:20-20"], "bob")["variant_position"].tolist() == [20]
    assert opened.sites(["chr2:20-", Region(1, 0, 10)]) == opened.sites()
    assert opened.sites([]).num_rows == 0
    with pytest.raises(UnknownContig, match=r"contig 2 is not in the reference; did you mean chr2\?"):
        opened.sites("2:1-100")
    callset.commit(storage.open_store(str(tmp_path)), make.description({"b": ("ann", "bob")}), [])
    assert callset.open_callset(tmp_path).samples == ("ann", "bob")


def test_a_callset_shows_itself_in_three_lines(opened: callset.Callset) -> None:
    assert repr(opened).splitlines() == [
        "Callset memory://arrays",
        "2 samples, 2 sites, 4 genotypes",
        "samples ann, bob; contigs chr1, chr2, HLA-A*01:01",
    ]
    names = tuple(f"p{number:04d}" for number in range(10_000))
    many = replace(opened, description=replace(opened.description, samples=names))
    assert "samples p0000, p0001, ... p9999; contigs" in repr(many)


def test_xarray_has_the_dims_of_sgkit(opened: callset.Callset) -> None:
    dataset = opened.to_xarray("chr2:15-25")
    assert dataset["call_genotype"].dims == ("variants", "samples", "ploidy")
    assert dataset["call_AD"].dims == ("variants", "samples", "alleles")
    assert dataset["call_PL"].dims == ("variants", "samples", "genotypes")
    assert dataset["variant_AC"].dims == ("variants", "alt_alleles")
    assert dataset["variant_allele"].dims == ("variants", "alleles")
    assert dict(dataset.sizes)["variants"] == 1


def test_without_xarray_the_remedy_is_told(opened: callset.Callset, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "xarray", None)
    with pytest.raises(arrays.NoXarray, match="pip install"):
        opened.to_xarray()

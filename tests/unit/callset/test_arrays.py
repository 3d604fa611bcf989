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
def carried() -> callset.Callset:
    store = storage.open_store("memory://arrays")
    keys = [{"contig": "chr2", "pos": pos, "sample": sample} for pos in (10, 20) for sample in ("ann", "bob")]
    rows = [key | call for key, call in zip(keys, CALLS, strict=True)]
    tables = make.as_table(SITES, schema.SITES), {"b": make.as_table(rows, schema.GENOTYPES)}
    entry = callset.write_shard(store, make.Shard("001-chr2-00000", Region(1, 0, 50_000)), "key", *tables)
    return callset.commit(store, make.description({"b": ("ann", "bob")}), [entry])


def test_arrays_hold_missing_and_padding_apart(carried: callset.Callset) -> None:
    values = carried.to_numpy()
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


def test_region_and_samples_are_chosen(carried: callset.Callset) -> None:
    values = carried.to_numpy("chr2:20", ["bob"])
    assert values["call_genotype"].tolist() == [[[1, 2]]]
    assert carried.to_numpy("chr1")["call_genotype"].shape == (0, 2, 2)


def test_a_path_one_name_and_several_regions_are_taken(carried: callset.Callset, tmp_path: Path) -> None:
    assert carried.genotypes(samples="bob") == carried.genotypes(samples=["bob"])
    assert carried.to_numpy(["chr2:15-99,999", "chr1", "chr2:20-20"], "bob")["variant_position"].tolist() == [20]
    assert carried.sites(["chr2:20-", Region(1, 0, 10)]) == carried.sites()
    assert carried.sites([]).num_rows == 0
    with pytest.raises(UnknownContig, match=r"contig 2 is not in the reference; did you mean chr2\?"):
        carried.sites("2:1-100")
    callset.commit(storage.open_store(str(tmp_path)), make.description({"b": ("ann", "bob")}), [])
    assert callset.open_callset(tmp_path).samples == ("ann", "bob")


def test_a_callset_shows_itself_in_three_lines(carried: callset.Callset) -> None:
    assert repr(carried).splitlines() == [
        "Callset memory://arrays",
        "2 samples, 2 sites, 4 genotypes",
        "samples ann, bob; contigs chr1, chr2, HLA-A*01:01",
    ]
    names = tuple(f"p{number:04d}" for number in range(10_000))
    many = replace(carried, description=replace(carried.description, samples=names))
    assert "samples p0000, p0001, ... p9999; contigs" in repr(many)


def test_xarray_has_the_dims_of_sgkit(carried: callset.Callset) -> None:
    dataset = carried.to_xarray("chr2:15-25")
    assert dataset["call_genotype"].dims == ("variants", "samples", "ploidy")
    assert dataset["call_AD"].dims == ("variants", "samples", "alleles")
    assert dataset["call_PL"].dims == ("variants", "samples", "genotypes")
    assert dataset["variant_AC"].dims == ("variants", "alt_alleles")
    assert dataset["variant_allele"].dims == ("variants", "alleles")
    assert dict(dataset.sizes)["variants"] == 1


def test_without_xarray_the_remedy_is_told(carried: callset.Callset, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "xarray", None)
    with pytest.raises(arrays.NotInstalled, match="pip install"):
        carried.to_xarray()


def test_masks_and_filters_have_sgkits_names(carried: callset.Callset) -> None:
    dataset = carried.to_xarray()
    assert dataset["call_genotype_mask"].values.tolist() == [
        [[False, False], [False, True]],
        [[True, True], [False, False]],
    ]
    assert dataset["call_genotype_mask"].dims == ("variants", "samples", "ploidy")
    assert dataset["filter_id"].values.tolist() == ["PASS", "LowQual"]
    assert dataset["variant_filter"].dims == ("variants", "filters")
    assert dataset["variant_filter"].shape == (2, 2)
    assert dataset["variant_id_mask"].values.tolist() == [True, False]


def test_frames_have_the_rows_of_the_genotypes(carried: callset.Callset) -> None:
    table = carried.genotypes("chr2:20", "bob")
    assert carried.to_polars("chr2:20", "bob")["GT"].to_list() == table["GT"].to_pylist() == ["1/2"]
    assert carried.to_pandas("chr2:20", "bob")["GT"].tolist() == ["1/2"]


@pytest.mark.parametrize("package", ["polars", "pandas"])
def test_without_a_frame_package_the_remedy_is_shown(
    carried: callset.Callset, monkeypatch: pytest.MonkeyPatch, package: str
) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(arrays.NotInstalled, match=f"pip install {package}"):
        getattr(carried, f"to_{package}")()

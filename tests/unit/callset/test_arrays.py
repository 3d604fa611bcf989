"""A region as arrays under sgkit's names, and as xarray."""

import itertools
import sys
from dataclasses import replace
from pathlib import Path
from random import Random

import cloudpickle
import numpy as np
import pyarrow as pa
import pytest
import xarray

from genocloud import annotations, callset, schema, storage
from genocloud.callset import lazy_arrays, parquet, reading
from genocloud.errors import PackageMissing, UnknownContig
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
    tables = make.as_table(SITES, annotations.SITES), {"b": make.as_table(rows, schema.GENOTYPES)}
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


def test_without_xarray_the_remedy_is_reported(carried: callset.Callset, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "xarray", None)
    with pytest.raises(PackageMissing, match="pip install"):
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
    with pytest.raises(PackageMissing, match=f"pip install {package}"):
        getattr(carried, f"to_{package}")()


MEMBERS = {"b": ("ann", "bob"), "c": ("cat", "dan", "eve")}


@pytest.fixture
def several() -> callset.Callset:
    """A callset of two batches and three shards, one of them without sites."""
    store, random = storage.open_store("memory://lazy"), Random(7)
    entries = []
    for number, start in enumerate((0, 10_000, 20_000)):
        positions = [] if number == 1 else [start + 5, start + 700, start + 9_000]
        sites, genotypes = make.tables(random, "chr2", positions, list(MEMBERS.values()))
        by_batch = {
            name: schema.with_column(table, "GT", _of_ploidy(table["GT"], 2))
            for name, table in zip(MEMBERS, genotypes, strict=True)
        }
        shard = make.Shard(f"00{number}-chr2", Region(1, start, start + 10_000))
        entries.append(callset.write_shard(store, shard, "key", sites, by_batch))
    return callset.commit(store, make.description(MEMBERS), entries)


def _of_ploidy(texts: pa.ChunkedArray, most: int) -> pa.ChunkedArray:
    """GT cut to so many alleles."""
    short = ["/".join(text.replace("|", "/").split("/")[:most]) for text in texts.to_pylist()]
    return pa.chunked_array([pa.array(short, pa.string()).dictionary_encode()])


REGIONS = [None, "chr2:701-20,600", ["chr2:1-100", "chr2:600-800"], "chr1", []]
CHUNKS = [{}, {"samples": 2}, {"samples": 100}]


@pytest.mark.parametrize(
    ("chunks", "region", "samples"),
    [
        (chunks, region, (None, ["eve", "ann"])[number % 2])  # each of them with each of REGIONS and of CHUNKS
        for number, (region, chunks) in enumerate(itertools.product(REGIONS, CHUNKS))
    ],
)
def test_lazy_arrays_equal_those_read_at_once(several: callset.Callset, chunks, region, samples) -> None:
    lazy = several.to_xarray(region, samples, chunks=chunks)
    xarray.testing.assert_identical(lazy.compute(scheduler="sync"), several.to_xarray(region, samples))
    for name, array in several.to_numpy(region, samples).items():
        assert lazy[name].dtype == array.dtype, name


def test_a_block_reads_its_own_columns_of_its_own_shard(
    several: callset.Callset, monkeypatch: pytest.MonkeyPatch
) -> None:
    read, read_where, read_groups = [], parquet.read_where, parquet.read_groups

    def spied(store, file, declared, conditions=(), columns=None):
        read.append((file.name, tuple(columns)))
        return read_where(store, file, declared, conditions, columns)

    def spied_groups(store, file, declared, columns=None, groups=None):
        read.append((file.name, tuple(columns)))
        return read_groups(store, file, declared, columns, groups)

    monkeypatch.setattr(parquet, "read_where", spied)
    monkeypatch.setattr(parquet, "read_groups", spied_groups)
    lazy = several.to_xarray(chunks={"samples": 2})
    assert {columns for _, columns in read} == {("alts",)}
    assert lazy["call_DP"].chunks == ((3, 3), (2, 2, 1))
    read.clear()
    lazy["call_DP"].data.blocks[1, 0].compute(scheduler="sync")
    place = ("contig", "pos", "sample")
    assert read == [
        ("calls/b/002-chr2.parquet", (*place, "DP")),
        ("reference/b/002-chr2.parquet", ("contig", "pos", "end", "sample", "DP")),
    ]
    read.clear()
    lazy["variant_AC"].data.blocks[0].compute(scheduler="sync")
    assert read == [("sites/000-chr2.parquet", ("AC",))]


def test_a_blocks_task_has_its_own_shard_alone(several: callset.Callset) -> None:
    """Workers are sent the tasks: with all shards in each, a graph would grow as their square."""
    graph = dict(several.to_xarray(chunks={})["call_DP"].data.__dask_graph__())
    sent = [cloudpickle.dumps(task) for task in graph.values()]
    assert not any(b"000-chr2" in task and b"002-chr2" in task for task in sent)
    assert sum(b"002-chr2" in task for task in sent) == 1


def test_shapes_do_not_depend_on_who_is_chosen(carried: callset.Callset) -> None:
    assert carried.to_numpy("chr2:10", "bob")["call_genotype"].tolist() == [[[1, -2]]]
    assert carried.to_numpy("chr2:20", "ann")["call_PL"].shape == (1, 1, 6)


def test_a_lazy_block_has_no_room_for_more_than_two_alleles(carried: callset.Callset) -> None:
    rows = [{"contig": "chr2", "pos": pos, "sample": "ann", "GT": gt} for pos, gt in ((10, "0/1"), (20, "0/0/1"))]
    tables = make.as_table(SITES, annotations.SITES), {"b": make.as_table(rows, schema.GENOTYPES)}
    store = storage.open_store("memory://ploidy")
    entry = callset.write_shard(store, make.Shard("001-chr2-00000", Region(1, 0, 50_000)), "key", *tables)
    dataset = callset.commit(store, make.description({"b": ("ann",)}), [entry])
    assert dataset.to_numpy()["call_genotype"].shape == (2, 1, 3)
    with pytest.raises(lazy_arrays.HighPloidy, match="leave chunks= out"):
        dataset.to_xarray(chunks={})["call_genotype"].compute(scheduler="sync")


@pytest.mark.parametrize("chunks", [{"variants": 5}, {"samples": 0}, {"samples": "auto"}])
def test_chunks_that_cannot_be_are_refused(carried: callset.Callset, chunks) -> None:
    with pytest.raises(lazy_arrays.BadChunks, match="a number of at least 1"):
        carried.to_xarray(chunks=chunks)


def test_columns_of_genotypes_are_chosen(several: callset.Callset) -> None:
    names = ["sample", "GT"]
    assert several.genotypes(samples=["eve", "ann"], columns=names) == several.genotypes(samples=["eve", "ann"]).select(
        names
    )
    with pytest.raises(reading.UnknownColumn, match=r"genotypes have no column gt; .* did you mean GT"):
        several.genotypes(columns=["gt"])

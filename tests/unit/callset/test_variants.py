"""Sites by column and condition, and who carries a variant."""

import pyarrow.compute as pc
import pytest

from genocloud import annotations, callset, schema, storage
from genocloud.callset.reading import UnknownColumn
from genocloud.callset.variants import BadVariant, UnknownVariant, parse_variant
from genocloud.errors import UnknownContig
from genocloud.regions import Contig, Region
from tests.support import callset_tables as make

SITES = [
    {"contig": "chr2", "pos": 10, "ref": "A", "alts": ["C"], "qual": 50.0, "AC": [2]},
    {"contig": "chr2", "pos": 20, "ref": "CAA", "alts": ["C", "TAA", "CA"], "qual": 90.0, "AC": [1, 1, 1]},
]
GTS = {(10, "ann"): "0|1", (10, "bob"): "./.", (20, "ann"): "1/2", (20, "bob"): "3", (20, "cyd"): "0/0"}


@pytest.fixture
def carried() -> callset.Callset:
    store = storage.open_store("memory://variants")
    rows = [
        {"contig": "chr2", "pos": pos, "sample": sample, "GT": GTS.get((pos, sample), "0/0")}
        for pos in (10, 20)
        for sample in ("ann", "bob", "cyd")
    ]
    tables = make.as_table(SITES, annotations.SITES), {"b": make.as_table(rows, schema.GENOTYPES)}
    entry = callset.write_shard(store, make.Shard("001-chr2-00000", Region(1, 0, 50_000)), "key", *tables)
    return callset.commit(store, make.description({"b": ("ann", "bob", "cyd")}), [entry])


def test_columns_of_sites_are_chosen_in_order(carried):
    table = carried.sites("chr2", columns=["pos", "AC"])
    assert table.to_pydict() == {"pos": [10, 20], "AC": [[2], [1, 1, 1]]}
    assert carried.sites("chr1", columns=["pos"]).to_pydict() == {"pos": []}
    with pytest.raises(UnknownColumn, match="did you mean qual") as caught:
        carried.sites(columns=["quals"])
    assert caught.value.column == "quals"


def test_a_filter_may_use_columns_that_are_not_returned(carried):
    assert carried.sites(columns=["pos"], filter=pc.field("qual") > 60).to_pydict() == {"pos": [20]}
    assert carried.sites("chr2:10", filter=pc.field("qual") > 60).num_rows == 0
    assert carried.sites(filter=pc.field("qual") > 0) == carried.sites()


@pytest.mark.parametrize(
    ("variant", "samples"),
    [
        ("chr2:10:A:C", ["ann"]),
        ("chr2:20:CAA:C", ["ann"]),
        ("chr2:20:C:T", ["ann"]),
        ("chr2:20:CA:C", ["bob"]),
        ("chr2:20:CAAG:CAG", ["bob"]),
    ],
)
def test_carriers_have_the_alt_in_their_genotype(carried, variant, samples):
    table = carried.carriers(variant)
    assert table.schema == schema.CARRIERS
    assert table["sample"].to_pylist() == samples
    assert carried.carriers(variant, ["cyd"]).num_rows == 0
    assert carried.carriers(variant, ["cyd", *samples])["sample"].to_pylist() == samples


def test_a_variant_that_is_at_no_site_is_an_error(carried):
    for variant in ("chr2:10:A:G", "chr2:11:A:C", "chr1:10:A:C"):
        with pytest.raises(UnknownVariant) as caught:
            carried.carriers(variant)
        assert caught.value.variant == variant


def test_a_variant_is_read_by_its_last_three_fields():
    contigs = [Contig("chr1", 2000), Contig("HLA-A*01:01", 100)]
    assert parse_variant("HLA-A*01:01:100:a:g", contigs) == (Region(1, 99, 100), "A", "G")
    assert parse_variant("chr1:1,001:A:*", contigs).region == Region(0, 1000, 1001)


@pytest.mark.parametrize(
    "text", ["chr1", "chr1:10", "chr1:0:A:G", "chr1:,:A:G", "chr1:2001:A:G", "chr1:10:A:<DEL>", "chr1:10:A"]
)
def test_what_is_no_variant_is_an_error(text):
    with pytest.raises(BadVariant, match="chr1:1001:A:G"):
        parse_variant(text, [Contig("chr1", 2000)])


def test_a_variant_of_no_contig_is_an_error():
    with pytest.raises(UnknownContig):
        parse_variant("chr9:10:A:G", [Contig("chr1", 2000)])

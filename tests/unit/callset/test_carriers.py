"""Who carries which ALT, beside a slow twin over the dense genotypes."""

import re

import pyarrow as pa
import pytest

from genocloud import callset, schema
from genocloud.errors import UnknownContig
from genocloud.regions import Region
from tests.support import dense_callset, small_callset


def twin(made: callset.Callset, region=None, samples=None) -> list[dict]:
    """A row for each ALT of each dense genotype."""
    sites = {(row["contig"], row["pos"]): row for row in made.sites(region).to_pylist()}
    rows = []
    for cell in made.genotypes(region, samples).to_pylist():
        site = sites[cell["contig"], cell["pos"]]
        alleles = re.split(r"[/|]", cell["GT"])
        for number, alt in enumerate(site["alts"], 1):
            if copies := alleles.count(str(number)):
                depth = cell["AD"][number] if cell["AD"] else None
                cell |= {"ref": site["ref"], "alt": alt, "copies": copies, "filter": site.get("filter")}
                rows.append((number, {name: depth if name == "AD" else cell[name] for name in schema.CARRIERS.names}))
    rank = {sample: at for at, sample in enumerate(samples or made.samples)}
    order = list(sites)
    place = {key: at for at, key in enumerate(order)}
    key = lambda row: (place[row[1]["contig"], row[1]["pos"]], row[0], rank[row[1]["sample"]])  # noqa: E731
    return [row for _, row in sorted(rows, key=key)]


@pytest.mark.parametrize("seed", [1, 2, 3, None])
def test_carriers_are_those_of_the_dense_genotypes(seed):
    url = f"memory://carriers-{seed}"
    made = small_callset.write(url, seed=seed) if seed else dense_callset.write(url)
    for region in (None, "chr1", "chr1:5", "chr1:6-1000", ["chr2:1-10", "chr1:900"]):
        for samples in (None, ["bob", "ann"]):
            table = made.carriers(region, samples)
            assert table.schema == schema.CARRIERS
            assert table.to_pylist() == twin(made, region, samples)
    some = made.of_samples(["cat"])
    assert some.carriers(None).to_pylist() == twin(made, None, ["cat"])


def test_variants_and_regions_are_joined():
    made = small_callset.write("memory://carriers-joined", seed=3)
    whole = made.carriers(None)
    site = made.sites("chr1:900").to_pylist()[0]
    variant = f"chr1:900:{site['ref']}:{site['alts'][0]}"
    expected = [
        row
        for row in whole.to_pylist()
        if (row["contig"] == "chr1" and row["pos"] == 900 and row["alt"] == site["alts"][0]) or row["pos"] == 1000
    ]
    assert made.carriers([variant, "chr1:1000"]).to_pylist() == expected
    assert made.carriers([variant, Region(0, 900, 1000)]).to_pylist() == expected


def test_nothing_and_no_samples_have_no_carriers():
    made = small_callset.write("memory://carriers-none")
    assert made.carriers("HLA-A*01:01").num_rows == made.carriers([]).num_rows == made.carriers(None, []).num_rows == 0
    with pytest.raises(UnknownContig):
        made.carriers("chr9:1-2")
    with pytest.raises(callset.UnknownSample):
        made.carriers("chr1", "dan")
    assert isinstance(made.carriers("chr1"), pa.Table)

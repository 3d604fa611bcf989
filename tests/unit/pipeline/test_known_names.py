"""IDs of known variants at a shard's sites, whose positions are on the axis of its part's contigs."""

from pathlib import Path

import pyarrow as pa
import pysam
import pytest

from genocloud import schema
from genocloud.cohort import Layout
from genocloud.pipeline.genotyping.known_names import OtherContigs, check_contigs, with_dbsnp_ids
from genocloud.pipeline.sharding import Shard
from genocloud.regions import Contig, Extent, Region

CONTIGS = (Contig("chr1", 100), Contig("chr2", 50), Contig("chr3", 60))
LAYOUT = Layout(CONTIGS, part_bp=1_000, window_bp=500)
"""One part: chr2 begins at place 100 of its axis, chr3 at 150."""

KNOWN = [("chr1", 1, "rs1"), ("chr1", 100, "rs2"), ("chr2", 1, "rs3"), ("chr2", 7, "rs4"), ("chr3", 60, "rs5")]
SHARD = Shard(name="s", region=Region(0, 0, 210), extent=Extent(0, 0, 2, 60))


@pytest.fixture
def url(tmp_path: Path) -> str:
    path = tmp_path / "known.vcf"
    contigs = "".join(f"##contig=<ID={contig.name},length={contig.length}>\n" for contig in CONTIGS)
    rows = "".join(f"{contig}\t{pos}\t{name}\tA\tC\t.\t.\t.\n" for contig, pos, name in KNOWN)
    path.write_text(f"##fileformat=VCFv4.2\n{contigs}#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\n{rows}")
    return str(pysam.tabix_index(str(path), preset="vcf"))


def sites_at(positions: list[int]) -> schema.Sites:
    """A>C at these places of the axis (1-based), without IDs."""
    return pa.table(
        {
            "pos": pa.array(positions, pa.int32()),
            "id": pa.nulls(len(positions), schema.STRING),
            "ref": pa.array(["A"] * len(positions), schema.STRING),
            "alts": pa.array([["C"]] * len(positions), schema.STRINGS),
            "DB": pa.nulls(len(positions), schema.BOOL),
        }
    )


def test_sites_of_several_contigs_get_the_ids_of_their_own(url: str) -> None:
    names = {1: "rs1", 2: None, 7: None, 99: None, 100: "rs2", 101: "rs3", 107: "rs4", 150: None, 151: None, 210: "rs5"}
    made = with_dbsnp_ids(sites_at(list(names)), LAYOUT, SHARD, url)
    assert made["id"].to_pylist() == list(names.values())
    assert made["DB"].to_pylist() == [name and True for name in names.values()]
    assert made["pos"].to_pylist() == list(names)


@pytest.mark.parametrize("positions", [[100], [101], [210], [1, 210]])
def test_contigs_without_a_site_are_not_looked_at(url: str, positions: list[int]) -> None:
    assert None not in with_dbsnp_ids(sites_at(positions), LAYOUT, SHARD, url)["id"].to_pylist()


def test_without_known_variants_or_sites_nothing_changes(url: str) -> None:
    for sites, known in ((sites_at([1]), None), (sites_at([]), url)):
        assert with_dbsnp_ids(sites, LAYOUT, SHARD, known) is sites


def test_known_variants_of_another_reference_are_refused(url: str) -> None:
    check_contigs(None, CONTIGS)
    check_contigs(url, (*CONTIGS, Contig("chr4", 1)))
    with pytest.raises(
        OtherContigs, match=r"none of its contigs \(chr1, chr2, chr3\) is the reference's \(1, 2, 3, \.\.\.\)"
    ):
        check_contigs(url, [Contig(name, 100) for name in "1234"])

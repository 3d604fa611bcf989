"""Known variants, read by their index: those at some positions, without the ones that failed their filters."""

import pysam
import pytest

from genocloud.errors import UnreadableFile
from genocloud.gvcf import known_contigs, read_known

ROWS = (
    "chr1\t5\trs1\tA\tC\t.\t.\t.",
    "chr1\t7\trs2\ta\tc,g\t.\tPASS\tX",
    "chr1\t7\trs3\tAT\tA\t.\tq10\t.",
    "chr1\t9\t.\tT\tG\t.\t.\t.",
    "chr2\t7\trs5\tA\tC\t.\t.\t.",
)


@pytest.fixture
def url(tmp_path):
    path = tmp_path / "known.vcf"
    contigs = "".join(f"##contig=<ID=chr{number},length=100>\n" for number in (1, 2))
    head = f'##fileformat=VCFv4.2\n{contigs}##FILTER=<ID=q10,Description="d">\n'
    path.write_text(head + "#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\n" + "\n".join(ROWS) + "\n")
    return pysam.tabix_index(str(path), preset="vcf")


def test_records_at_positions(url):
    assert known_contigs(url) == ("chr1", "chr2")
    assert read_known(url, "chr1", [7, 9]) == [(7, "rs2", "A", ("C", "G")), (9, ".", "T", ("G",))]
    assert read_known(url, "chr1", [4, 6, 8]) == []
    assert read_known(url, "chr1", [1, 5]) == [(5, "rs1", "A", ("C",))]
    assert read_known(url, "chr2", [7, 50]) == [(7, "rs5", "A", ("C",))]
    assert read_known(url, "chr3", [7]) == []
    assert read_known(url, "chr1", []) == []


def test_a_file_without_an_index_is_refused(tmp_path):
    path = tmp_path / "plain.vcf"
    path.write_text("##fileformat=VCFv4.2\n#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\n")
    with pytest.raises(UnreadableFile, match=r"bgzip .*plain.vcf, then tabix -p vcf .*plain.vcf.gz"):
        known_contigs(str(path))

"""Frequencies of REF at common single-base variants of a sites VCF."""

import pysam
import pytest

from genocloud.errors import BadRecord
from genocloud.gvcf import read_frequencies

ROWS = (
    "chr1\t5\t.\tA\tC\t.\t.\tAC=1;AF=0.25",
    "chr1\t6\t.\tA\tC\t.\t.\tAF=0.01",
    "chr1\t7\t.\ta\tc,g,CT\t.\tPASS\tAF=0.1,0.2,0.3",
    "chr1\t7\t.\tA\tT\t.\tPASS\tAF=0.05;X",
    "chr1\t8\t.\tAT\tA\t.\t.\tAF=0.5",
    "chr1\t9\t.\tA\tC\t.\tq10\tAF=0.5",
    "chr1\t10\t.\tA\tC\t.\t.\tMAF=0.5",
    "chr1\t11\t.\tA\tC\t.\t.\tAF=.",
    "chr1\t12\t.\tA\t*,G\t.\t.\tAF=0.5,0.5",
    "chr2\t7\t.\tA\tC\t.\t.\tAF=0.5",
)


def sites_vcf(tmp_path, rows):
    path = tmp_path / "sites.vcf"
    contigs = "".join(f"##contig=<ID=chr{number},length=100>\n" for number in (1, 2))
    path.write_text(
        f"##fileformat=VCFv4.2\n{contigs}#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\n" + "\n".join(rows) + "\n"
    )
    return pysam.tabix_index(str(path), preset="vcf")


def test_records_of_one_base_count_together(tmp_path):
    url = sites_vcf(tmp_path, ROWS)
    sites = [
        (site.start, site.ref, site.alts, round(site.ref_frequency, 9))
        for site in read_frequencies(url, "chr1", 100, 0.05, 0.95)
    ]
    assert sites == [(4, "A", ("C",), 0.75), (6, "A", ("C", "G", "T"), 0.65), (11, "A", ("G",), 0.5)]
    assert [site.start for site in read_frequencies(url, "chr2", 100, 0.05, 0.95)] == [6]
    assert list(read_frequencies(url, "chr3", 100, 0.05, 0.95)) == []


@pytest.mark.parametrize("row", ["chr1\t5\t.\tA\tC\t.\t.\tAF=many", "chr1\t5\t.\tA\tC"])
def test_a_record_that_cannot_be_read_is_named(tmp_path, row):
    url = sites_vcf(tmp_path, [row])
    with pytest.raises(BadRecord, match="chr1:5"):
        list(read_frequencies(url, "chr1", 100, 0.05, 0.95))

"""What mpileup writes is read from the line after its header, whatever the paths in the header hold."""

from genocloud.reads import pileup

TEXT = """\
##fileformat=VCFv4.2
##bcftoolsCommand=mpileup --fasta-ref /data/a
b c/ref.fa /data/a
b c/reads.bam
##reference=file:///data/a
b c/ref.fa
#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\tFORMAT\t/data/a
b c/reads.bam
chr1\t11\t.\tA\t<*>\t0\t.\tEND=20;MIN_DP=7\tPL:DP\t0,21,200:7
"""


def test_line_feeds_in_the_headers_paths_are_no_records(tmp_path):
    (tmp_path / "text.vcf").write_text(TEXT)
    assert list(pileup.read(tmp_path / "text.vcf")) == [pileup.Quiet(10, 20, 7, [0, 21, 200])]

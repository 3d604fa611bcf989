"""Small valid gVCFs to start from, cut out of the test data and of the written cases."""

import gzip
from itertools import groupby
from pathlib import Path

from genocloud.regions import Contig

TESTS = Path(__file__).resolve().parents[1]
CASES = sorted((TESTS / "cases" / "gvcf").glob("*.g.vcf"))
GVCF = TESTS.parent / "test_data" / "gvcf" / "p07.g.vcf.gz"

CONTIGS = (Contig("chr1", 300_000), Contig("chrX", 300_000), Contig("HLA-A*01:01", 300), Contig("chrY", 500))
SAMPLE = "ann"

TITLE = "#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\tFORMAT\t"
HEADER = (
    "##fileformat=VCFv4.2\n"
    '##ALT=<ID=NON_REF,Description="any possible alternative allele">\n'
    '##FORMAT=<ID=PL,Number=G,Type=Integer,Description="likelihoods, phred">\n'
    "##contig=<ID=chr1,length=300000>\n##contig=<length=300000,assembly=x,ID=chrX>\n"
)


def texts() -> list[str]:
    """GATK's records of two contigs (haploid on chrX), the written cases, and a file of three samples."""
    written = [path.read_text().replace("length=2000", "length=300000") for path in CASES]
    return [HEADER + TITLE + f"{SAMPLE}\n" + "".join(of_gatk()), *written, several()]


def of_gatk() -> list[str]:
    """Of each contig the first block, and the first variants with the blocks beside them."""
    lines = gzip.decompress(GVCF.read_bytes()).decode().splitlines(keepends=True)
    kept = []
    for contig, group in groupby((line for line in lines if line[0] != "#"), lambda line: line.split("\t", 1)[0]):
        chosen = list(group)
        variants = [number for number, line in enumerate(chosen) if ",<NON_REF>" in line]
        near = {0} | {number + step for number in variants[:2] for step in (-1, 0, 1)}
        if contig in ("chr1", "chrX"):
            kept += [chosen[number] for number in sorted(near) if 0 <= number < len(chosen)]
    return kept


def several() -> str:
    """A file of three samples, the middle one chosen."""
    values = "GT:DP:GQ:PL\t0/0:7:20:0,20,200\t0/0:9:27:0,27,400\t./.:0:0:0,0,0\n"
    block = "chr1\t{pos}\t.\tA\t<NON_REF>\t.\t.\tEND={end}\t" + values
    snp = "chr1\t40\trs1\tA\tG,<NON_REF>\t50\tPASS\tDP=9;MQ=60\tGT:AD:DP:GQ:PL\t" + "\t".join(
        ["0/1:3,4,0:7:30:50,0,60,90,91,92", "1|1:0,9,0:9:27:400,27,0,401,90,500", "./.:.:.:.:."]
    )
    return HEADER + TITLE + "bob\tann\tcyd\n" + block.format(pos=1, end=39) + snp + "\n" + block.format(pos=41, end=99)

"""Shapes that callers write of whom no file is at hand, as their sources have them (weCall 2.0.1, Octopus 0.7.4)."""

import gzip

import pytest

from genocloud import gvcf
from genocloud.cli import main
from genocloud.regions import Contig
from tests.support import gvcf_reader

TITLE = "#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\tFORMAT\tann\n"
CONTIGS = (Contig("one", 500),)

WECALL_SOURCE = "##source=weCall v2.0.1\n"
WECALL_FIELDS = """##commit=1a2b3c4
##buildTime=2018-05-09T16:04:28
##options={inputs=ann.bam;outputRefCalls=1}
##INFO=<ID=BEG,Number=1,Type=Integer,Description="first base",Source="weCall",Version="2.0.1">
##INFO=<ID=MQ,Number=A,Type=Float,Description="of the reads with the ALT",Source="weCall",Version="2.0.1">
##FORMAT=<ID=GQ,Number=1,Type=Integer,Description="quality",Source="weCall",Version="2.0.1">
"""
WECALL_4_1 = WECALL_FIELDS.replace(',Source="weCall",Version="2.0.1"', "")
WECALL_BLOCK = "one\t{0}\t.\tA\t<NON_REF>\t{3}\tPASS\tBEG={0};END={1};LEN={2}\tGT:DP:MIN_DP:GQ\t0/0:{4}:{3}\n"
WECALL_RECORD = (
    "one\t{}\t.\t{}\t{}\t{}\tPASS\tPP=200;DP=20;DPR=10;DPF=10;VC=9;VCR=4;VCF=5;ABPV=1;SBPV=0.93;MQ=60;QD=22.2;BR=33"
    "\tGT:PL:GQ:AD:DP:VAF\t{}:20:0.45\n"
)
WECALL_RECORDS = [
    WECALL_BLOCK.format(1, 50, 50, ".", "0:0"),  # no read: GQ and QUAL are missing
    WECALL_BLOCK.format(51, 99, 49, 57, "22:19"),
    WECALL_RECORD.format(100, "A", "C", 200, "0/1:210,0,250:99:11,9"),
    WECALL_BLOCK.format(101, 199, 99, 60, "21:20"),
    WECALL_RECORD.format(200, "A", "C", 200, "./1:210,0,250:99:1,9"),  # one ALT a record: two make 1/2
    WECALL_RECORD.format(200, "A", "G", 180, "./1:180,0,260:99:1,10"),
    WECALL_BLOCK.format(201, 500, 300, 60, "21:20"),
]

OCTOPUS = '##octopus=<version=0.7.4,command="octopus -I ann.bam --refcall",options="",date="2021-05-21">\n'
OCTOPUS_RECORDS = [
    "one\t1\t.\tA\t<*>\t194.56\tPASS\tAC=0;AN=2;DP=66;END=97;MQ=56;NS=1\tGT:GQ:DP:MQ:FT\t0|0:195:66:56:PASS\n",
    "one\t98\t.\tA\t<*>\t193.97\tPASS\tAC=0;AN=2;DP=68;MQ=56;NS=1\tGT:GQ:DP:MQ:FT\t0|0:194:68:56:PASS\n",
    "one\t98\t.\tAA\tA\t567.05\tPASS\tAC=1;AN=2;DP=68;MQ=56;NS=1\tGT:GQ:DP:MQ:PS:PQ:FT\t0|1:567:68:56:98:100:PASS\n",
    "one\t99\t.\tA\tG,*,*\t50\tPASS\tAC=1,1,1;AN=2;DP=20;MQ=60;NS=1\tGT:GQ:DP:MQ:PS:PQ\t2|3:50:20:60:98:100\n",
]


def write(folder, header, records):
    path = folder / "ann.g.vcf"
    path.write_text(f"##fileformat=VCFv4.2\n{header}{TITLE}" + "".join(records))
    return path


def joint(folder, intervals=()):
    (folder / "ref.fa").write_text(f">one\n{'A' * 500}\n")
    (folder / "ref.fa.fai").write_text("one\t500\t5\t500\t501\n")
    places = str(folder / "ann.g.vcf"), "--reference", str(folder / "ref.fa"), "-o", str(folder / "o.vcf.gz")
    return main(["joint", *places, "--threads", "1", "-q", *intervals])


@pytest.mark.parametrize("header", [WECALL_SOURCE + WECALL_FIELDS, WECALL_SOURCE + WECALL_4_1, WECALL_FIELDS])
def test_wecall_is_known_and_read(tmp_path, header):
    path = write(tmp_path, header, WECALL_RECORDS)
    said = gvcf.read_header(str(path))
    assert (said.caller, said.symbolic) == ("wecall", "<NON_REF>")
    (rows,) = gvcf.read_rows(str(path), CONTIGS)
    assert [table.to_pylist() for table in gvcf_reader.read(path, CONTIGS)] == [
        rows.variants.to_pylist(),
        rows.blocks.to_pylist(),
    ]
    assert [(row["start"], row["stop"], row["gq"], row["min_dp"]) for row in rows.blocks.to_pylist()] == [
        (0, 50, None, 0),
        (50, 99, 57, 19),
        (100, 199, 60, 20),
        (200, 500, 60, 20),
    ]
    assert [(row["alts"], row["gt"], row["pl"]) for row in rows.variants.to_pylist()] == [
        (["C"], [0, 1], [210, 0, 250]),
        (["C"], [-1, 1], [210, 0, 250]),
    ]
    assert (rows.read, rows.dropped) == (7, {"weaker variant at the position of another": 1})


def test_wecall_is_genotyped_and_its_blocks_without_a_read_are_no_data(tmp_path):
    write(tmp_path, WECALL_SOURCE + WECALL_FIELDS, WECALL_RECORDS)
    assert joint(tmp_path, ("--include-non-variant-sites",)) == 0
    rows = [
        line.split("\t")
        for line in gzip.decompress((tmp_path / "o.vcf.gz").read_bytes()).decode().splitlines()
        if line[0] != "#"
    ]
    cells = {row[1]: (row[3], row[4], row[9]) for row in rows}
    assert cells["100"] == ("A", "C", "0/1:11,9:20:99:210,0,250")
    assert cells["50"] == ("A", ".", "./.")
    assert cells["60"] == ("A", ".", "0/0:19:57")


@pytest.mark.parametrize("records", [OCTOPUS_RECORDS, OCTOPUS_RECORDS[:2]])
def test_octopus_is_refused_by_name_before_its_records_are_read(tmp_path, capsys, records):
    """Its issue tracker: it "does not report genotype likelihoods, so you will not be able to use" them for this."""
    path = write(tmp_path, OCTOPUS, records)
    said = gvcf.read_header(str(path))
    assert (said.caller, said.symbolic) == ("octopus", "<*>")
    assert joint(tmp_path) == 3
    assert capsys.readouterr().err.endswith(
        f"{path}: is of octopus; Octopus writes no genotype likelihoods (PL): call the reads with HaplotypeCaller "
        "-ERC GVCF, DeepVariant or bcftools\n"
    )


def test_octopus_blocks_are_read(tmp_path):
    (rows,) = gvcf.read_rows(str(write(tmp_path, OCTOPUS, OCTOPUS_RECORDS[:3])), CONTIGS)
    assert [(row["start"], row["stop"], row["gq"]) for row in rows.blocks.to_pylist()] == [(0, 97, 195)]
    assert [(row["start"], row["alts"]) for row in rows.variants.to_pylist()] == [(97, ["A"])]
    assert rows.dropped == {"reference record at the position of another record": 1}

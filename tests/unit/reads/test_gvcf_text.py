"""The gVCF's lines."""

from genocloud.reads.blocks import NO_DATA, Block
from genocloud.reads.gvcf_text import block_line, header, record_line
from genocloud.reads.pileup import PileupEvidence
from genocloud.reads.records import PileupCaller
from genocloud.regions import Contig

INFO = "DP=21;I16=5,4,6,6,0,0,0,0,500,32400,700,43200,0,0,0,0;QS=1,0,0;MQBZ=-0.5;BQBZ=1.25"


def record(pl):
    evidence = PileupEvidence(
        start=99, alleles=("G", "A"), pl=pl, forward=[5, 6, 0], reverse=[4, 6, 0], depth=21, info=INFO
    )
    return next(iter(PileupCaller(ploidy=2, start=0, end=1000).calls([evidence])))


def test_a_record_has_all_that_the_joint_model_asks_for():
    assert record_line(record([180, 0, 190, 210, 220, 255]), "chr1") == (
        "chr1\t100\t.\tG\tA,<*>\t180\t.\tDP=21;RAW_MQandDP=75600,21;BaseQRankSum=1.25;MQRankSum=-0.5"
        "\tGT:AD:DP:GQ:PL:SB\t0/1:9,12,0:21:99:180,0,190,210,220,255:5,4,6,6\n"
    )


def test_hom_ref_of_quality_0_is_no_call():
    assert "\t./.:9,12,0:21:0:0,0,190," in record_line(record([0, 0, 190, 210, 220, 255]), "chr1")


def test_blocks_of_one_and_two_copies_with_and_without_data():
    assert block_line(Block(start=9, end=20, band=2, bases_read=77, min_depth=6, pl=[0, 18, 200]), "chr1", "t") == (
        "chr1\t10\t.\tT\t<*>\t.\t.\tEND=20\tGT:DP:GQ:MIN_DP:PL\t0/0:7:18:6:0,18,200\n"
    )
    assert block_line(Block(start=9, end=20, band=NO_DATA, bases_read=0, min_depth=0, pl=[0, 0]), "chrY", "R").split(
        "\t"
    )[3::6] == ["N", ".:0:0:0:0,0\n"]


def test_the_header_names_contigs_in_the_references_order():
    lines = header([Contig("b", 9), Contig("a", 7)], "ann").splitlines()
    assert [line for line in lines if line.startswith("##contig")] == [
        "##contig=<ID=b,length=9>",
        "##contig=<ID=a,length=7>",
    ]
    assert lines[-1].endswith("FORMAT\tann")

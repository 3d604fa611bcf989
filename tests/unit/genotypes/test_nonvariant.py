"""Sites emitted whatever the evidence: the lines that GATK 4.6.2.0 wrote for them with -all-sites."""

import re

import pytest

from genocloud.genotypes import Model
from genocloud.regions import Contig, Region
from tests.support.gvcf_reader import read
from tests.support.joint_path import cut, joint
from tests.support.vcf_text import line

CONTIGS = (Contig("chr1", 140),)
BOTH = Model(annotation_groups=("StandardAnnotation", "AS_StandardAnnotation"))
SB = "GT:AD:DP:GQ:PL:SB"
HET = "0/1:10,10,0:20:99:200,0,210,230,240,470:5,5,5,5"
BIALLELIC = "AC=1;AF=0.250;AN=4;DP={};ExcessHet=0.0000;FS=0.000;MLEAC=1;MLEAF=0.250"
HOM_REF = "0|0:7,2:9:10:0,10,90:1,2,3,4"
WEAK = "0/1:8,1,0:9:8:8,0,310,30,320,470:4,4,1,0"
BASES = "A" * 99 + "ACGTACGTAAaacrtnNAAAACGTAAAAAAACGTAAAAAA"


def block(start, end, values, ref="A"):
    return f"chr1\t{start}\t.\t{ref}\t<NON_REF>\t.\t.\tEND={end}\tGT:DP:GQ:MIN_DP:PL\t{values}"


def record(pos, ref, alts, info, keys, values, name="."):
    return f"chr1\t{pos}\t{name}\t{ref}\t{alts}\t.\t.\t{info}\t{keys}\t{values}"


CASES = {
    "a block, on bases that are no letters of DNA": (
        {"s1": [block(109, 116, "0/0:20:60:18:0,60,900")], "s2": [block(109, 111, "./.:5:0:4:0,0,10")]},
        {
            109: "A . . . DP=22 GT:DP:RGQ 0/0:18:60 ./.:4:0",
            110: "A . . . DP=22 GT:DP:RGQ 0/0:18:60 ./.:4:0",
            112: "C . . . DP=18 GT:DP:RGQ 0/0:18:60 .",
            113: "N . . . DP=18 GT:DP:RGQ 0/0:18:60 .",
            114: "T . . . DP=18 GT:DP:RGQ 0/0:18:60 .",
            115: "N . . . DP=18 GT:DP:RGQ 0/0:18:60 .",
            116: "N . . . DP=18 GT:DP:RGQ 0/0:18:60 .",
        },
    ),
    "a weak SNP; DP, not MIN_DP; uncapped RGQ; haploid": (
        {
            "s1": [block(100, 102, "0:20:120:18:0,60")],
            "s2": [record(101, "C", "T,<NON_REF>", "DP=9;MQ=50.1;ExcessHet=3.01", SB, WEAK)],
        },
        {
            100: "A . . . DP=18 GT:DP:RGQ 0:18:120 .",
            101: "C . 6.79 LowQual DP=27;ExcessHet=3.01;MLEAC=.;MLEAF=.;MQ=50.10 GT:DP:RGQ 0:20:120 0/0:9:8",
        },
    ),
    "records without ALT keep what they say, the others' IDs go": (
        {
            "s1": [
                record(101, "C", "<NON_REF>", "DP=33;MQ=50.1;BaseQRankSum=0.4", SB, HOM_REF, "rs1"),
                record(103, "T", "C,<NON_REF>", "DP=20", SB, HET, "rs2"),
                record(104, "A", "<NON_REF>", ".", "GT:AD:DP:PL", "0/0:20,0:20:0,60,900"),
                record(105, "C", "<NON_REF>", ".", "GT:AD:DP:GQ:MIN_DP:PL", "0/0:20,0:20:30:0:0,30,400"),
            ],
            "s2": [block(101, 101, "0/0:20:60:20:0,60,900", "C")],
        },
        {
            101: "C . . . BaseQRankSum=0.400;DP=29;MQ=50.10 GT:AD:DP:RGQ 0|0:7:9:10 0/0:.:20:60",
            103: "T C 192.64 . AC=1;AF=0.500;AN=2;DP=20;ExcessHet=0.0000;FS=0.000;MLEAC=1;MLEAF=0.500;QD=9.63;SOR=0.693"
            " GT:AD:DP:GQ:PL 0/1:10,10:20:99:200,0,210 .",
            104: "A . . . DP=20 GT:AD ./.:20 .",
            105: "C . . . . GT:AD ./.:20 .",
        },
    ),
    "a deletion, what lies under it, and one too weak": (
        {
            "s1": [record(100, "ACGTACGT", "A,<NON_REF>", "DP=20", SB, HET)],
            "s2": [
                block(98, 102, "0/0:8:24:7:0,21,300"),
                record(103, "T", "C,<NON_REF>", "DP=20;MQ=55.5", SB, "0/1:9,1,0:10:5:5,0,310,70,320,470:5,4,1,0"),
            ],
            "s3": [record(120, "ACGT", "A,<NON_REF>", "DP=20", SB, "0/1:18,2,0:20:5:5,0,310,70,320,470:9,9,1,1")],
        },
        {
            98: "A . . . DP=7 GT:DP:RGQ . 0/0:7:24 .",
            100: "ACGTACGT A 191.89 . <27>;QD=9.59;SOR=0.693"
            " GT:AD:DP:GQ:PL 0/1:10,10:20:99:200,0,210 0/0:7,0:7:21:0,21,300 .",
            101: "C * 0 LowQual <27>;QD=0.00;SOR=0.693"
            " GT:AD:DP:GQ:PL 0/1:10,10:20:99:200,0,210 0/0:7,0:7:21:0,21,300 .",
            103: "T * 0.16 LowQual <40>;MQ=55.50;QD=0.01"
            ";SOR=0.754 GT:AD:DP:GQ:PL 0/1:10,10:20:99:200,0,210 0/0:9,0:10:65:0,65,465 .",
            120: "ACGT . 14.07 LowQual DP=20;MLEAC=.;MLEAF=. GT:DP:RGQ . . 0/0:20:5",
            121: "C . Infinity . DP=20;MLEAC=.;MLEAF=. GT:DP:RGQ . . 0/0:20:5",
        },
    ),
    "ALTs without a read stay, `*` too; a carrier without PL gives no line": (
        {
            "s1": [
                record(100, "ACG", "A,<NON_REF>", ".", SB, "0/1:0,0,0:0:20:20,0,30,30,40,60:0,0,0,0"),
                record(120, "A", "C,<NON_REF>", "DP=20", "GT:AD:DP:GQ", "0/1:10,10,0:20:99"),
            ],
            "s2": [block(99, 103, "0/0:0:0:0:0,0,0")],
        },
        {
            99: "A . . . . GT . .",
            100: "ACG A . . . GT:AD ./.:0,0 .",
            101: "C * . . . GT:AD ./.:0,0 .",
            103: "T . . . . GT . .",
            120: None,
        },
    ),
}  # fmt: skip


def samples_of(records, folder):
    rows = {}
    for sample, lines in records.items():
        columns = f"#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\tFORMAT\t{sample}"
        (folder / f"{sample}.g.vcf").write_text("\n".join(["##fileformat=VCFv4.2", columns, *lines]) + "\n")
        rows[sample] = read(folder / f"{sample}.g.vcf", CONTIGS)
    return rows


def lines_of(rows, shards, batches, model=None):
    """Each site's columns from REF on, without ID, by position; what holds no data at all is `.`."""
    sites, genotypes, _ = joint(rows, CONTIGS, shards, batches, model, BASES)
    cells, lines = genotypes.to_pylist(), {}
    for number, site in enumerate(sites.to_pylist()):
        columns = line(site, cells[number * len(rows) :][: len(rows)]).rstrip("\n").split("\t")
        assert columns[2] in (".", "rs1")
        lines[site["pos"]] = " ".join(columns[3:9] + ["." if set(cell) <= set("./|") else cell for cell in columns[9:]])
    return lines


def whole(text):
    """A line in which <DP> stands for what all sites with one het in two samples say."""
    return re.sub(r"<(\d+)>", lambda match: BIALLELIC.format(match[1]), text)


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("places", [[], [101, 103]], ids=["one shard", "three shards"])
def test_lines_are_gatks(tmp_path, name, places):
    records, expected = CASES[name]
    expected = {pos: text and whole(text) for pos, text in expected.items()}
    rows = samples_of(records, tmp_path)
    lines = lines_of(rows, cut(Region(0, 0, CONTIGS[0].length), places), [[rank] for rank in range(len(rows))])
    assert {pos: lines.get(pos) for pos in expected} == expected


def test_records_ids_stay_only_where_nothing_is_genotyped(tmp_path):
    records, _ = CASES["records without ALT keep what they say, the others' IDs go"]
    sites, _, _ = joint(samples_of(records, tmp_path), CONTIGS, [Region(0, 0, 140)], [[0, 1]], None, BASES)
    assert {row["pos"]: row["id"] for row in sites.to_pylist() if row["id"]} == {101: "rs1"}


def test_an_alt_without_carriers_stays(tmp_path):
    """500 flat samples make it likely, and none of them is called: seen with both groups of annotations."""
    rows = {f"s{number:03}": [block(90, 110, "0/0:1:0:1:0,0,0")] for number in range(500)}
    rows["s001"] = [block(90, 110, "0/0:20:60:18:0,60,900")]
    info = (
        "DP=5;BaseQRankSum=0.5;RAW_MQandDP=18000,5;ExcessHet=3.0;AS_RAW_MQ=9000.00|9000.00|0.00;AS_SB_TABLE=2,1|1,1|0,0"
    )
    values = "3,2,0:5:1:0,1,40,12,43,60:2,1,1,1:4"
    rows["s002"] = [record(100, "A", "C,<NON_REF>", info, f"{SB}:MIN_DP", f"0|1:{values}")]
    rows["s003"] = [record(100, "A", "C,<NON_REF>", info, SB, "0/1:3,2,0:5:0:0,0,40,12,43,60:2,1,1,1")]
    text = lines_of(samples_of(rows, tmp_path), [Region(0, 95, 140)], [range(1, 500, 2), range(0, 500, 2)], BOTH)[100]
    ref, alt, qual, low, info_text, keys, *cells = text.split(" ")
    assert (ref, alt, qual, low, keys) == ("A", "C", "37.63", ".", "GT:AD:DP:RGQ")
    assert info_text == (
        "AS_FS=0.000;AS_MQ=67.08;AS_QD=30.00;AS_SOR=0.307;BaseQRankSum=0.500;DP=525;ExcessHet=3.00;MLEAC=9;MLEAF=1.00;MQ=60.00"
    )
    assert cells[:5] == ["./.:1,0:1:0", "0/0:18,0:18:60", "0|0:3,2:4:1", "./.:3,2:5:0", "./.:1,0:1:0"]

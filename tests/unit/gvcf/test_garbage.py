"""Garbage is refused with file and place; what means nothing is passed over, and said once; callers are named."""

import logging

import numpy as np
import pysam
import pytest

from genocloud import gvcf
from genocloud.cli import main
from genocloud.errors import BadRecord
from genocloud.regions import Contig

CONTIGS = [Contig("one", 500)]
HEADER = "##fileformat=VCFv4.2\n##GATKCommandLine=<ID=HaplotypeCaller>\n##contig=<ID=one,length=500>\n"
TITLE = "#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\tFORMAT\tann\n"
BLOCK = "one\t1\t.\tA\t<NON_REF>\t.\t.\tEND=99\tGT:DP:GQ:MIN_DP:PL\t0/0:20:60:20:0,60,900\n"


def record(alt="C,<NON_REF>", sample="", ref="A", qual="240.6", info="DP=20"):
    alleles = alt.count(",") + 2
    values = ",".join(["9"] * (alleles * (alleles + 1) // 2))
    sample = sample or f"0/1:{','.join(['5'] * alleles)}:20:99:{values}:5,5,5,5"
    return f"one\t100\t.\t{ref}\t{alt}\t{qual}\t.\t{info}\tGT:AD:DP:GQ:PL:SB\t{sample}\n"


def read(tmp_path, text, header=HEADER):
    path = tmp_path / "ann.g.vcf"
    path.write_bytes(text if isinstance(text, bytes) else (header + TITLE + BLOCK + text).encode())
    rows = [each.variants for each in gvcf.read_rows(str(path), CONTIGS) if each.variants.num_rows]
    return rows[0].to_pylist() if rows else []


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        (record("A,<NON_REF>"), "an ALT is equal to REF"),
        (record("a,<NON_REF>"), "an ALT is equal to REF"),
        (record("G,acg,<NON_REF>", ref="ACG"), "an ALT is equal to REF"),
        (record("C,C,<NON_REF>"), "an ALT is there twice"),
        (record("C,G,c,<NON_REF>"), "an ALT is there twice"),
        (record("C,<NON_REF>,<NON_REF>"), "an ALT is there twice"),
        (record("*,*,<NON_REF>"), "an ALT is there twice"),
        (record("Q,<NON_REF>"), "an ALT has letters that a VCF does not allow"),
        (record("C*,<NON_REF>"), "an ALT has letters that a VCF does not allow"),
        (record("C-,<NON_REF>"), "an ALT has letters that a VCF does not allow"),
        (record("C G,<NON_REF>"), "an ALT has letters that a VCF does not allow"),
        (record(sample="0/1:5,5,5:-20:99:9,9,9,9,9,9:5,5,5,5"), "is negative"),
        (record(sample="0/1:5,-5,5:20:99:9,9,9,9,9,9:5,5,5,5"), "is negative"),
        (record(sample="0/1:5,5,5:20:-1:9,9,9,9,9,9:5,5,5,5"), "is negative"),
        (record(sample="0/1:5,5,5:20:99:9,-9,9,9,9,9:5,5,5,5"), "is negative"),
        (record(sample="0/1:5,5,5:20:99:9,9,9,9,9,9:5,5,-5,5"), "is negative"),
        (BLOCK.replace("one\t1\t", "one\t100\t").replace("60:20:0", "60:-20:0").replace("=99", "=200"), "is negative"),
        (record(info="DP=-20"), "a number is malformed"),
    ],
)
def test_what_no_record_may_hold_is_refused_with_file_and_place(tmp_path, line, problem):
    with pytest.raises(BadRecord, match=problem) as caught:
        read(tmp_path, line)
    assert caught.value.place == "line 6 (one:100)"


@pytest.mark.parametrize("alt", ["C,*,<NON_REF>", "acgtn,<NON_REF>", "N,<NON_REF>", "<DEL>", "]one:5]C", "C.", ".C"])
def test_alts_that_a_vcf_allows_are_taken(tmp_path, alt):
    assert len(read(tmp_path, record(alt))) == 1


def test_missing_values_are_not_negative(tmp_path):
    (row,) = read(tmp_path, record(sample="0/1:5,.,5:.:.:.:."))
    assert (row["dp"], row["gq"], row["pl"]) == (None, None, None)


@pytest.mark.parametrize("value", ["inf", "-inf", "Infinity", "nan", "NaN", "1e39", "-1e300"])
def test_annotations_without_a_finite_value_are_missing(tmp_path, value):
    names = ("BaseQRankSum", "ClippingRankSum", "MQRankSum", "ReadPosRankSum", "MQ", "ExcessHet")
    info = ";".join(f"{name}={value}" for name in names)
    (row,) = read(tmp_path, record(qual=value, info=f"{info};RAW_MQ={value};DP=20"))
    columns = [name for name, number in row.items() if isinstance(number, float)]
    assert [row[name] for name in columns] == [None] * len(columns)
    assert row["qual"] is None
    assert (row["raw_mq"], row["info_dp"]) == (None, 20)
    assert not any(isinstance(number, float) and not np.isfinite(number) for number in row.values())


@pytest.mark.parametrize("end", ["\t\n", "\t\t\r\n"])
def test_tabs_at_the_end_of_lines_are_passed_over_and_said_once(tmp_path, caplog, end):
    plain = read(tmp_path, record())
    assert not caplog.records
    assert (
        read(tmp_path, record().replace("\n", end) + BLOCK.replace("one\t1\t", "one\t101\t").replace("=99\t", "=200\t"))
        == plain
    )
    assert [each.message.split(": ")[1] for each in caplog.records] == ["lines end with tabs, which are ignored"]
    with pytest.raises(BadRecord, match="too few or too many columns"):
        read(tmp_path, record().replace("\n", "\tmore\n"))


@pytest.mark.parametrize("compressed", [False, True])
def test_a_byte_order_mark_is_passed_over_and_said_once(tmp_path, caplog, compressed):
    plain = read(tmp_path, record())
    data = b"\xef\xbb\xbf" + (HEADER + TITLE + BLOCK + record()).encode()
    with caplog.at_level(logging.WARNING):
        if compressed:
            with pysam.BGZFile(str(tmp_path / "ann.g.vcf.gz"), "wb") as file:
                file.write(data)
            (rows,) = (each.variants for each in gvcf.read_rows(str(tmp_path / "ann.g.vcf.gz"), CONTIGS) if each.read)
            assert rows.to_pylist() == plain
            assert gvcf.read_header(str(tmp_path / "ann.g.vcf.gz")).samples == ("ann",)
        else:
            assert read(tmp_path, data) == plain
    assert sum("byte-order mark" in each.message for each in caplog.records) == 1


@pytest.mark.parametrize(
    ("line", "caller", "symbolic"),
    [
        ("##source=octopus v0.7", "octopus", "<*>"),
        ("##source=Mutect2", "mutect2", "<NON_REF>"),
        ("##source=genocloud call (bcftools mpileup 1.21)", "bcftools", "<*>"),
        ("##source=genocloud 0.1.0", "genocloud joint vcf", ""),
    ],
)
def test_callers_are_known_by_what_they_write(tmp_path, line, caller, symbolic):
    path = tmp_path / "ann.g.vcf"
    path.write_text(f"##fileformat=VCFv4.2\n{line}\n{TITLE}{BLOCK}")
    header = gvcf.read_header(str(path))
    assert (header.caller, header.symbolic) == (caller, symbolic)


NO_LIKELIHOODS = {
    "##source=Mutect2": (
        "one\t1\t.\tA\t<NON_REF>\t.\t.\tEND=99\tGT:DP:TLOD\t0/0:20:-9.1\n",
        "is of mutect2",
        "Mutect2 looks for somatic",
    ),
    "##bcftoolsCommand=mpileup": (
        "one\t1\t.\tA\t<*>\t.\t.\tEND=99\tGT:DP\t0/0:20\n",
        "is of bcftools",
        "bcftools call -m -g 0 -f GQ",
    ),
}


@pytest.mark.parametrize("line", NO_LIKELIHOODS)
def test_files_without_likelihoods_name_the_caller_and_what_to_do(tmp_path, capsys, line):
    block, caller, advice = NO_LIKELIHOODS[line]
    (tmp_path / "ref.fa").write_text(f">one\n{'A' * 500}\n")
    (tmp_path / "ref.fa.fai").write_text("one\t500\t5\t500\t501\n")
    (tmp_path / "ann.g.vcf").write_text(f"##fileformat=VCFv4.2\n{line}\n{TITLE}{block}")
    (tmp_path / "samples.tsv").write_text("sample\tgvcf\nann\tann.g.vcf\n")
    places = str(tmp_path / "samples.tsv"), "--reference", str(tmp_path / "ref.fa"), "-o", str(tmp_path / "o.vcf.gz")
    assert main(["joint", *places, "--threads", "1", "-q"]) == 3
    said = capsys.readouterr().err
    assert caller in said
    assert advice in said

"""Files and records that no gVCF may hold: each is refused with file, place, problem and remedy."""

import gzip
from collections import Counter
from pathlib import Path
from unittest import mock

import pyarrow as pa
import pysam
import pytest

from genocloud import gvcf
from genocloud.errors import BadRecord, InputError, UnknownContig, UnreadableFile
from genocloud.gvcf.inflate import END_BLOCK, NotInflated
from genocloud.gvcf.rows import OVERLAP
from genocloud.regions import Contig

CONTIGS = (Contig("chr1", 1000), Contig("chr2", 500))
HEADER = """##fileformat=VCFv4.2
##GATKCommandLine=<ID=HaplotypeCaller>
##contig=<ID=chr1,length=1000>
##contig=<ID=chr2,length=500>
#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\tFORMAT\tann
"""
GOOD = "chr1\t10\t.\tA\t<NON_REF>\t.\t.\tEND=20\tGT:DP:GQ:MIN_DP:PL\t0/0:5:9:5:0,9,90\n"


def records(*columns: str) -> str:
    return "".join("\t".join(record.split()) + "\n" for record in columns)


def text_file(folder: Path, text: str) -> str:
    path = folder / "a.g.vcf"
    path.write_text(text)
    return str(path)


def read(path: str) -> list[gvcf.Rows]:
    return list(gvcf.read_rows(path, CONTIGS))


BAD = {
    "too few columns": "chr1 30 . A C",
    "too many columns": "chr1 30 . A C . . . GT 0/1 0/1",
    "no number in POS": "chr1 x . A C . . . GT 0/1",
    "POS 0": "chr1 0 . A C . . . GT 0/1",
    "a malformed DP": "chr1 30 . A C . . . GT:DP 0/1:3x",
    "a DP beyond 32 bits": "chr1 30 . A C . . . GT:DP 0/1:2147483648",
    "a malformed QUAL": "chr1 30 . A C 1.2.3 . . GT 0/1",
    "a malformed INFO": "chr1 30 . A C . . MQ=1e GT 0/1",
    "a malformed RAW_MQandDP": "chr1 30 . A C . . RAW_MQandDP=5 GT 0/1",
    "a malformed END": "chr1 30 . A <NON_REF> . . END=3O GT 0/0",
    "a malformed GL": "chr1 30 . A C . . . GT:GL 0/1:-1,zero,-3",
    "END before POS": "chr1 30 . A <NON_REF> . . END=29 GT 0/0",
    "END beyond the contig": "chr1 30 . A <NON_REF> . . END=1001 GT 0/0",
    "a REF beyond the contig": "chr1 1000 . AC A . . . GT 0/1",
    "an unsorted record": "chr1 9 . A C . . . GT 0/1",
    "a second record at a position": "chr1 10 . A C . . . GT 0/1",
    "a malformed GT": "chr1 30 . A C . . . GT 0-1",
    "a GT beyond the alleles": "chr1 30 . A C . . . GT 0/2",
    "an AD of the wrong length": "chr1 30 . A C . . . GT:AD 0/1:3",
    "a PL of the wrong length": "chr1 30 . A C . . . GT:PL 0/1:3,0",
    "a PL of the wrong ploidy": "chr1 30 . A C . . . GT:PL 0:3,0,9",
    "more values than keys": "chr1 30 . A C . . . GT 0/1:7",
    "an empty ALT": "chr1 30 . A C, . . . GT 0/1",
    "an END without a value": "chr1 30 . A <NON_REF> . . END= GT 0/0",
    "an END with two": "chr1 30 . A <NON_REF> . . END=31,32 GT 0/0",
    "a number in INFO that goes on": "chr1 30 . A C . . DP=3:4 GT 0/1",
    "a real in INFO that goes on": "chr1 30 . A C . . MQ=3:4 GT 0/1",
    "a malformed RAW_MQ": "chr1 30 . A C . . RAW_MQ=1x GT 0/1",
    "an empty value in AD": "chr1 30 . A C . . . GT:AD 0/1:3,",
    "a record whose first letter is damaged": "#hr1 30 . A C . . . GT 0/1",
}


@pytest.mark.parametrize("record", BAD.values(), ids=BAD.keys())
def test_a_bad_record_is_refused_with_its_line(tmp_path, record):
    path = text_file(tmp_path, HEADER + GOOD + records(record) + records("chr1 40 . A C . . . GT 0/1"))
    with pytest.raises(BadRecord) as caught:
        read(path)
    assert caught.value.url == path
    assert caught.value.place == f"line 7 ({':'.join(record.split()[:2])})"
    assert caught.value.remedy


def test_a_long_list_of_nothing_is_refused(tmp_path):
    path = text_file(tmp_path, HEADER + f"chr1\t30\t.\tA\tC\t.\t.\t.\tGT:PL\t0/1:{',' * 200_000}\n")
    with pytest.raises(BadRecord, match="malformed"):
        read(path)


@pytest.mark.parametrize("mark", ["##source=mine", "##bcftoolsCommand=mpileup -g 5", "##source=strelka"])
@pytest.mark.parametrize("between", [[], ["chr1 30 . AC A . . . GT:AD 0/1:3,4"]])
def test_the_same_ref_and_alt_twice_at_a_position_is_refused_in_every_dialect(tmp_path, mark, between):
    lines = records("chr1 30 . A c . . . GT 0/1", *between, "chr1 30 . a C 7 . . GT:DP 0/1:3")
    path = text_file(tmp_path, HEADER.replace("##GATKCommandLine=<ID=HaplotypeCaller>", mark) + lines)
    with pytest.raises(BadRecord, match="same REF and ALT") as caught:
        read(path)
    assert caught.value.place == f"line {7 + len(between)} (chr1:30)"


def test_blocks_that_overlap_are_counted_across_pieces_and_records_between(tmp_path):
    variant = "chr1 {} . AC A . . . GT:AD 0/1:3,4"
    lines = records("chr1 10 . A <*> . . END=90 GT 0/0", *(variant.format(pos) for pos in range(20, 60)))
    path = bgzf_in_blocks(tmp_path, HEADER.replace("##GATK", "##bcftoolsCommand=mpileup\n##"), lines)
    assert [(rows.read, rows.odd) for rows in read(path)] == [(41, {})]
    path = bgzf_in_blocks(
        tmp_path,
        HEADER.replace("##GATK", "##bcftoolsCommand=mpileup\n##"),
        lines + records("chr1 90 . A <*> . . . GT 0/0"),
    )
    with mock.patch("genocloud.gvcf.inflate.CHUNK_BYTES", 1):
        assert sum((Counter(rows.odd) for rows in read(path)), Counter()) == {OVERLAP: 1}


def bgzf_in_blocks(folder: Path, *texts: str) -> str:
    """A BGZF file with a block for every line."""
    path = folder / "a.g.vcf.gz"
    with pysam.BGZFile(str(path), "wb") as stream:
        for line in "".join(texts).splitlines(keepends=True):
            stream.write(line.encode())
            stream.flush()
    return str(path)


def test_a_header_may_stand_among_the_records_if_it_names_the_same_sample(tmp_path):
    path = text_file(
        tmp_path, HEADER + GOOD + HEADER.rstrip("\n") + "\t\n" + GOOD.replace("10", "30").replace("20", "40")
    )
    assert sum(rows.read for rows in read(path)) == 2
    path = text_file(
        tmp_path, HEADER + GOOD + HEADER.replace("ann", "bob") + GOOD.replace("10", "30").replace("20", "40")
    )
    with pytest.raises(BadRecord, match="title of the same samples") as caught:
        read(path)
    assert caught.value.place == "line 11 (#CHROM:POS)"


@pytest.mark.parametrize("record", ["chr1 30 . A C . . . GT 0/1", "chr1 30 . A C . . . GT 0/1 0/0 0/0"])
def test_every_sample_of_the_title_has_its_column(tmp_path, record):
    path = text_file(tmp_path, HEADER.replace("ann", "ann\tbob") + records(record))
    with pytest.raises(BadRecord, match="columns"):
        list(gvcf.read_rows(path, CONTIGS, "ann"))


def test_a_contig_out_of_the_references_order_is_refused(tmp_path):
    path = text_file(tmp_path, HEADER + records("chr2 5 . A C . . . GT 0/1", "chr1 5 . A C . . . GT 0/1"))
    with pytest.raises(BadRecord, match="reference's order") as caught:
        read(path)
    assert caught.value.place == "line 7 (chr1:5)"


@pytest.mark.parametrize("shown", range(1, 53))  # the sample's column begins there: what is left of it may be whole
def test_a_last_record_cut_off_anywhere_is_refused(tmp_path, shown):
    record = records("chr1 30 . AC A,<NON_REF> 5.5 q10 DP=3;MQ=60 GT:DP:PL 0/1:3:1,0,9,9,9,9")
    with pytest.raises(InputError):
        read(text_file(tmp_path, HEADER + GOOD + record[:shown]))


def test_a_line_without_a_contig_is_refused(tmp_path):
    with pytest.raises(UnknownContig, match=r"line 7 \(:30\): contig"):
        read(text_file(tmp_path, HEADER + GOOD + "\t30\t.\tA\tC\t.\t.\t.\tGT\t0/1\n"))


def test_bytes_that_are_no_text_are_refused(tmp_path):
    path = text_file(tmp_path, HEADER)
    with Path(path).open("ab") as stream:
        stream.write(records("chr1 5 id? A C . . . GT 0/1").encode().replace(b"?", b"\xc3"))
        stream.write(records("chr1 6 ?id A C . . . GT 0/1").encode().replace(b"?", b"\xa9"))
    with pytest.raises(BadRecord, match="UTF-8"):
        read(path)


def bgzf(folder: Path, text: str) -> Path:
    path = folder / "a.g.vcf.gz"
    with pysam.BGZFile(str(path), "wb") as stream:
        stream.write(text.encode())
    return path


LONG = (
    HEADER
    + "".join(f"chr1\t{pos}\t.\tA\t<NON_REF>\t.\t.\t.\tGT:DP\t0/0:{pos * 7919 % 97}\n" for pos in range(1, 1000))
    + "".join(
        f"chr2\t{pos}\t.\tACGT\tA,<NON_REF>\t{pos}\t.\tDP={pos * 31 % 83}\tGT:DP\t0/1:{pos * 7919 % 89}\n"
        for pos in range(1, 490)
    )
)


def test_bgzf_plain_and_gzip_read_alike(tmp_path):
    block = bgzf(tmp_path, LONG)
    plain = text_file(tmp_path, LONG)
    zipped = tmp_path / "b.g.vcf.gz"
    zipped.write_bytes(gzip.compress(LONG[:5000].encode()) + gzip.compress(LONG[5000:].encode()))
    first, second, third = (all_rows(str(path)) for path in (block, plain, zipped))
    assert first == second == third
    assert [table.num_rows for table in first] == [489, 999]


def all_rows(path: str) -> tuple[pa.Table, pa.Table]:
    rows = read(path)
    variants = pa.Table.from_batches(each.variants for each in rows)
    return variants, pa.Table.from_batches(each.blocks for each in rows)


@pytest.mark.parametrize("lost", [1, 28, 29, 200, 3000])
def test_a_cut_off_bgzf_file_is_refused(tmp_path, lost):
    path = bgzf(tmp_path, LONG)
    path.write_bytes(path.read_bytes()[:-lost])
    with pytest.raises(InputError) as caught:
        read(str(path))
    assert str(path) in str(caught.value)


def test_a_missing_end_block_is_said(tmp_path):
    path = bgzf(tmp_path, LONG)
    data = path.read_bytes()
    assert data.endswith(END_BLOCK)
    path.write_bytes(data.removesuffix(END_BLOCK))
    with pytest.raises(NotInflated, match="end block is missing"):
        read(str(path))


@pytest.mark.parametrize("make", [lambda folder: bgzf(folder, LONG), lambda folder: gzipped(folder)])
def test_a_flipped_bit_is_detected(tmp_path, make):
    path = make(tmp_path)
    data = path.read_bytes()
    for place in range(40, len(data) - 40, 997):
        path.write_bytes(data[:place] + bytes([data[place] ^ 8]) + data[place + 1 :])
        with pytest.raises(InputError):
            read(str(path))


def gzipped(folder: Path) -> Path:
    path = folder / "a.g.vcf.gz"
    path.write_bytes(gzip.compress(LONG.encode()))
    return path


def test_a_cut_off_gzip_file_is_refused(tmp_path):
    path = gzipped(tmp_path)
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(NotInflated, match="incomplete"):
        read(str(path))


@pytest.mark.parametrize("text", ["", "hello\n", "BAM\1", HEADER[:100], HEADER.rstrip("\n")])
def test_what_is_no_vcf_is_refused(tmp_path, text):
    with pytest.raises(gvcf.NotVcf):
        read(text_file(tmp_path, text))


@pytest.mark.parametrize("columns", ["", "\tFORMAT", "\tFORMAT\tann\tann"])
def test_a_header_without_samples_is_refused(tmp_path, columns):
    with pytest.raises(gvcf.NoSamples):
        read(text_file(tmp_path, HEADER.replace("\tFORMAT\tann", columns)))


def test_of_several_samples_one_must_be_named(tmp_path):
    path = text_file(tmp_path, HEADER.replace("ann", "ann\tbob"))
    for wanted in (None, "cyd"):
        with pytest.raises(gvcf.SampleNotChosen) as caught:
            list(gvcf.read_rows(path, CONTIGS, wanted))
        assert caught.value.samples == ("ann", "bob")
    Path(path).write_text(HEADER.replace("ann", "ann\tbob") + GOOD.rstrip("\n") + "\t0/0:6:9:6:0,9,90\n")
    (rows,) = gvcf.read_rows(path, CONTIGS, "bob")
    assert rows.blocks["dp"].to_pylist() == [6]


def test_a_file_without_records_is_refused(tmp_path):
    for text in (HEADER, HEADER + "\n"):
        with pytest.raises(UnreadableFile, match="holds no record of sample ann; "):
            read(text_file(tmp_path, text))


@pytest.mark.parametrize("shown", range(53, 70))
def test_a_last_record_cut_off_among_the_samples_values_is_refused(tmp_path, shown, caplog):
    record = records("chr1 30 . AC A,<NON_REF> 5.5 q10 DP=3;MQ=60 GT:DP:PL 0/1:3:1,0,9,9,9,9")
    path = text_file(tmp_path, HEADER + GOOD + record[:shown])
    with pytest.raises(BadRecord) as caught:
        read(path)
    assert caught.value.place == "line 7 (chr1:30)"
    Path(path).write_text(HEADER + GOOD + record.rstrip("\n"))
    assert sum(rows.read for rows in read(path)) == 2
    assert "no line end" in caplog.text


def test_a_missing_file_is_unreadable(tmp_path):
    with pytest.raises(UnreadableFile):
        gvcf.read_header(str(tmp_path / "none.g.vcf.gz"))

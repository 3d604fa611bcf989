"""Small gVCFs that are read together have the rows, counts and errors that each has when it is read alone."""

from pathlib import Path

import pyarrow as pa
import pysam
import pytest

from genocloud import gvcf
from genocloud.errors import BadRecord, UnreadableFile
from genocloud.gvcf import small_files
from genocloud.regions import Contig, Region

CONTIGS = (Contig("chr1", 1000), Contig("chr2", 500))
POLICY = gvcf.RecordPolicy(inside=(Region(0, 0, 1000),), drop=True)

HEADER = """##fileformat=VCFv4.2
##source={caller}
##contig=<ID=chr1,length=1000>
#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\tFORMAT\t{names}
"""
BLOCK = "{contig}\t{pos}\t.\tA\t<NON_REF>\t.\t.\tEND={end}\tGT:DP:GQ:PL\t0/0:7:9:0,9,90\n"
VARIANT = "{contig}\t{pos}\t.\tA\tC,<NON_REF>\t50\t.\tDP=9\tGT:AD:DP:GQ:PL\t0/1:4,5,0:9:50:50,0,60,70,80,150\n"
BAD = "chr1\t30\t.\tA\tC\t.\t.\t.\tGT:DP\t0/1:3x\n"


def block(contig: str, pos: int, end: int) -> str:
    return BLOCK.format(contig=contig, pos=pos, end=end)


def variant(contig: str, pos: int) -> str:
    return VARIANT.format(contig=contig, pos=pos)


def write(path, *records: str, caller: str = "Clair3", names: str = "ann") -> small_files.SmallFile:
    text = (HEADER.format(caller=caller, names=names) + "".join(records)).encode()
    if path.suffix == ".gz":
        with pysam.BGZFile(str(path), "wb") as stream:
            stream.write(text)
    else:
        path.write_bytes(text)
    return gvcf.SmallFile(str(path), names.split("\t")[-1])


@pytest.fixture
def files(tmp_path):
    """Files that differ in compression, contigs, callers with other rules, columns, bad records and line end."""
    many = [block("chr1", 1 + 10 * number, 10 + 10 * number) for number in range(99)]
    return [
        write(tmp_path / "a.g.vcf.gz", block("chr1", 1, 90), variant("chr1", 91), block("chr2", 5, 500)),
        write(tmp_path / "b.g.vcf", variant("chr1", 7), variant("chr1", 7).replace("\tC,", "\tT,")),
        write(tmp_path / "c.g.vcf.gz", *many, variant("chr2", 3), caller="GATKCommandLine"),
        write(tmp_path / "d.g.vcf", block("chr1", 1, 20), BAD, block("chr1", 40, 50), variant("chr2", 9)),
        write(tmp_path / "e.g.vcf", block("chr2", 1, 20).rstrip("\n")),
        write(
            tmp_path / "f.g.vcf",
            "##comment\n",
            block("chr1", 3, 9).replace("\n", "\t0/0:1:1:0,1,2\n"),
            names="bob\tann",
        ),
    ]


def alone(file, policy):
    """A file's tables and counts as `read_rows` has them."""
    rows = list(gvcf.read_rows(file.url, CONTIGS, file.sample, policy=policy))
    return [*tables(rows, 0), *sums([(0, each) for each in rows], 0)]


def tables(chunks, number):
    """A file's rows."""
    for kind in ("variants", "blocks"):
        rows = pa.Table.from_batches([getattr(chunk, kind) for chunk in chunks]).to_pylist()
        yield [row | {"sample": 0} for row in rows if row["sample"] == number]


def sums(counts, number):
    """A file's counts added up, and the checksum of the last."""
    each = [count for other, count in counts if other == number]
    dropped, odd = {}, {}
    for count in each:
        for whole, part in ((dropped, count.dropped), (odd, count.odd)):
            for reason, many in part.items():
                whole[reason] = whole.get(reason, 0) + many
    holes = [hole for count in each for hole in count.holes]
    return sum(count.read for count in each), dropped, odd, holes, each[-1].checksum, each[-1].bytes


@pytest.mark.parametrize("room", [1 << 20, 6300, 3000, 300])
def test_files_read_together_have_the_rows_and_counts_of_each_alone(files, room, monkeypatch):
    """Also where the buffers do not hold all of them, where one or where all are too large for them."""
    monkeypatch.setattr(small_files, "TOGETHER_BYTES", room)
    chunks = list(gvcf.read_together(files, CONTIGS, policy=POLICY))
    counts = [each for chunk in chunks for each in chunk.counts]
    together = [[*tables(chunks, number), *sums(counts, number)] for number in range(len(files))]
    assert together == [alone(file, POLICY) for file in files]
    ends = {number: each for chunk in chunks for number, each in chunk.fingerprints.items()}
    assert ends == {number: gvcf.fingerprint(file.url, file.sample) for number, file in enumerate(files)}
    assert (len(chunks) == 1) == (room == 1 << 20)


def test_a_chunk_has_its_files_in_order(files):
    (chunk,) = gvcf.read_together(files, CONTIGS, policy=POLICY)
    for rows in (chunk.variants, chunk.blocks):
        places = [(row["sample"], row["contig"], row["start"]) for row in rows.to_pylist()]
        assert places == sorted(places)


def test_an_error_names_the_file_and_the_line_in_it(tmp_path):
    good = write(tmp_path / "good.g.vcf", block("chr1", 1, 20))
    bad = write(tmp_path / "bad.g.vcf", block("chr1", 1, 20), BAD)
    with pytest.raises(BadRecord, match=r"bad\.g\.vcf: line 6 \(chr1:30\)"):
        list(gvcf.read_together([good, bad, good], CONTIGS))


def test_bytes_that_are_no_text_are_reported_of_their_file(tmp_path):
    good = write(tmp_path / "good.g.vcf", block("chr1", 1, 20), variant("chr1", 30))
    bad = write(tmp_path / "bad.g.vcf", block("chr1", 1, 20))
    with Path(bad.url).open("ab") as stream:
        stream.write(variant("chr1", 30).replace("\t.\tA", "\tname\tA").encode().replace(b"name", b"\xff"))
    with pytest.raises(BadRecord, match=r"bad\.g\.vcf: .*not UTF-8"):
        list(gvcf.read_together([good, bad], CONTIGS))


@pytest.mark.parametrize("room", [1 << 20, 100])
def test_a_file_without_records_is_refused(tmp_path, room, monkeypatch):
    monkeypatch.setattr(small_files, "TOGETHER_BYTES", room)
    good, empty = write(tmp_path / "good.g.vcf", block("chr1", 1, 20)), write(tmp_path / "empty.g.vcf")
    with pytest.raises(UnreadableFile, match=r"empty\.g\.vcf: holds no record of sample ann"):
        list(gvcf.read_together([good, empty], CONTIGS))


def test_a_file_that_has_grown_is_read_as_a_large_one(tmp_path):
    noise = [f"chr1\t{pos}\t.\tA\tC,<NON_REF>\t{pos * 7919 % 999}\t.\t.\tGT\t0/1\n" for pos in range(1, 1000)]
    path = tmp_path / "a.g.vcf"
    file = write(path, "".join(f"##{number * 7919 % 99991}\n" for number in range(30_000)), *noise)
    assert path.stat().st_size > gvcf.SMALL_BYTES
    chunks = list(gvcf.read_together([file], CONTIGS))
    assert [*tables(chunks, 0)] == alone(file, gvcf.RecordPolicy())[:2]

"""Indexes that are not of their file are refused by name, with the remedy; those of real files are accepted."""

import os
import shutil
import struct
from pathlib import Path

import pysam
import pysam.bcftools
import pytest

from genocloud import gvcf, storage
from genocloud.errors import InputError
from genocloud.gvcf.index import LATE_SECONDS, LATE_UPLOAD_SECONDS
from genocloud.regions import Contig, Region

SHARED = Path(os.environ.get("GENOCLOUD_SHARED", Path(__file__).resolve().parents[4] / "shared"))
INDEXED = sorted(SHARED.glob("data/*/*/*.tbi")) + sorted(SHARED.glob("data/*/*.g.vcf.gz.tbi"))
HEADER = "##fileformat=VCFv4.2\n{}#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\tFORMAT\tann\n"
CONTIGS = (Contig("chr1", 900_000), Contig("chr2", 900_000))
FIELDS = """##INFO=<ID=END,Number=1,Type=Integer,Description="">
##FORMAT=<ID=GT,Number=1,Type=String,Description="">
##FORMAT=<ID=DP,Number=1,Type=Integer,Description="">
"""
DECLARED = FIELDS + "".join(f"##contig=<ID={contig.name},length={contig.length}>\n" for contig in CONTIGS)


def write(path, step=37, contigs=("chr1", "chr2"), count=3000, declared=DECLARED, names=None):
    """A bgzipped file of blocks; another step makes another file with the same header and much the same size."""
    with pysam.BGZFile(str(path), "wb") as stream:
        stream.write(HEADER.format(declared).encode())
        for contig in contigs:
            for number in range(count):
                start = 1 + number * step
                line = f"{contig}\t{start}\t.\tA\t.\t.\t.\tEND={start + step - 1}\tGT:DP\t0/0:{number * step % 97}\n"
                stream.write(line.encode())
    return str(path)


def indexed(path, kind, **how):
    url = write(path, **how)
    pysam.tabix_index(url, preset="vcf", csi=kind == "csi")
    return url


def as_bcf(source, target):
    with pysam.VariantFile(source) as read, pysam.VariantFile(str(target), "wb", header=read.header) as written:
        for record in read:
            written.write(record)
    pysam.bcftools.index(str(target))
    return str(target)


@pytest.fixture(params=["tbi", "csi"])
def kind(request):
    return request.param


def assert_bad(url, kind, problem):
    remedy = {"tbi": "tabix -f", "csi": "bcftools index -f"}[kind]
    for use in (
        lambda: gvcf.check_index(url),
        lambda: list(gvcf.read_rows(url, CONTIGS, region=Region(1, 5000, 6000))),
    ):
        with pytest.raises(gvcf.BadIndex, match=problem) as caught:
            use()
        assert isinstance(caught.value, InputError)
        assert (caught.value.index, caught.value.data) == (f"{url}.{kind}", url)
        assert f"{remedy} {url}" in str(caught.value)


@pytest.mark.parametrize("path", INDEXED or [None], ids=lambda path: path.name if path else "")
def test_indexes_that_other_tools_made_are_accepted(path, tmp_path):
    if path is None:
        pytest.skip("no shared data here (GENOCLOUD_SHARED)")
    gvcf.check_index(str(path.with_suffix("")))


def test_its_own_index_and_none_are_fine(tmp_path, kind):
    gvcf.check_index(write(tmp_path / "a.g.vcf.gz"))
    gvcf.check_index(indexed(tmp_path / "b.g.vcf.gz", kind))
    gvcf.check_index(as_bcf(indexed(tmp_path / "c.g.vcf.gz", kind), tmp_path / "d.bcf"))
    gvcf.check_index(indexed(tmp_path / "e.g.vcf.gz", kind, contigs=("chr2",)))
    gvcf.check_index(indexed(tmp_path / "f.g.vcf.gz", kind, contigs=()))
    gvcf.check_index(indexed(tmp_path / "g.g.vcf.gz", kind, declared=""))


@pytest.mark.parametrize("late", [5000, LATE_SECONDS + 10])
def test_an_index_older_than_its_data_is_refused(tmp_path, kind, late):
    url = indexed(tmp_path / "a.g.vcf.gz", kind)
    now = Path(url).stat().st_mtime
    os.utime(f"{url}.{kind}", (now - late, now - late))
    assert_bad(url, kind, "is older than its data")


def test_copies_made_side_by_side_may_end_in_any_order(tmp_path, kind):
    url = indexed(tmp_path / "a.g.vcf.gz", kind)
    now = Path(url).stat().st_mtime
    os.utime(f"{url}.{kind}", (now - LATE_SECONDS + 5, now - LATE_SECONDS + 5))
    gvcf.check_index(url)


def test_in_an_object_store_the_data_are_there_long_after_the_index(tmp_path, kind, monkeypatch):
    url = indexed(tmp_path / "a.g.vcf.gz", kind)
    store = storage.open_store(f"memory://{tmp_path.name}-{kind}")
    for file in tmp_path.iterdir():
        store.write(file.name, file.read_bytes())
    age = {"a.g.vcf.gz": 0.0}
    monkeypatch.setattr(type(store), "modified", lambda self, name: age.get(name, -LATE_UPLOAD_SECONDS + 1))
    there = storage.join(store.url, Path(url).name)
    gvcf.check_index(there)
    age["a.g.vcf.gz"] = 2.0
    assert_bad(there, kind, "is older than its data")


@pytest.mark.parametrize(
    ("other", "problem"),
    [
        ({"step": 41}, "is of another file"),
        ({"count": 2999}, "is of another file"),
        ({"count": 9000}, "is of another file"),
        ({"count": 100}, "is of another file"),
        ({"contigs": ("chr1",)}, "is of another file"),
        ({"contigs": ("chr2", "chr1")}, "is of another file"),
        ({"contigs": ()}, "is of another file"),
        ({"declared": FIELDS + "##contig=<ID=chr1,length=900000>\n", "contigs": ("chr1",)}, "the contig chr2, which"),
    ],
)
def test_the_index_of_another_file_is_refused(tmp_path, kind, other, problem):
    url = indexed(tmp_path / "a.g.vcf.gz", kind)
    moved = write(tmp_path / "b.g.vcf.gz", **other)
    shutil.move(f"{url}.{kind}", f"{moved}.{kind}")
    assert_bad(moved, kind, problem)


def test_an_index_without_records_is_not_that_of_a_file_with_some(tmp_path, kind):
    url = indexed(tmp_path / "a.g.vcf.gz", kind, contigs=())
    moved = write(tmp_path / "b.g.vcf.gz")
    shutil.move(f"{url}.{kind}", f"{moved}.{kind}")
    assert_bad(moved, kind, "has no records, but its data have some")


def test_the_index_of_a_file_that_was_extended_is_refused(tmp_path, kind):
    """The first records of both are the same, to the byte."""
    url = indexed(tmp_path / "a.g.vcf.gz", kind, contigs=("chr1",))
    before = Path(url).read_bytes()
    pysam.tabix_compress(write_lines(tmp_path / "more"), str(tmp_path / "more.gz"))
    Path(url).write_bytes(before[:-28] + (tmp_path / "more.gz").read_bytes())
    assert_bad(url, kind, "go on behind the last record")


def write_lines(path):
    path.write_text("chr2\t100\t.\tA\t.\t.\t.\t.\tGT\t0/0\n")
    return str(path)


def test_the_index_of_another_bcf_is_refused(tmp_path):
    one = as_bcf(write(tmp_path / "a.g.vcf.gz"), tmp_path / "a.bcf")
    other = as_bcf(write(tmp_path / "b.g.vcf.gz", step=41), tmp_path / "b.bcf")
    shutil.copy(f"{one}.csi", f"{other}.csi")
    assert_bad(other, "csi", "is of another file")


@pytest.mark.parametrize("damage", [b"", b"not an index", "cut", "inside", "magic"])
def test_a_damaged_index_is_refused(tmp_path, kind, damage):
    url = indexed(tmp_path / "a.g.vcf.gz", kind)
    path = Path(f"{url}.{kind}")
    if damage == "cut":
        damage = path.read_bytes()[:-40]
    elif damage in ("inside", "magic"):
        with pysam.BGZFile(str(path)) as stream:
            inner = stream.read()
        inner = inner[:-30] if damage == "inside" else b"XYZ\1" + inner[4:]
        with pysam.BGZFile(str(path), "wb") as stream:
            stream.write(inner)
        damage = path.read_bytes()
    path.write_bytes(damage)
    assert_bad(url, kind, "is damaged|is no index")


def test_no_number_in_an_index_makes_it_hang_or_crash(tmp_path, kind):
    """Every 32-bit number of the index in turn is made huge, negative and zero: read as it is, or refused."""
    url = indexed(tmp_path / "a.g.vcf.gz", kind, count=40)
    with pysam.BGZFile(f"{url}.{kind}") as stream:
        inner = stream.read()
    for place in range(0, len(inner) - 3, 4):
        for number in (-1, 1 << 30, 0, (1 << 31) - 1):
            with pysam.BGZFile(f"{url}.{kind}", "wb") as stream:
                stream.write(inner[:place] + struct.pack("<i", number) + inner[place + 4 :])
            try:
                gvcf.check_index(url)
                list(gvcf.read_rows(url, CONTIGS, region=Region(1, 500, 600)))
            except InputError:
                pass


def test_a_pipe_has_no_index():
    reading, writing = os.pipe()
    with os.fdopen(writing, "wb") as stream:
        stream.write(HEADER.format(DECLARED).encode() + b"chr1\t5\t.\tA\t.\t.\t.\tEND=9\tGT\t0/0\n")
    (rows,) = gvcf.read_rows(f"/dev/fd/{reading}", CONTIGS, region=Region(0, 5, 6))
    assert rows.read == 1
    os.close(reading)

"""BCF reads as the VCF that it was made from; damage to it is told, wherever it is."""

import gzip
import os
import random
import struct
import threading
import zlib
from pathlib import Path

import numpy as np
import pyarrow as pa
import pysam
import pysam.bcftools
import pytest

from genocloud import gvcf, schema, storage
from genocloud.errors import InputError
from genocloud.gvcf import binary
from genocloud.gvcf.inflate import END_BLOCK, NotInflated
from genocloud.regions import Contig, Region

SHARED = Path(os.environ.get("GENOCLOUD_SHARED", Path(__file__).resolve().parents[4] / "shared"))
REAL = sorted(
    path
    for path in [*SHARED.glob("data/dialects/*/*"), *SHARED.glob("data/1kg_chr22/HG0018*.g.vcf.gz")]
    if path.suffix != ".tbi"
)
WRITTEN_AS_SINGLES = ("qual", "base_q_rank_sum", "clipping_rank_sum", "mq_rank_sum", "read_pos_rank_sum", "mq")
"""Numbers that BCF holds as single floats, and htslib writes with six digits."""


def tables(url, contigs, sample):
    rows = list(gvcf.read_rows(url, contigs, sample))
    return (
        pa.Table.from_batches([each.variants for each in rows], schema.VARIANTS),
        pa.Table.from_batches([each.blocks for each in rows], schema.BLOCKS),
        sum(each.read for each in rows),
        rows[-1].checksum,
    )


def as_bcf(source, target, how="-Ob"):
    made = f"{target}.bcf"  # bcftools goes by the name, whatever it was told
    pysam.bcftools.view("--no-version", how, "-o", made, str(source), catch_stdout=False)
    assert binary.is_bcf(gzip.decompress(Path(made).read_bytes()))
    return str(Path(made).rename(target))


@pytest.mark.parametrize("path", REAL or [None], ids=lambda path: f"{path.parent.name}/{path.name}" if path else "")
def test_a_bcf_of_a_real_file_reads_as_the_file(path, tmp_path):
    if path is None:
        pytest.skip("no shared data here (GENOCLOUD_SHARED)")
    try:
        url = as_bcf(path, tmp_path / "no_such_ending")
    except pysam.SamtoolsError as error:
        pytest.skip(f"htslib cannot write it as BCF: {error}")
    header, ours = gvcf.read_header(str(path)), gvcf.read_header(url)
    assert (ours.samples, ours.contigs, ours.caller) == (header.samples, header.contigs, header.caller)
    for sample in header.samples:
        *expected, read, _ = tables(str(path), header.contigs, sample)
        *decoded, read_too, checksum = tables(url, header.contigs, sample)
        assert read == read_too
        assert checksum == zlib.crc32(Path(url).read_bytes())
        for table, twin in zip(decoded, expected, strict=True):
            for name in twin.column_names:
                assert_same(name, table[name], twin[name])


def assert_same(name, ours, theirs):
    if name in WRITTEN_AS_SINGLES:
        both = [table.to_numpy() for table in (ours, theirs)]
        assert np.allclose(*both, rtol=1e-5, atol=0, equal_nan=True), name
        assert ours.null_count == theirs.null_count
    else:
        assert ours.equals(theirs), name


HEADER = """##fileformat=VCFv4.2
##INFO=<ID=END,Number=1,Type=Integer,Description="">
##FORMAT=<ID=GT,Number=1,Type=String,Description="">
##FORMAT=<ID=PL,Number=G,Type=Integer,Description="">
##contig=<ID=chr1,length=900000>
##contig=<ID=chr2,length=900000>
#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\tFORMAT\tann
"""
CONTIGS = (Contig("chr1", 900_000), Contig("chr2", 900_000))


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    chance = random.Random(4)
    path = tmp_path_factory.mktemp("bcf") / "a.g.vcf"
    pls = (",".join(str(chance.randrange(9999)) for _ in range(6)) for _ in range(20_000))
    lines = (
        f"{contig}\t{at}\t.\tA\tC,<*>\t{at % 99}\t.\t.\tGT:PL\t0/1:{next(pls)}\n"
        for contig in ("chr1", "chr2")
        for at in range(1, 20_000, 2)
    )
    path.write_text(HEADER + "".join(lines))
    return path


@pytest.fixture
def bcf(source, tmp_path):
    return Path(as_bcf(source, tmp_path / "a.g.vcf.gz"))


def read(url):
    return sum(rows.read for rows in gvcf.read_rows(str(url), CONTIGS))


@pytest.mark.parametrize("how", ["-Ob", "-Ob0", "-Ob9"])
def test_whatever_its_compression_it_is_known_by_its_content(source, tmp_path, how):
    assert read(as_bcf(source, tmp_path / "a.vcf", how)) == 20_000


def test_gzip_and_no_compression_will_do(bcf, tmp_path):
    inner = gzip.decompress(bcf.read_bytes())
    (tmp_path / "plain").write_bytes(inner)
    (tmp_path / "gzip").write_bytes(gzip.compress(inner))
    assert read(tmp_path / "plain") == read(tmp_path / "gzip") == 20_000


def test_it_is_streamed_from_a_store_without_files(bcf):
    store = storage.open_store(f"memory://{bcf.parent.name}")
    store.write("a", bcf.read_bytes())
    assert read(storage.join(store.url, "a")) == 20_000


def test_it_is_streamed_from_a_pipe(bcf):
    reading, writing = os.pipe()

    def feed():
        with os.fdopen(writing, "wb") as pipe:
            pipe.write(bcf.read_bytes())

    feeding = threading.Thread(target=feed)
    feeding.start()
    assert read(f"/dev/fd/{reading}") == 20_000
    feeding.join()
    os.close(reading)


def open_files():
    folder = Path("/proc/self/fd")
    return len(list(folder.iterdir())) if folder.exists() else 0


def test_who_stops_in_the_middle_leaves_no_thread_and_no_pipe(bcf):
    before = threading.active_count(), open_files()
    for _ in range(20):
        rows = gvcf.read_rows(str(bcf), CONTIGS)
        next(rows)
        rows.close()
        gvcf.read_header(str(bcf))
        next(gvcf.read_rows(str(bcf), CONTIGS, region=Region(1, 6, 7)))
    assert (threading.active_count(), open_files()) == before


@pytest.mark.parametrize("share", [0.0, 0.001, 0.01, 0.3, 0.5, 0.9, 0.999])
def test_a_bcf_that_was_cut_off_is_refused(bcf, share):
    data = bcf.read_bytes()
    bcf.write_bytes(data[: max(int(len(data) * share), 4)])
    with pytest.raises(InputError, match=str(bcf)):
        read(bcf)


def blocks(data):
    at = 0
    while at < len(data):
        size = struct.unpack_from("<H", data, at + 16)[0] + 1
        yield data[at : at + size]
        at += size


def test_a_bcf_that_was_cut_off_between_blocks_is_refused(bcf):
    all_blocks = list(blocks(bcf.read_bytes()))
    assert len(all_blocks) > 5
    for count in (1, 2, len(all_blocks) - 2, len(all_blocks) - 1):
        bcf.write_bytes(b"".join(all_blocks[:count]))
        with pytest.raises(NotInflated, match="end block is missing"):
            read(bcf)


@pytest.mark.parametrize("less", [1, 7, 30])
def test_a_bcf_whose_last_record_lacks_bytes_is_refused(bcf, less):
    """As a writer leaves it that had too little to write, but ended its file well."""
    inner = gzip.decompress(bcf.read_bytes())
    with pysam.BGZFile(str(bcf), "wb") as stream:
        stream.write(inner[:-less])
    assert bcf.read_bytes().endswith(END_BLOCK)
    with pytest.raises(NotInflated, match="the BCF is incomplete") as caught:
        read(bcf)
    assert (caught.value.url, caught.value.place) == (str(bcf), "record 20,000")


def test_a_flipped_bit_is_refused(bcf):
    data = bytearray(bcf.read_bytes())
    data[len(data) // 2] ^= 4
    bcf.write_bytes(data)
    with pytest.raises(NotInflated, match="damaged"):
        read(bcf)


def test_what_is_no_bcf_inside_is_refused(bcf, tmp_path):
    inner = gzip.decompress(bcf.read_bytes())
    for number, content in enumerate([b"BCF\2\2", inner[:200], inner[:9] + b"x" * 100, b"BCF\2\2" + b"\xff" * 100]):
        (tmp_path / str(number)).write_bytes(content)
        with pytest.raises(InputError):
            read(tmp_path / str(number))


def test_contigs_are_known_by_the_numbers_that_records_give_them():
    text = b"##contig=<ID=b,length=5,IDX=2>\n##contig=<ID=a,IDX=0>\n#CHROM\n\0"
    assert binary.contig_names(b"BCF\2\2" + struct.pack("<I", len(text)) + text) == ("a", "", "b")
    text = b"##contig=<ID=b,length=5>\n##contig=<length=4,ID=a>\n#CHROM\n\0"
    assert binary.contig_names(b"BCF\2\2" + struct.pack("<I", len(text)) + text) == ("b", "a")

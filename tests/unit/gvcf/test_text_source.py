"""The text of a file as its readers see it: pieces that nobody holds on to, and the checksum of what was read."""

import gzip
import tracemalloc
import zlib
from contextlib import ExitStack

import pysam
import pytest

from genocloud import gvcf
from genocloud.gvcf.text_source import Stretch, open_text
from genocloud.regions import Contig

COLUMNS = "#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\tFORMAT\tann\n"
HEADER = "##fileformat=VCFv4.2\n##contig=<ID=c,length=9000000>\n" + COLUMNS
LINES = [f"c\t{at}\t.\tA\t.\t.\t.\t.\tGT:DP\t0/0:{at % 97}\n" for at in range(1, 300_000)]
TEXT = (HEADER + "".join(LINES)).encode()


@pytest.fixture(params=["plain", "gzip", "bgzf"])
def file(request, tmp_path):
    path = tmp_path / "a.g.vcf"
    if request.param == "bgzf":
        with pysam.BGZFile(str(path), "wb") as stream:
            stream.write(TEXT)
    else:
        path.write_bytes(TEXT if request.param == "plain" else gzip.compress(TEXT, 1))
    return path


def test_the_pieces_are_the_text_and_the_checksum_the_files(file):
    with open_text(str(file)) as pieces:
        assert b"".join(pieces) == TEXT
        assert pieces.checksum == zlib.crc32(file.read_bytes())
        assert pieces.bytes_read == file.stat().st_size


def test_only_the_last_piece_is_said_to_be_the_last(file):
    with open_text(str(file)) as pieces:
        said = [pieces.last for _ in pieces]
    assert not any(said[:-1])
    assert len(said) > 1


def test_a_short_file_is_known_to_end_with_its_last_piece(tmp_path):
    with pysam.BGZFile(str(tmp_path / "a.g.vcf.gz"), "wb") as stream:
        stream.write(TEXT[:200_000])
    with open_text(str(tmp_path / "a.g.vcf.gz")) as pieces:
        said = [pieces.last for _ in pieces]
    assert said[-1]
    assert not any(said[:-1])


def test_of_a_stretch_come_whole_lines_of_its_contig(file):
    with open_text(str(file), Stretch("c", 5, 9)) as text:
        pieces = list(text)
    assert b"".join(pieces) == TEXT
    assert all(piece.endswith(b"\n") for piece in pieces)
    assert text.checksum == 0
    with open_text(str(file), Stretch("d", 5, 9)) as pieces:
        assert b"".join(pieces) == HEADER.encode()


def test_streams_that_wait_hold_little(file):
    """Some 200 are open at a time: each holds compressed bytes (128 KiB), not the text of its last piece (1 MiB)."""
    tracemalloc.start()
    try:
        with ExitStack() as stack:
            streams = [stack.enter_context(open_text(str(file))) for _ in range(20)]
            for _ in range(2):
                for stream in streams:
                    assert next(stream)
            assert tracemalloc.get_traced_memory()[0] < 20 * 700_000
    finally:
        tracemalloc.stop()


def test_readers_of_short_files_that_wait_hold_rows_not_text(tmp_path):
    with pysam.BGZFile(str(tmp_path / "a.g.vcf.gz"), "wb") as stream:
        stream.write(TEXT[: TEXT.index(b"\n", 900_000) + 1])
    contigs = [Contig("c", 9_000_000)]
    list(gvcf.read_rows(str(tmp_path / "a.g.vcf.gz"), contigs))  # makes the room to parse in, which they share
    tracemalloc.start()
    try:
        readers = [gvcf.read_rows(str(tmp_path / "a.g.vcf.gz"), contigs) for _ in range(10)]
        rows = [next(reader) for reader in readers]
        traced = tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()
    assert traced < sum(each.blocks.nbytes for each in rows) * 1.5 + 10 * 200_000

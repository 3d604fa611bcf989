"""Intervals as GATK takes them: texts and files become regions; what is wrong is said with its file and line."""

import gzip

import pytest

from genocloud.errors import InputError, SettingError
from genocloud.pipeline.intervals import BadInterval, Intervals, read_intervals
from genocloud.regions import Contig, Region

CONTIGS = (Contig("chr1", 10_000), Contig("chr2", 500), Contig("HLA-A*01:01", 300))


@pytest.mark.parametrize(
    ("text", "region"),
    [
        ("chr1", Region(0, 0, 10_000)),
        ("chr1:1-2000", Region(0, 0, 2000)),
        ("chr2:1,00", Region(1, 99, 100)),
        ("chr2:401+", Region(1, 400, 500)),
        ("HLA-A*01:01", Region(2, 0, 300)),
        ("HLA-A*01:01:11-20", Region(2, 10, 20)),
    ],
)
def test_texts(text, region):
    assert read_intervals([text], CONTIGS) == [region]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.bed", "#a comment\ntrack name=x\nbrowser position\nchr1\t99\t200\tname\t0\t+\n\nchr2\t0\t1\n"),
        ("a.interval_list", "@HD\tVN:1.6\n@SQ\tSN:chr1\tLN:10000\nchr1\t100\t200\t+\tone\nchr2\t1\t1\t-\ttwo\n"),
        ("a.list", "chr1:100-200\nchr2:1\n"),
        ("a.intervals", "# a comment\nchr1:100-200\nchr2:1-1\n"),
    ],
)
def test_files(tmp_path, name, content):
    (tmp_path / name).write_text(content)
    (tmp_path / f"{name}.gz").write_bytes(gzip.compress(content.encode()))
    for path in (tmp_path / name, tmp_path / f"{name}.gz"):
        assert read_intervals([str(path)], CONTIGS) == [Region(0, 99, 200), Region(1, 0, 1)]


def test_a_file_by_url(tmp_path):
    (tmp_path / "a.bed").write_text("chr1\t0\t5\n")
    assert read_intervals([f"file://{tmp_path}/a.bed"], CONTIGS) == [Region(0, 0, 5)]


def test_padding_stays_in_the_contig_and_pieces_that_touch_are_one():
    targets = Intervals(included=("chr1:1101-1200", "chr2:491-495", "chr1:901-1000", "chr1:5"), padding=50).targets(
        CONTIGS
    )
    assert targets.inside == (Region(0, 0, 55), Region(0, 850, 1250), Region(1, 440, 500))


def test_everywhere_unless_intervals_are_requested():
    assert Intervals().targets(CONTIGS).inside is None
    assert Intervals().targets(CONTIGS).force_output == ()
    assert Intervals(non_variant=True).targets(CONTIGS).force_output == tuple(
        Region(number, 0, contig.length) for number, contig in enumerate(CONTIGS)
    )


@pytest.mark.parametrize(
    ("name", "content", "line"),
    [
        ("a.bed", "chr1\t0\t5\nchr1\t9\n", 2),
        ("a.bed", "chr1\tzero\t5\n", 1),
        ("a.bed", "chr1\t5\t5\n", 1),
        ("a.bed", "chr3\t0\t5\n", 1),
        ("a.interval_list", "@HD\nchr1\t0\t5\t+\tx\n", 2),
        ("a.interval_list", "chr2\t400\t501\t+\tx\n", 1),
        ("a.list", "chr1:1-5\n\nchr1:a-b\n", 3),
    ],
)
def test_a_bad_line_is_reported_with_its_place(tmp_path, name, content, line):
    path = tmp_path / name
    path.write_text(content)
    with pytest.raises(BadInterval) as raised:
        read_intervals([str(path)], CONTIGS)
    assert (raised.value.url, raised.value.line) == (str(path), line)
    assert raised.value.remedy


def test_a_file_without_intervals_is_refused(tmp_path):
    (tmp_path / "a.bed").write_text("#nothing\n")
    with pytest.raises(InputError, match="no intervals"):
        read_intervals([str(tmp_path / "a.bed")], CONTIGS)


def test_a_file_that_is_no_text_is_refused(tmp_path):
    (tmp_path / "a.bed").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InputError, match="no text"):
        read_intervals([str(tmp_path / "a.bed")], CONTIGS)


def test_gatk_refuses_both_kinds_of_forcing():
    with pytest.raises(SettingError):
        Intervals(force_output=("chr1",), non_variant=True)

"""What must be true of the files that a sheet names."""

import logging

import pytest

from genocloud import samples
from genocloud.samples import Sample, checks

SHEET = "people.tsv"
ANN = Sample(sample="ann", gvcf="a.g.vcf.gz", line=2)
BOB = Sample(sample="bob", reads="b.cram", line=3)


def test_files_that_are_there_pass():
    samples.check_files(SHEET, ANN, {"a.g.vcf.gz"}.__contains__)
    samples.check_files(SHEET, BOB, {"b.cram", "b.cram.crai"}.__contains__)


def test_a_missing_file_is_reported_with_the_sheets_line():
    with pytest.raises(samples.MissingFile, match=r"people\.tsv, line 2: sample ann: no file a\.g\.vcf\.gz") as caught:
        samples.check_files(SHEET, ANN, set().__contains__)
    assert (caught.value.line, caught.value.file, caught.value.exit_code) == (2, "a.g.vcf.gz", 3)


def test_reads_without_an_index_are_refused():
    with pytest.raises(samples.MissingIndex, match=r"samtools index b\.cram") as caught:
        samples.check_files(SHEET, BOB, {"b.cram"}.__contains__)
    assert (caught.value.sample, caught.value.line) == ("bob", 3)


@pytest.mark.parametrize(
    ("reads", "index"), [("x.bam", "x.bai"), ("x.bam", "x.bam.csi"), ("x.cram", "x.crai"), ("x", "x.bai")]
)
def test_an_index_may_lie_where_the_tools_put_it(reads, index):
    assert index in checks.indexes_of(reads)


def test_the_name_inside_is_the_sheets_or_name_in_gvcf():
    assert samples.name_inside(SHEET, ANN, ("ann",)) == "ann"
    assert samples.name_inside(SHEET, Sample(sample="ann", gvcf="a", name_in_gvcf="A1"), ("B1", "A1")) == "A1"


def test_another_name_inside_is_refused():
    with pytest.raises(samples.NameDiffers, match=r"holds eve; .*name_in_gvcf") as caught:
        samples.name_inside(SHEET, ANN, ("eve",))
    assert caught.value.names == ("eve",)


def test_a_name_in_gvcf_that_is_not_inside_is_refused():
    with pytest.raises(samples.NameDiffers, match="sample A1 is not in"):
        samples.name_inside(SHEET, Sample(sample="ann", gvcf="a", name_in_gvcf="A1"), ("ann",))


def test_a_sample_map_renames_and_says_so(caplog):
    with caplog.at_level(logging.INFO):
        assert samples.name_inside(SHEET, Sample(sample="ann", gvcf="a", renames=True), ("eve",)) == "eve"
    assert "sample eve is renamed to ann" in caplog.text


def test_a_sample_map_cannot_choose_among_several():
    with pytest.raises(samples.NameDiffers, match="eve, joe, sue and 1 more"):
        samples.name_inside(SHEET, Sample(sample="ann", gvcf="a", renames=True), ("eve", "joe", "sue", "tom"))

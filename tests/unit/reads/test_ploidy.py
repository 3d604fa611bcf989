"""Copies by sex and contig."""

import pytest

from genocloud.reads.ploidy import Copies, NoPar, SexContigs, copies
from genocloud.regions import Contig

SPECIAL = SexContigs()


@pytest.mark.parametrize("name", ["chrX", "X"])
def test_x_of_grch38_is_haploid_in_males_between_its_pseudo_autosomal_regions(name):
    x = Contig(name, 156_040_895)
    assert copies(x, "male", SPECIAL) == [
        Copies(0, 10_000, 1),
        Copies(10_000, 2_781_479, 2),
        Copies(2_781_479, 155_701_382, 1),
        Copies(155_701_382, 156_030_895, 2),
        Copies(156_030_895, 156_040_895, 1),
    ]
    assert copies(x, "female", SPECIAL) == [Copies(0, 156_040_895, 2)]
    assert copies(x, "unknown", SPECIAL) == [Copies(0, 156_040_895, 2)]


def test_x_of_grch37_is_recognised_by_its_length():
    assert copies(Contig("X", 155_270_560), "male", SPECIAL)[1] == Copies(60_000, 2_699_520, 2)


def test_x_of_t2t_begins_and_ends_with_its_pseudo_autosomal_regions():
    assert copies(Contig("chrX", 154_259_566), "male", SPECIAL) == [
        Copies(0, 2_394_410, 2),
        Copies(2_394_410, 153_925_834, 1),
        Copies(153_925_834, 154_259_566, 2),
    ]


def test_configured_regions_win_and_an_unknown_x_is_haploid_with_a_warning(caplog):
    x = Contig("chrX", 80_000)
    sex_contigs = SexContigs(par=((0, 12_000),))
    assert copies(x, "male", sex_contigs) == [Copies(0, 12_000, 2), Copies(12_000, 80_000, 1)]
    assert copies(x, "male", SPECIAL) == [Copies(0, 80_000, 1)]
    assert "no known pseudo-autosomal regions" in caplog.text


def test_y_is_absent_in_females_and_mt_haploid_in_everybody():
    y, mt = Contig("chrY", 1000), Contig("MT", 16_569)
    assert copies(y, "female", SPECIAL) == []
    assert copies(y, "male", SPECIAL) == copies(y, "unknown", SPECIAL) == [Copies(0, 1000, 1)]
    assert copies(mt, "male", SPECIAL) == copies(mt, "female", SPECIAL) == [Copies(0, 16_569, 1)]
    assert copies(Contig("chr1", 50), "male", SPECIAL) == [Copies(0, 50, 2)]


def test_of_the_rows_of_x_and_y_those_of_x_count():
    rows = [("chrX", 0, 12_000), ("chrX", 70_000, 80_000), ("chrY", 20_000, 32_000), ("chrY", 40_000, 50_000)]
    sex_contigs = SexContigs.with_par(rows)
    assert sex_contigs == SexContigs(par=((0, 12_000), (70_000, 80_000)))
    assert copies(Contig("chrX", 80_000), "male", sex_contigs)[1] == Copies(12_000, 70_000, 1)
    assert SexContigs.with_par([]) == SPECIAL


@pytest.mark.parametrize("rows", [[("X", 0, 9), ("chr1", 5, 9)], [("chrY", 20_000, 32_000)]])
def test_regions_that_are_not_of_x_are_refused(rows):
    with pytest.raises(NoPar, match=r"chr1:6-9|no region is on X"):
        SexContigs.with_par(rows)

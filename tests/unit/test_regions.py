"""Contigs, parts, shards and region text."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from genocloud.errors import InputError, MixedContigs, UnknownContig
from genocloud.regions import (
    Contig,
    Part,
    Region,
    check_contigs,
    contigs_from_fai,
    parse_region,
    parts,
    region_text,
    shards,
)

CONTIGS = (Contig("chr1", 2_500), Contig("HLA-A*01:01", 300), Contig("chrM", 160))


def test_fai_lists_contigs_in_order():
    assert contigs_from_fai("chr1\t2500\t6\t60\t61\nchrM\t160\t9\t60\t61\n") == (
        Contig("chr1", 2500),
        Contig("chrM", 160),
    )


@pytest.mark.parametrize(
    ("text", "region"),
    [
        ("chr1", Region(0, 0, 2500)),
        ("chr1:1,001-2,000", Region(0, 1000, 2000)),
        ("chr1:7", Region(0, 6, 7)),
        ("chr1:7-", Region(0, 6, 2500)),
        ("HLA-A*01:01", Region(1, 0, 300)),
        ("HLA-A*01:01:5-9", Region(1, 4, 9)),
    ],
)
def test_region_text_is_read_as_samtools_reads_it(text, region):
    assert parse_region(text, CONTIGS) == region


@pytest.mark.parametrize("text", ["chr1:0-5", "chr1:9-5", "chr1:1-2501", "chr1:1-99,999", "chr1:2501-"])
def test_a_region_outside_its_contig_is_refused(text):
    with pytest.raises(InputError, match="not inside chr1"):
        parse_region(text, CONTIGS)


def test_an_end_beyond_the_contig_is_clipped_where_that_is_wanted():
    assert parse_region("chr1:2,500-99,999", CONTIGS, clip=True) == Region(0, 2499, 2500)
    with pytest.raises(InputError, match="not inside chr1"):
        parse_region("chr1:2,501-99,999", CONTIGS, clip=True)


def test_a_malformed_region_of_a_known_contig_is_reported_as_such():
    with pytest.raises(InputError, match="write it as chr1:1001-2000"):
        parse_region("chr1:x-y", CONTIGS)


@pytest.mark.parametrize("text", ["chr9", "chr9:1-5", "", "chr9:x-y"])
def test_an_unknown_contig_is_refused(text):
    with pytest.raises(UnknownContig, match="use the reference that"):
        parse_region(text, CONTIGS)


@pytest.mark.parametrize(
    ("text", "near"), [("1:1-100", "chr1"), ("MT", "chrM"), ("chrMT:1-", "chrM"), ("Chr1", "chr1")]
)
def test_a_contig_of_another_reference_or_spelling_is_named(text, near):
    with pytest.raises(UnknownContig, match=f"did you mean {near}\\?"):
        parse_region(text, CONTIGS)


def test_region_text_round_trip():
    assert region_text(parse_region("chr1:1001-2000", CONTIGS), CONTIGS) == "chr1:1001-2000"


def test_short_contigs_share_a_part():
    assert parts(CONTIGS, 1_000) == (Part("000-chr1", (0,)), Part("001-HLA_A_01_01-and-1-more", (1, 2)))


@given(st.lists(st.integers(1, 5_000), min_size=1, max_size=40), st.integers(1, 3_000), st.integers(1, 900))
def test_parts_and_shards_cover_every_base_once_in_order(lengths, part_bp, shard_bp):
    contigs = tuple(Contig(f"c{number}", length) for number, length in enumerate(lengths))
    cut = parts(contigs, part_bp)
    assert [index for part in cut for index in part.contigs] == list(range(len(contigs)))
    assert [part.name for part in cut] == sorted({part.name for part in cut})
    regions = [region for part in cut for region in shards(contigs, part, shard_bp)]
    assert regions == sorted(regions)
    assert all(0 < region.end - region.start <= shard_bp for region in regions)
    for index, contig in enumerate(contigs):
        mine = [region for region in regions if region.contig == index]
        assert [region.start for region in mine] == [0, *(region.end for region in mine[:-1])]
        assert mine[-1].end == contig.length


def test_thousands_of_decoys_make_few_parts():
    contigs = tuple(Contig(f"chr{n}", 50_000_000) for n in range(25)) + tuple(
        Contig(f"d{n}", 3_000) for n in range(3_341)
    )
    assert len(parts(contigs)) < 30


def test_check_contigs():
    check_contigs("a.g.vcf.gz", [Contig("chr1", 2500)], CONTIGS)
    with pytest.raises(MixedContigs) as mixed:
        check_contigs("a.g.vcf.gz", [Contig("chr1", 2499)], CONTIGS)
    assert (mixed.value.contig, mixed.value.lengths) == ("chr1", {"a.g.vcf.gz": 2499, "reference": 2500})
    with pytest.raises(UnknownContig):
        check_contigs("a.g.vcf.gz", [Contig("chr9", 1)], CONTIGS)

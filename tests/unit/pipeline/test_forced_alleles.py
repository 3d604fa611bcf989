"""Alleles of a file are brought to one form, each once; what cannot be genotyped is said with its file and line."""

import gzip
import pickle

import pysam
import pytest

from genocloud.cohort import Layout
from genocloud.errors import BadRecord, InputError, UnknownContig
from genocloud.pipeline.forced_alleles import DUPLICATE, NO_ALT, STAR, BadAllele, read_forced_alleles
from genocloud.pipeline.reference import read_reference
from genocloud.pipeline.sharding import GenomeRows, Targets, cut_windows
from genocloud.regions import Contig, Region

CONTIGS = (Contig("chr1", 1000), Contig("chr2", 40), Contig("chr3", 60))
HEAD = "##fileformat=VCFv4.2\n" + "".join(f"##contig=<ID={each.name},length={each.length}>\n" for each in CONTIGS)
HEAD += "#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\n"


def file_of(tmp_path, *records):
    """A VCF of `chr1 5 A C` and the like."""
    path = tmp_path / "sites.vcf"
    rows = (record.split() for record in records)
    path.write_text(HEAD + "".join("\t".join([*row[:2], ".", *row[2:], ".", ".", "."]) + "\n" for row in rows))
    return str(path)


def rows_of(url):
    return [tuple(row) for row in read_forced_alleles(url, CONTIGS).rows()]


@pytest.mark.parametrize(
    ("record", "alleles"),
    [
        ("chr1 5 A C", [(0, 4, "A", "C")]),
        ("chr1 5 a g,c", [(0, 4, "A", "G"), (0, 4, "A", "C")]),
        ("chr1 5 ACG TCG", [(0, 4, "A", "T")]),
        ("chr1 5 ACG ACT", [(0, 6, "G", "T")]),
        ("chr1 5 CAT C,CATAT", [(0, 4, "CAT", "C"), (0, 4, "C", "CAT")]),
        ("chr1 5 GC G,*", [(0, 4, "GC", "G")]),
    ],
)
def test_each_allele_is_cut_to_what_it_changes(tmp_path, record, alleles):
    assert rows_of(file_of(tmp_path, record)) == alleles


def test_alleles_are_sorted_by_place_and_stand_once_in_the_files_order(tmp_path):
    url = file_of(tmp_path, "chr2 7 A T,G", "chr1 9 C *", "chr1 9 CA CG,C", "chr2 7 A T", "chr1 8 G .")
    read = read_forced_alleles(url, CONTIGS)
    assert [tuple(row) for row in read.rows()] == [
        (0, 8, "CA", "C"),
        (0, 9, "A", "G"),
        (1, 6, "A", "T"),
        (1, 6, "A", "G"),
    ]
    assert read.dropped == {STAR: 1, NO_ALT: 1, DUPLICATE: 1}
    assert read.table["line"].to_pylist() == [8, 8, 6, 6]


def test_any_form_of_a_file_gives_the_same(tmp_path):
    url = file_of(tmp_path, "chr1 5 A C", "chr2 7 GC G")
    text = (tmp_path / "sites.vcf").read_text()
    (tmp_path / "dos.vcf.gz").write_bytes(gzip.compress(text.replace("\n", "\r\n").encode()[:-2]))
    with (
        pysam.VariantFile(url) as source,
        pysam.VariantFile(str(tmp_path / "sites.bcf"), "wb", header=source.header) as out,
    ):
        for record in source:
            out.write(record)
    first, *others = (
        read_forced_alleles(str(tmp_path / name), CONTIGS) for name in ("sites.vcf", "dos.vcf.gz", "sites.bcf")
    )
    assert all(each == first and hash(each) == hash(first) for each in others)
    assert pickle.loads(pickle.dumps(first)) == first


@pytest.mark.parametrize(
    ("record", "problem", "remedy"),
    [
        ("chr1 5 A <DEL>", "REF A, ALT <DEL>: only alleles of A, C, G and T", "leave it out"),
        ("chr1 5 A A[chr2:9[", "only alleles of A, C, G and T", "leave it out"),
        ("chr1 5 R C", "only alleles of A, C, G and T", "leave it out"),
        ("chr1 5 A A", "ALT A is REF", "correct it"),
        ("chr1 5 AC TG", "AC to TG is several changes", "bcftools norm"),
        ("chr1 5 AC TGG", "is several changes", "bcftools norm"),
        ("chr1 5 AC T", "is several changes", "bcftools norm"),
        ("chr1 5 AA A", "AA to A is not left-aligned", "bcftools norm"),
        ("chr1 5 T TGT", "T to TGT is not left-aligned", "bcftools norm"),
        ("chr1 0 A C", "it lies outside chr1, which has 1,000 bases", "made for this reference"),
        ("chr2 40 AC A", "it lies outside chr2, which has 40 bases", "made for this reference"),
    ],
)
def test_what_cannot_be_genotyped_is_refused_with_its_line(tmp_path, record, problem, remedy):
    url = file_of(tmp_path, "chr1 4 G T", record)
    with pytest.raises(BadAllele) as raised:
        read_forced_alleles(url, CONTIGS)
    assert (raised.value.url, raised.value.line) == (url, 7)
    assert problem in raised.value.problem
    assert remedy in raised.value.remedy


def test_other_contigs_broken_lines_and_empty_files_are_refused(tmp_path):
    with pytest.raises(UnknownContig, match=r"line 6: contig chr9 is not in the reference"):
        read_forced_alleles(file_of(tmp_path, "chr9 5 A C"), CONTIGS)
    with pytest.raises(BadRecord, match=r"line 6: it is no record of a VCF"):
        read_forced_alleles(file_of(tmp_path, "chr1 five A C"), CONTIGS)
    with pytest.raises(InputError, match="it names no allele"):
        read_forced_alleles(file_of(tmp_path, "chr1 5 A *"), CONTIGS)


def test_ref_is_compared_with_the_reference(tmp_path):
    (tmp_path / "ref.fa").write_text(">chr1\nACGTacgt\nACGT\n")
    pysam.faidx(str(tmp_path / "ref.fa"))
    reference = read_reference(str(tmp_path / "ref.fa"))
    good = file_of(tmp_path, "chr1 8 TAC T", "chr1 5 A G")
    assert len(read_forced_alleles(good, reference.contigs, reference)) == 2
    with pytest.raises(BadAllele, match=r"line 7: REF TAG is not the reference's TAC at chr1:8"):
        read_forced_alleles(file_of(tmp_path, "chr1 5 A G", "chr1 8 TAG T"), reference.contigs, reference)


def test_targets_keep_the_alleles_of_their_regions_on_any_axis(tmp_path):
    url = file_of(tmp_path, "chr1 5 A C", "chr1 900 A C", "chr2 7 A T", "chr3 1 G C", "chr3 60 G C")
    targets = Targets.of([Region(0, 0, 500), Region(2, 0, 60)], [], read_forced_alleles(url, CONTIGS))
    layout = Layout(CONTIGS, part_bp=500, window_bp=500)
    along = targets.along(layout)
    assert along.alleles.rows() == [
        [0, 4, "A", "C"],
        [0, 899, "A", "C"],
        [1, 6, "A", "T"],
        [1, 40, "G", "C"],
        [1, 99, "G", "C"],
    ]
    assert (along.alleles_inside, Targets.of(None, [], targets.alleles).alleles_inside) == (3, 5)
    assert along.clip(Region(0, 5, 899)).alleles is None
    here = along.clip(Region(1, 7, 100))
    assert here.alleles.rows() == [[1, 40, "G", "C"], [1, 99, "G", "C"]]
    assert Targets.from_json(here.as_json()) == here
    assert len({each.tag for each in (here, along, along.clip(Region(0, 0, 500)), Targets.of(None, []))}) == 4


def test_windows_without_rows_get_shards_for_their_alleles(tmp_path):
    genome = GenomeRows(
        layout=Layout(CONTIGS, 500, 500), variants=(), blocks=(), reach=lambda bases: [b for _, b in bases]
    )
    alleles = read_forced_alleles(file_of(tmp_path, "chr1 705 A C", "chr3 7 A T"), CONTIGS)
    cut = cut_windows(genome, targets=Targets.of(None, [], alleles))
    assert [shard.targets.alleles_inside for shard in cut.owned] == [1, 1]
    assert cut.settings == {"force_output_intervals": False, "alleles": alleles.digest}
    some = cut_windows(genome, targets=Targets.of([Region(2, 5, 9)], [], alleles))
    assert [shard.extent.contig for shard in some.owned] == [2]
    assert some.scope != cut_windows(genome, targets=Targets.of([Region(2, 5, 9)], [])).scope

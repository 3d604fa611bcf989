"""One person's reads to a gVCF, with the real mpileup: a small genome with every kind of thing in it."""

import errno
from pathlib import Path

import cyvcf2
import pysam
import pytest

from genocloud import reads
from genocloud.errors import MixedContigs, UnknownContig, UnreadableFile
from genocloud.reads.preflight import WrongSample
from tests.support import reads_person as person

LENGTHS = {"chr1": 6000, "chrX": 2400, "chrY": 900, "chrM": 800, "HLA-A*01:01": 300}
GENOME = {name: person.sequence(length, seed) for seed, (name, length) in enumerate(LENGTHS.items())}
PAR = reads.SexContigs(par=((0, 1200),))


def snp(contig: str, position: int) -> person.Change:
    ref = GENOME[contig][position]
    return position, ref, {"A": "G", "G": "A", "C": "T", "T": "C"}[ref]


def deletion(contig: str, position: int, length: int) -> person.Change:
    bases = GENOME[contig]
    return position, bases[position : position + 1 + length], bases[position]


BOTH = [snp("chr1", 1000)]
ONE = [snp("chr1", 500), deletion("chr1", 2000, 6), (3000, GENOME["chr1"][3000], GENOME["chr1"][3000] + "GATTACA")]
OTHER = [snp("chr1", 2003)]
HAPLOTYPES = [
    ("chr1", person.haplotype(GENOME["chr1"], [*BOTH, *ONE])[:5000]),
    ("chr1", person.haplotype(GENOME["chr1"], [*BOTH, *OTHER])[:5000]),
    ("chrX", person.haplotype(GENOME["chrX"], [snp("chrX", 600), snp("chrX", 1800)])),
    ("chrX", person.haplotype(GENOME["chrX"], [])[:1200]),
    ("chrY", person.haplotype(GENOME["chrY"], [snp("chrY", 400)])),
    ("chrM", person.haplotype(GENOME["chrM"], [snp("chrM", 300)])),
    ("HLA-A*01:01", person.haplotype(GENOME["HLA-A*01:01"], [snp("HLA-A*01:01", 150)])),
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("person")
    person.write_fasta(folder / "ref.fa", GENOME)
    person.write_reads(folder / "ann.bam", folder / "ref.fa", LENGTHS, HAPLOTYPES)
    return folder


def call(folder: Path, out: str, file: str = "ann.bam", sample: str = "ann", **settings):
    settings = {"sex": "male", "sex_contigs": PAR, **settings}
    return reads.call(str(folder / file), str(folder / "ref.fa"), folder / out, sample, **settings)


@pytest.fixture(scope="module")
def called(folder):
    return call(folder, "ann.g.vcf.gz")


def records_of(path: Path, contig: str | None = None):
    with pysam.VariantFile(str(path)) as file:
        return [(record.copy(), dict(record.samples[0])) for record in file.fetch(contig)]


def variants(path: Path) -> dict[tuple[str, int], tuple[tuple[str, ...], tuple[int | None, ...]]]:
    return {
        (record.contig, record.start): (record.alleles, values["GT"])
        for record, values in records_of(path)
        if len(record.alleles) > 2
    }


def test_every_change_is_called_with_its_ploidy(folder, called):
    calls = variants(folder / "ann.g.vcf.gz")
    expected = {
        ("chr1", 500): (0, 1),
        ("chr1", 1000): (1, 1),
        ("chr1", 2000): (0, 1),
        ("chr1", 2003): (1, 2),
        ("chr1", 3000): (0, 1),
        ("chrX", 600): (0, 1),
        ("chrX", 1800): (1,),
        ("chrY", 400): (1,),
        ("chrM", 300): (1,),
        ("HLA-A*01:01", 150): (1, 1),
    }
    assert {place: genotype for place, (_, genotype) in calls.items()} == expected
    assert calls["chr1", 2000][0] == (*deletion("chr1", 2000, 6)[1:], "<*>")
    assert calls["chr1", 2003][0] == (*snp("chr1", 2003)[1:], "*", "<*>")
    assert (called.records, called.snps, called.indels, called.spanned) == (10, 8, 2, 1)
    assert called.evidence == called.recorded + called.below_floor + called.under_deletion


def test_every_base_is_spoken_for_once_and_no_data_is_never_hom_ref(folder, called):
    spoken = {name: [0] * length for name, length in LENGTHS.items()}
    without = 0
    for record, values in records_of(folder / "ann.g.vcf.gz"):
        for base in range(record.start, record.stop):
            spoken[record.contig][base] += 1
        if values["DP"] == 0:
            without += record.stop - record.start
            assert set(values["GT"]) == {None}
            assert set(values["PL"]) == {0}
            assert values["GQ"] == 0
    spoken["chr1"][2003] -= 1  # the record with `*`, inside the deletion's
    assert all(count == 1 for counts in spoken.values() for count in counts)
    assert without == called.bases_without_data > 900
    assert called.bases == sum(LENGTHS.values())


def test_the_fields_are_what_the_header_says(folder, called):
    ((record, values),) = [pair for pair in records_of(folder / "ann.g.vcf.gz", "chr1") if pair[0].start == 500]
    assert sum(values["SB"]) == sum(values["AD"]) == values["DP"] == record.info["DP"]
    assert len(values["PL"]) == 6
    assert values["PL"][0] == record.qual
    squares, depth = record.info["RAW_MQandDP"]
    assert squares == 3600 * depth
    assert depth == values["DP"]
    assert values["GQ"] == min(99, sorted(values["PL"])[1])


def test_cyvcf2_reads_it_by_its_index(folder, called):
    file = cyvcf2.VCF(str(folder / "ann.g.vcf.gz"))
    (variant,) = [v for v in file("chrX:601-601") if len(v.ALT) > 1]
    assert variant.gt_types[0] == 1
    assert variant.format("PL").shape == (1, 6)


@pytest.mark.parametrize(
    "settings", [pytest.param({"tile_bp": 700}, marks=pytest.mark.slow), {"tile_bp": 501, "workers": 2}]
)
def test_bytes_do_not_depend_on_cuts_and_workers(folder, called, settings):
    assert call(folder, "again.g.vcf.gz", **settings) == called
    assert (folder / "again.g.vcf.gz").read_bytes() == (folder / "ann.g.vcf.gz").read_bytes()
    assert (folder / "again.g.vcf.gz.tbi").read_bytes() == (folder / "ann.g.vcf.gz.tbi").read_bytes()


def test_females_have_no_y_and_two_copies_of_x(folder):
    done: list[int] = []
    figures = call(folder, "ben.g.vcf.gz", sex="female", progress=done.append)
    assert records_of(folder / "ben.g.vcf.gz", "chrY") == []
    assert variants(folder / "ben.g.vcf.gz")["chrX", 1800][1] == (1, 1)
    assert figures.bases == sum(done) == sum(LENGTHS.values()) - LENGTHS["chrY"]


def test_cram_gives_the_same_records(folder, called):
    person.write_reads(folder / "ann.cram", folder / "ref.fa", LENGTHS, HAPLOTYPES)
    call(folder, "cram.g.vcf.gz", file="ann.cram")
    assert (folder / "cram.g.vcf.gz").read_bytes() == (folder / "ann.g.vcf.gz").read_bytes()


def test_reads_of_another_sample_are_refused_and_nothing_is_left(folder):
    before = sorted(folder.iterdir())
    with pytest.raises(WrongSample, match="samtools addreplacerg") as caught:
        call(folder, "eve.g.vcf.gz", sample="eve")
    assert (caught.value.wanted, caught.value.names) == ("eve", ("ann",))
    assert sorted(folder.iterdir()) == before


def test_reads_without_a_read_group_are_taken_with_a_warning(folder, caplog):
    person.write_reads(folder / "bare.bam", folder / "ref.fa", LENGTHS, HAPLOTYPES, name=None)
    call(folder, "bare.g.vcf.gz", file="bare.bam")
    assert "no read group names a sample" in caplog.text


@pytest.mark.parametrize("out", ["file/o.g.vcf.gz", "file/below/o.g.vcf.gz", "folder"])
def test_an_output_that_cannot_be_is_reported(folder, tmp_path, out):
    (tmp_path / "file").touch()
    (tmp_path / "folder").mkdir()
    with pytest.raises(reads.Unwritable) as caught:
        reads.call(str(folder / "ann.bam"), str(folder / "ref.fa"), tmp_path / out, "ann")
    assert caught.value.out == tmp_path / out
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "folder"]


def test_a_full_disk_is_reported(folder, tmp_path, monkeypatch):
    def full(*_, **__):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("genocloud.reads.sample_caller._publish", full)
    with pytest.raises(reads.Unwritable, match="No space left"):
        call(folder, str(tmp_path / "o.g.vcf.gz"))
    assert list(tmp_path.iterdir()) == []


def test_a_missing_index_is_reported(folder, tmp_path):
    (tmp_path / "ann.bam").write_bytes((folder / "ann.bam").read_bytes())
    with pytest.raises(UnreadableFile, match="has no index; make one with samtools index"):
        reads.call(str(tmp_path / "ann.bam"), str(folder / "ref.fa"), tmp_path / "o.g.vcf.gz", "ann")


def test_a_file_without_reads_is_reported(folder, tmp_path):
    person.write_reads(tmp_path / "none.bam", folder / "ref.fa", LENGTHS, [])
    with pytest.raises(UnreadableFile, match="holds no aligned reads"):
        reads.call(str(tmp_path / "none.bam"), str(folder / "ref.fa"), tmp_path / "o.g.vcf.gz", "ann")


def test_a_truncated_file_is_reported(folder, tmp_path):
    whole = (folder / "ann.bam").read_bytes()
    (tmp_path / "cut.bam").write_bytes(whole[: len(whole) * 2 // 3])
    (tmp_path / "cut.bam.bai").write_bytes((folder / "ann.bam.bai").read_bytes())
    with pytest.raises(UnreadableFile) as caught:
        reads.call(str(tmp_path / "cut.bam"), str(folder / "ref.fa"), tmp_path / "o.g.vcf.gz", "ann")
    assert caught.value.url == str(tmp_path / "cut.bam")
    assert not (tmp_path / "o.g.vcf.gz").exists()


@pytest.mark.parametrize("file", ["absent.bam", "ref.fa"])
def test_what_is_not_a_file_of_reads_is_reported(folder, tmp_path, file):
    with pytest.raises(UnreadableFile):
        reads.call(str(folder / file), str(folder / "ref.fa"), tmp_path / "o.g.vcf.gz", "ann")


def test_a_missing_reference_is_reported(folder, tmp_path):
    with pytest.raises(UnreadableFile, match="samtools faidx"):
        reads.call(str(folder / "ann.bam"), str(folder / "no.fa"), tmp_path / "o.g.vcf.gz", "ann")


@pytest.mark.parametrize(
    ("contigs", "error"),
    [({"chr1": GENOME["chr1"]}, UnknownContig), ({**GENOME, "chrM": GENOME["chrM"][:-1]}, MixedContigs)],
)
def test_another_reference_is_reported(folder, tmp_path, contigs, error):
    person.write_fasta(tmp_path / "other.fa", contigs)
    with pytest.raises(error):
        reads.call(str(folder / "ann.bam"), str(tmp_path / "other.fa"), tmp_path / "o.g.vcf.gz", "ann")

"""The comparison with the truth, held to small cases worked out by hand."""

from pathlib import Path

import pytest

from tests.support.truth import (
    Allele,
    Call,
    Comparison,
    Difference,
    Score,
    compare,
    normalise,
    references_without_data,
    wrong_ploidy,
)

#                     0         10        20        30
SEQUENCES = {"chr1": "GATTACAAAAAAGCTGTGTGTCCATCGATCGTACCA"}


def write_vcf(path: Path, samples: str, *rows: str, contig_bp: int = 100) -> Path:
    """A VCF from rows `chr1 5 A C 0/1 1/1`; FORMAT is GT, or GT:DP where a genotype holds a colon."""
    lines = ["##fileformat=VCFv4.2"]
    lines += [f"##contig=<ID={contig},length={contig_bp}>" for contig in ("chr1", "chrX", "chrY", "chrM")]
    lines += ['##FORMAT=<ID=GT,Number=1,Type=String,Description="Genotype">']
    lines += ['##FORMAT=<ID=DP,Number=1,Type=Integer,Description="Depth">']
    lines += [f"#CHROM POS ID REF ALT QUAL FILTER INFO FORMAT {samples}".replace(" ", "\t")]
    for row in rows:
        contig, pos, ref, alt, *genotypes = row.split()
        keys = "GT:DP" if ":" in genotypes[0] else "GT"
        lines.append("\t".join([contig, pos, ".", ref, alt, ".", ".", ".", keys, *genotypes]))
    path.write_text("\n".join(lines) + "\n")
    return path


@pytest.fixture
def reference(tmp_path: Path) -> Path:
    """SEQUENCES as FASTA."""
    path = tmp_path / "reference.fa"
    path.write_text("".join(f">{name}\n{bases}\n" for name, bases in SEQUENCES.items()))
    return path


def score(tmp_path: Path, reference: Path, truth: list[str], calls: list[str], samples: str = "ann") -> Comparison:
    """The comparison of two lists of rows."""
    return compare(
        write_vcf(tmp_path / "calls.vcf", samples, *calls),
        write_vcf(tmp_path / "truth.vcf", samples, *truth),
        reference,
    )


@pytest.mark.parametrize(
    ("written", "normal"),
    [
        ((0, "G", "C"), [(0, "G", "C")]),
        ((0, "GAT", "CAT"), [(0, "G", "C")]),
        ((0, "GAT", "CAC"), [(0, "G", "C"), (2, "T", "C")]),
        ((11, "AG", "G"), [(5, "CA", "C")]),  # the last A of a homopolymer is the first one too
        ((5, "CAAAA", "CAAA"), [(5, "CA", "C")]),
        ((9, "A", "AA"), [(5, "C", "CA")]),
        ((18, "TGT", "T"), [(13, "CTG", "C")]),  # a repeat of two bases
        ((13, "CTG", "CTGTG"), [(13, "C", "CTG")]),
        ((22, "CAT", "CG"), [(23, "AT", "G")]),  # neither SNP nor plain indel
        ((0, "GATT", "ATT"), [(0, "GA", "A")]),  # nothing to the left to anchor on
        ((0, "g", "c"), [(0, "G", "C")]),
    ],
)
def test_equal_changes_get_one_name(written: tuple[int, str, str], normal: list[tuple[int, str, str]]) -> None:
    assert normalise(SEQUENCES, "chr1", *written) == [Allele("chr1", *change) for change in normal]


@pytest.mark.parametrize(
    ("truth", "call", "expected"),
    [
        ("0|1", "0/1", Score(right=1)),
        ("1|1", "1/1", Score(right=1)),
        ("0|0", "0/0", Score()),
        ("0|0", "./.", Score()),
        ("0|1", "0/0", Score(missed=1)),
        ("0|1", "./.", Score(missed=1)),
        ("0|1", "1/1", Score(missed=1, false=1)),
        ("1|1", "0/1", Score(missed=1, false=1)),
        ("0|0", "0/1", Score(false=1)),
        ("1", "1", Score(right=1)),
        ("1", "1/1", Score(missed=1, false=1)),
        ("0|1", "./1", Score(right=1)),
        (".", "1", Score(false=1)),
    ],
)
def test_one_genotype(tmp_path: Path, reference: Path, truth: str, call: str, expected: Score) -> None:
    scores = score(tmp_path, reference, [f"chr1 5 A C {truth}"], [f"chr1 5 A C {call}"])
    assert (scores.snp, scores.indel) == (expected, Score())


def test_a_record_that_is_not_there_is_a_no_call(tmp_path: Path, reference: Path) -> None:
    scores = score(tmp_path, reference, ["chr1 5 A C 0|1 1|1"], [], samples="ann bob")
    assert scores.snp == Score(missed=2)
    allele = Allele("chr1", 4, "A", "C")
    assert scores.differences == [Difference("ann", allele, 1, None), Difference("bob", allele, 2, None)]


def test_a_record_that_no_sample_truly_has_is_false(tmp_path: Path, reference: Path) -> None:
    assert score(tmp_path, reference, [], ["chr1 6 CA C 0/1"]).indel == Score(false=1)


def test_how_alleles_share_records_does_not_matter(tmp_path: Path, reference: Path) -> None:
    together = ["chr1 6 CA TA,C,CAA 1|2 0|3"]
    apart = ["chr1 6 C T 1/0 0/0", "chr1 11 AA A 0/1 0/0", "chr1 9 A AA 0/0 0/1"]
    scores = score(tmp_path, reference, together, apart, samples="ann bob")
    assert (scores.snp, scores.indel, scores.differences) == (Score(right=1), Score(right=2), [])


def test_each_allele_of_a_wrong_multiallelic_genotype_counts(tmp_path: Path, reference: Path) -> None:
    scores = score(tmp_path, reference, ["chr1 5 A C,G 1|2"], ["chr1 5 A C,G 1/1"])
    # C: one copy called as two. G: one copy not called.
    assert scores.snp == Score(missed=2, false=1)


def test_a_deleted_base_is_no_allele(tmp_path: Path, reference: Path) -> None:
    truth = ["chr1 23 CATC C 0|1", "chr1 25 T G,* 1|2"]
    assert score(tmp_path, reference, truth, ["chr1 23 CATC C 0/1", "chr1 25 T *,G 1/2"]).differences == []
    assert score(tmp_path, reference, truth, ["chr1 23 CATC C 0/1", "chr1 25 T G 0/1"]).differences == []


def test_symbols_are_no_alleles(tmp_path: Path, reference: Path) -> None:
    scores = score(tmp_path, reference, ["chr1 5 A C 0|1"], ["chr1 5 A C,<NON_REF> 0/1", "chr1 7 A <NON_REF> 0/1"])
    assert scores.differences == []


def test_excluded_stretches_and_chosen_samples(tmp_path: Path, reference: Path) -> None:
    truth = write_vcf(tmp_path / "truth.vcf", "ann bob", "chr1 5 A C 0|1 1|1", "chr1 15 T C 0|1 0|0")
    calls = write_vcf(tmp_path / "calls.vcf", "bob ann", "chr1 5 A C 1/1 0/0", "chr1 15 T C 0/0 0/1")
    bed = tmp_path / "hard.bed"
    bed.write_text("chr1\t4\t5\n")
    assert compare(calls, truth, reference).snp == Score(right=2, missed=1)
    assert compare(calls, truth, reference, exclude_bed=bed).snp == Score(right=1)
    assert compare(calls, truth, reference, samples=["bob"]).snp == Score(right=1)


def test_f1() -> None:
    assert Score(right=6, missed=1, false=3).f1 == 0.75
    assert Score(missed=2).f1 == 0.0
    assert Score().f1 == 1.0


def test_ploidy_follows_sex_contig_and_par(tmp_path: Path) -> None:
    bed = tmp_path / "par.bed"
    bed.write_text("chrX\t0\t10\n")
    calls = write_vcf(
        tmp_path / "calls.vcf",
        "ann bob",
        "chr1 5 A C 0/1 0/1",
        "chrX 10 A C 0/1 0/1",
        "chrX 11 A C 0/1 1",
        "chrX 12 A C 1 1/1",
        "chrY 5 A C . 1",
        "chrY 6 A C 0 0/1",
        "chrM 5 A C 1 0",
        "chrM 6 A C 0/0 .",
    )
    wrong = wrong_ploidy(calls, {"ann": "female", "bob": "male"}, bed)
    assert [(call.contig, call.pos, call.sample) for call in wrong] == [
        ("chrX", 11, "ann"),
        ("chrX", 11, "bob"),
        ("chrY", 5, "ann"),
        ("chrY", 5, "bob"),
        ("chrM", 5, "ann"),
    ]


def test_a_reference_genotype_needs_reads(tmp_path: Path) -> None:
    calls = write_vcf(tmp_path / "calls.vcf", "ann", "chr1 5 A C 0/0:0", "chr1 6 A C ./.:0", "chr1 7 A C 0/0:3")
    more = write_vcf(tmp_path / "more.vcf", "ann", "chr1 5 A C 0/1:0", "chrX 6 A C 0:.")
    assert references_without_data(calls) == [Call("chr1", 4, "ann", (0, 0), 0)]
    assert references_without_data(more) == [Call("chrX", 5, "ann", (0,), None)]

"""The benchmarks of ingest run, on a cohort of three; what they measure is for `make bench`."""

import gzip
import shutil
from pathlib import Path

import pytest

from genocloud import gvcf
from genocloud.pipeline.reference import read_bases, read_reference
from tests.benchmarks import (
    bench_deepvariant,
    bench_import,
    bench_ingest,
    bench_models,
    bench_reading,
    bench_refinement,
    heavier,
)

DATA = Path(__file__).resolve().parents[2] / "test_data"
REFERENCE = DATA / "reference.fa"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three gVCFs."""
    for path in sorted((DATA / "gvcf").glob("*.g.vcf.gz"))[:3]:
        shutil.copy(path, tmp_path)
    return tmp_path


@pytest.mark.slow
def test_reading_is_measured(folder, capsys):
    bench_reading.bench_file(str(next(folder.glob("*.g.vcf.gz"))), 1)
    output = capsys.readouterr().out
    assert "inflate (library only)" in output
    assert "cyvcf2, our columns" in output


@pytest.mark.slow
def test_import_is_measured(folder, capsys):
    costs = bench_import.bench(folder, REFERENCE, None, "chr1", 1)
    assert costs["genocloud"].cpu_seconds > 0
    assert costs["genocloud"].memory < 1_000_000_000
    assert "of the gVCFs'" in capsys.readouterr().out


@pytest.mark.slow
def test_models_are_measured(folder, capsys):
    for name in ("reference.fa", "reference.fa.fai"):
        shutil.copy(DATA / name, folder / name.replace("reference", "ref"))
    paths = sorted(folder.glob("*.g.vcf.gz"))
    (folder / "samples.tsv").write_text("".join(f"{path.name.removesuffix('.g.vcf.gz')}\t{path}\n" for path in paths))
    assert bench_models.bench(folder, "gatk", "", 1)["fitting"].cpu_seconds > 0
    assert "of 3 people" in capsys.readouterr().out


@pytest.mark.slow
def test_growth_is_measured(folder, capsys):
    ratios = bench_ingest.bench_growth(folder, REFERENCE, 1, 1)
    assert all(0 < ratio < 10 for ratio in list(ratios.values())[1:])
    assert "appended" in capsys.readouterr().out


@pytest.mark.slow
def test_memory_is_measured_at_two_lengths(folder):
    quarter, whole = bench_ingest.bench_memory(folder, REFERENCE, 2, 20_000, 1).values()
    assert 0 < whole.memory < 2 * quarter.memory


def test_a_cohort_is_made_heavier(tmp_path):
    source, out = tmp_path / "given", tmp_path / "heavier"
    source.mkdir()
    (source / "ref.fa").write_text(">c\n" + "N" * 900 + "A" * 100 + "\n")
    for name in ("s1", "s2", "s3"):
        block = "c\t901\t.\tA\t<NON_REF>\t.\t.\tEND=1000\tGT:DP:GQ:MIN_DP:PL\t0/0:30:90:30:0,90,900\n"
        header = f"##fileformat=VCFv4.2\n#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\tFORMAT\t{name}\n"
        (source / f"{name}.g.vcf.gz").write_bytes(gzip.compress((header + block).encode()))
    heavier.heavier(source, out, alleles=2, pile_bp=100)
    reference = read_reference(str(out / "ref.fa"))
    alts = set()
    for name in ("s1", "s2", "s3"):
        (rows,) = gvcf.read_rows(str(out / f"{name}.g.vcf.gz"), reference.contigs, reference=read_bases(reference))
        assert rows.read == 1 + 50 + 1
        alts.add(tuple(rows.variants["alts"].to_pylist()[-1]))
    assert len(alts) == 2


@pytest.mark.slow
def test_refined_genotypes_are_better(tmp_path):
    scores = bench_refinement.bench(1, 10, tmp_path)
    called, by_counts, by_trios, by_both = list(scores.values())[:4]
    for better, worse in ((by_counts, called), (by_trios, called), (by_both, by_counts), (by_both, by_trios)):
        assert all(after > before for after, before in zip(better, worse, strict=True)), scores


@pytest.mark.slow
def test_deepvariants_model_keeps_new_variants_and_makes_fewer_errors_than_glnexus(tmp_path):
    scores = bench_deepvariant.bench(1, 12, tmp_path)
    snp, indel, errors, lost = scores["deepvariant"]
    assert lost == 0
    assert all(errors < other[2] for name, other in scores.items() if name.startswith("DeepVariant")), scores
    assert indel > scores["DeepVariantWGS"][1]
    assert snp > scores["DeepVariantWGS"][0] - 0.004
    assert scores["deepvariant refined"][0] > max(snp, scores["DeepVariantWGS"][0])

"""The example of docs/models.md as it stands there: the demo's people in DeepVariant's form, held to their truth."""

import gzip
import re
import shlex
from pathlib import Path

import pysam

from genocloud.cli import main
from tests.support import truth

ROOT = Path(__file__).resolve().parents[3]
DATA = ROOT / "test_data"
PEOPLE = ("child", "mother", "father", "p04", "p05", "p06")


def autosomes(source, out):
    with pysam.VariantFile(str(source)) as file:
        file.subset_samples(PEOPLE)
        with pysam.VariantFile(str(out), "w", header=file.header) as kept:
            for record in file:
                if record.contig in ("chr1", "chr2"):
                    kept.write(record)
    return out


PAGE = (ROOT / "docs" / "models.md").read_text()


def run(start):
    """Run the page's command that begins so, on the files of this repository."""
    command = next(line for line in PAGE.splitlines() if line.startswith(f"    genocloud {start}"))
    words = [
        each
        for word in shlex.split(command)[1:]
        for each in (map(str, sorted(ROOT.glob(word))) if "*" in word else [word])
    ]
    assert main([word.replace("test_data/reference.fa", str(DATA / "reference.fa")) for word in words]) in (0, None)


def test_the_callset_of_the_page(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for start in ("ingest demo_cohort", "genotype demo_cohort", "export demo_callset"):
        run(start)
    text = gzip.decompress((tmp_path / "demo_glnexus.vcf.gz").read_bytes()).decode()
    assert "##GLnexusConfigName=DeepVariantWGS\n" in text
    records = [line for line in text.splitlines() if not line.startswith("#")]
    assert f"`records {len(records):,}`" in PAGE


def test_the_example_of_the_page(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    run("joint test_data/deepvariant")
    said = capsys.readouterr().err
    for name, figure in re.findall(r"(\w+) ([\d,]+)", re.search(r"`sites .*?`", PAGE)[0]):
        assert re.search(rf"{name} +{figure}\n", said), said
    calls = tmp_path / "demo.vcf.gz"
    with pysam.VariantFile(str(calls)) as file:
        assert "--model deepvariant" in str(file.header)
        places = [(record.contig, record.pos) for record in file]
    assert len(places) == len(set(places))
    compared = truth.compare(
        autosomes(calls, tmp_path / "calls.vcf"),
        autosomes(DATA / "truth.vcf.gz", tmp_path / "truth.vcf"),
        DATA / "reference.fa",
    )
    assert compared.snp.f1 > 0.985
    assert compared.indel.f1 > 0.88

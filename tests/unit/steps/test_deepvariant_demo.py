"""The example of docs/models.md as it stands there: the demo's people in DeepVariant's form, held to their truth."""

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


def test_the_example_of_the_page(tmp_path, monkeypatch, capsys):
    page = (ROOT / "docs" / "models.md").read_text()
    command = next(line for line in page.splitlines() if line.startswith("    genocloud joint test_data/deepvariant"))
    words = [
        each
        for word in shlex.split(command)[1:]
        for each in (map(str, sorted(ROOT.glob(word))) if "*" in word else [word])
    ]
    words[words.index("test_data/reference.fa")] = str(DATA / "reference.fa")
    monkeypatch.chdir(tmp_path)
    assert main(words) in (0, None)
    said = capsys.readouterr().err
    for name, figure in re.findall(r"(\w+) ([\d,]+)", re.search(r"`sites .*?`", page)[0]):
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

"""gVCFs in the form of each caller that docs/models.md names, through `joint`: which model, which records."""

import gzip
import os
from pathlib import Path

import pytest

from genocloud import steps
from genocloud.pipeline.options import JointOptions
from genocloud.pipeline.preconditions import BareBlocks
from genocloud.pipeline.sample_list import sheet_or_gvcfs
from genocloud.scatter.progress import Silent
from tests.conformance.dialect_files import Source, write_dialects
from tests.conformance.oracle import write_reference

REAL = Path(os.environ.get("GENOCLOUD_SHARED", Path(__file__).resolve().parents[4] / "shared")) / "data/dialects"
BASES = "ACGT" * 25

CLAIR3 = """##source=Clair3
##ALT=<ID=NON_REF,Description="Represents any possible alternative allele at this location">
""", {
    "ann": (
        "1 a <NON_REF> 0 . END=20 GT:GQ:MIN_DP:PL 0/0:50:17:0,51,509",
        "21 a <NON_REF> 0 . END=21 GT:GQ:MIN_DP:PL ./.:0:68:245,0,1385",
        "22 c t,<NON_REF> 19.22 PASS F GT:GQ:DP:AD:AF:PL 0/1:19:68:27,38,0:0.5588:28,0,45,990,990,990",
        "23 g <NON_REF> 0 . END=60 GT:GQ:MIN_DP:PL 0/0:50:30:0,60,599",
    ),
    "bob": (
        "1 a <NON_REF> 0 . END=20 GT:GQ:MIN_DP:PL 0/0:50:17:0,51,509",
        "21 a g,<NON_REF> 22.1 PASS P GT:GQ:DP:AD:AF:PL 1/1:22:40:1,39,0:0.9750:40,22,0,990,990,990",
        "22 c a,<NON_REF> 15 PASS F GT:GQ:DP:AD:AF:PL 0/1:15:40:20,20,0:0.5000:15,0,40,990,990,990",
        "23 g <NON_REF> 0 . END=60 GT:GQ:MIN_DP:PL 0/0:50:30:0,60,599",
    ),
}  # fmt: skip
PEPPER = """##DeepVariant_version=1.1.0
##FILTER=<ID=refCall,Description="Call is reference">
""", {
    "ann": (
        "1 A <*> 0 . END=20 GT:GQ:MIN_DP:PL 0/0:50:17:0,51,509",
        "21 A G,<*> 30.1 PASS . GT:GQ:DP:AD:VAF:PL:PS 0|1:30:40:20,20,0:0.5,0:30,0,40,990,990,990:21",
        "22 C <*> 0 . END=60 GT:GQ:MIN_DP:PL 0/0:50:17:0,51,509",
    ),
    "bob": ("1 A <*> 0 . END=60 GT:GQ:MIN_DP:PL 0/0:50:17:0,51,509",),
}  # fmt: skip
XATLAS = """##source=/bin/xatlas v0.3
##FILTER=<ID=No_data,Description="No valid reads on this site">
""", {
    "ann": (
        "1 A . . PASS END=20;BLOCKAVG_min30p3a GT:VR:RR:DP:GQ:PL:VRX 0/0:0:20:20:.:0,57,700:0,0,0,0",
        "21 A G 40 PASS P=0.9999 GT:VR:RR:DP:GQ:PL 0/1:10:10:20:.:257,0,172",
        "22 C . . No_data END=25;BLOCKAVG_min30p3a GT:VR:RR:DP:GQ:PL:VRX ./.:0:0:0:.:0,27,30:0,0,0,0",
        "26 C . . PASS END=60;BLOCKAVG_min30p3a GT:VR:RR:DP:GQ:PL:VRX 0/0:0:20:20:.:0,57,700:0,0,0,0",
    ),
    "bob": (
        "1 A . . PASS END=60;BLOCKAVG_min30p3a GT:VR:RR:DP:GQ:PL:VRX 0/0:0:20:20:.:0,57,700:0,0,0,0",
    ),
}  # fmt: skip


def written(folder, header, people):
    write_reference({"chr1": BASES}, folder)
    for name, records in people.items():
        lines = ["##fileformat=VCFv4.2", *header.splitlines(), f"##contig=<ID=chr1,length={len(BASES)}>"]
        lines.append("\t".join(["#CHROM", "POS", "ID", "REF", "ALT", "QUAL", "FILTER", "INFO", "FORMAT", name]))
        for record in records:
            pos, *rest = record.split()
            lines.append("\t".join(["chr1", pos, ".", *rest]))
        (folder / f"{name}.g.vcf").write_text("\n".join([*lines, ""]))
    return [str(folder / f"{name}.g.vcf") for name in people]


def joined(folder, listed, **options):
    """(the model that the receipt names, the VCF's records, by POS)."""
    out = folder / "out.vcf.gz"
    run = JointOptions(listed=listed, reference_url=str(folder / "ref.fa"), out_url=str(out), **options)
    receipt = steps.joint(run, progress=Silent())[1]
    lines = [line.split("\t") for line in gzip.decompress(out.read_bytes()).decode().splitlines() if line[0] != "#"]
    return receipt.figures["model"], lines


@pytest.mark.parametrize(
    ("form", "model", "expected"),
    [
        (CLAIR3, "deepvariant", {"21": ("A", "G", "./.", "1/1"), "22": ("C", "A,T", "0/2", "0/1")}),
        (PEPPER, "deepvariant", {"21": ("A", "G", "0|1", "0/0")}),
        (XATLAS, "gatk", {"21": ("A", "G", "0/1", "0/0")}),
    ],
    ids=["clair3", "pepper", "xatlas"],
)
def test_the_form_of_a_caller(tmp_path, form, model, expected):
    named, lines = joined(tmp_path, sheet_or_gvcfs(written(tmp_path, *form)))
    assert named == model
    assert {line[1]: (line[3], line[4], *(cell.split(":")[0] for cell in line[9:])) for line in lines} == expected


def test_what_clair3_does_not_know_is_missing(tmp_path):
    """Where another person has another ALT, PL of it are 990 in the file, which says nothing."""
    _, lines = joined(tmp_path, sheet_or_gvcfs(written(tmp_path, *CLAIR3)))
    fields = dict(zip(lines[1][8].split(":"), lines[1][9].split(":"), strict=True))
    assert fields["PL"] == "28,.,.,0,.,45"
    assert fields["GQ"] == "19"


@pytest.mark.skipif(not REAL.exists(), reason="no shared data here (GENOCLOUD_SHARED)")
@pytest.mark.parametrize(
    ("files", "model", "options"),
    [
        (("xAtlas/HG002.g.vcf.gz",), "gatk", {}),
        (("dv_1000G_chr17_2517459/NA12878.g.vcf.gz", "dv_1000G_chr17_2517459/NA19771.g.vcf.gz"), "deepvariant", {}),
        (
            ("strelka2/HG001.g.vcf.gz", "strelka2/HG002.g.vcf.gz"),
            "glnexus DeepVariant_unfiltered",
            {"model_name": "glnexus", "preset": "DeepVariant_unfiltered"},
        ),
    ],
    ids=["xatlas", "deepvariant", "strelka2"],
)
def test_real_files(tmp_path, files, model, options):
    write_dialects([Source(f"s{number}", path) for number, path in enumerate(files)], REAL, tmp_path)
    named, lines = joined(tmp_path, str(tmp_path / "map.tsv"), **options)
    assert named.startswith(model.split()[0])
    assert lines
    assert any(set(cell.split(":")[0]) & set("123") for line in lines for cell in line[9:])
    if options:
        with pytest.raises(BareBlocks, match="Strelka2's blocks do not say how sure they are"):
            joined(tmp_path, str(tmp_path / "map.tsv"))

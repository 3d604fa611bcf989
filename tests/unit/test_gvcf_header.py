"""Headers: contigs, samples, and which caller wrote the file."""

import os
from pathlib import Path

import pytest

from genocloud import gvcf
from genocloud.gvcf.callers import CALLERS, detect
from genocloud.regions import Contig

SHARED = Path(os.environ.get("GENOCLOUD_SHARED", Path(__file__).resolve().parents[3] / "shared"))
CASES = Path(__file__).resolve().parents[1] / "cases" / "gvcf"


def test_contigs_are_found_whatever_the_order_of_their_fields():
    header = gvcf.read_header(str(CASES / "odd_fields.g.vcf"))
    assert header.contigs == (Contig("chr1", 2000), Contig("HLA-A*01:01", 300), Contig("chrY", 500))
    assert (header.samples, header.caller, header.symbolic, header.lines) == (("ann",), "gatk", "<NON_REF>", 6)


@pytest.mark.parametrize(
    ("folder", "caller", "symbolic"),
    [
        ("dragen/dragen.g.vcf", "dragen", "<NON_REF>"),
        ("dv_1000G_chr21_5583275/HG00096.g.vcf.gz", "deepvariant", "<*>"),
        ("strelka2/HG001.g.vcf.gz", "strelka2", ""),
        ("xAtlas/HG002.g.vcf.gz", "xatlas", ""),
        ("gatk_bp_resolution/gvcf.basepairResolution.gvcf", "gatk", "<NON_REF>"),
        ("gatk_reblocked/alreadyReblocked.chr22snippet.vcf", "gatk", "<NON_REF>"),
    ],
)
def test_real_callers_are_known_by_their_headers(folder, caller, symbolic):
    path = SHARED / "data/dialects" / folder
    if not path.exists():
        pytest.skip("no shared data here (GENOCLOUD_SHARED)")
    header = gvcf.read_header(str(path))
    assert (header.caller, header.symbolic) == (caller, symbolic)


def test_an_unknown_caller_is_unknown():
    assert detect("##fileformat=VCFv4.2\n##source=mine\n").name == "unknown"
    assert len({caller.name for caller in CALLERS}) == len(CALLERS)

"""GATK's ValidateVariants accepts what we write."""

import gzip

import pysam
import pytest

from tests.conftest import DATA

pytestmark = [pytest.mark.conformance, pytest.mark.timeout(900)]


@pytest.mark.parametrize("name", ["made", "called"])
def test_gatk_accepts_the_joint_vcf(name, request, gatk):
    gatk("ValidateVariants", "-R", DATA / "reference.fa", "-V", request.getfixturevalue(name).vcf)


def test_gatk_accepts_an_embedded_gvcf(called, tmp_path, gatk):
    """A man's, for he has every contig: -gvcf asks for a genome without a gap.

    Once `<*>`, the specification's name for any other allele, is the `<NON_REF>` that GATK insists on. Of its checks,
    -gvcf leaves out ALLELES (every ALT is in some genotype), which no gVCF meets: nobody carries `<NON_REF>`.
    """
    ours = gzip.decompress((called.vcf.parent / "child.g.vcf.gz").read_bytes()).decode()
    renamed = tmp_path / "child.g.vcf"
    renamed.write_text(ours.replace("<*>", "<NON_REF>").replace("##ALT=<ID=*,", "##ALT=<ID=NON_REF,"))
    pysam.tabix_index(str(renamed), preset="vcf")
    gatk("ValidateVariants", "-R", DATA / "reference.fa", "-V", f"{renamed}.gz", "-gvcf", "--fail-gvcf-on-overlap")

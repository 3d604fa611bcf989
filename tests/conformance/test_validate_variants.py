"""GATK's ValidateVariants accepts what we write."""

import pytest

from tests.conftest import DATA

pytestmark = [pytest.mark.conformance, pytest.mark.timeout(900)]


@pytest.mark.parametrize("name", ["made", "called"])
def test_gatk_accepts_the_joint_vcf(name, request, gatk):
    gatk("ValidateVariants", "-R", DATA / "reference.fa", "-V", request.getfixturevalue(name).vcf)

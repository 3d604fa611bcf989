"""GT as VCF writes it, read."""

import re

NO_CALL = -1
"""An allele that is not called."""

_SEPARATORS = re.compile("[/|]")


def allele_numbers_of(text: str) -> list[int]:
    """The numbers of a GT's alleles, NO_CALL for `.`; how it is phased is lost."""
    return [NO_CALL if allele == "." else int(allele) for allele in _SEPARATORS.split(text)]

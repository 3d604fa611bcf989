"""Find a variant CHROM:POS:REF:ALT among sites."""

import re
from collections.abc import Sequence
from typing import NamedTuple

from genocloud import schema
from genocloud.errors import InputError, UnknownContig
from genocloud.regions import Contig, Region

_VARIANT = re.compile(r"(?P<contig>.+):(?P<pos>\d[\d,]*):(?P<ref>[A-Za-z]+):(?P<alt>[A-Za-z*]+)")


class BadVariant(InputError):
    """A text that is no variant CHROM:POS:REF:ALT inside the reference."""

    def __init__(self, text: str) -> None:
        self.text = text
        super().__init__(f"variant {text}: not CHROM:POS:REF:ALT inside the reference; write it as chr1:1001:A:G")


class UnknownVariant(InputError):
    """A variant that the callset does not have."""

    def __init__(self, url: str, variant: str) -> None:
        self.url, self.variant = url, variant
        super().__init__(f"{url}: no site has the variant {variant}; see callset.sites() for those there are")


class Variant(NamedTuple):
    """A variant at a base of the reference: the region has POS alone."""

    region: Region
    ref: str
    alt: str


def is_variant(text: str) -> bool:
    """Whether a text is CHROM:POS:REF:ALT, not a region."""
    return _VARIANT.fullmatch(text) is not None


def parse_variant(text: str, contigs: Sequence[Contig]) -> Variant:
    """Read CHROM:POS:REF:ALT (1-based POS). Raises BadVariant, UnknownContig."""
    match = _VARIANT.fullmatch(text)
    if match is None:
        raise BadVariant(text)
    names = [contig.name for contig in contigs]
    if match["contig"] not in names:
        raise UnknownContig(match["contig"], f"variant {text}")
    number, start = names.index(match["contig"]), int(match["pos"].replace(",", "")) - 1
    if not 0 <= start < contigs[number].length:
        raise BadVariant(text)
    return Variant(Region(number, start, start + 1), match["ref"].upper(), match["alt"].upper())


def find_alleles(sites: schema.Sites, variant: Variant) -> list[tuple[int, int]]:
    """(row of the site, number of the ALT in GT) of each site at the variant's POS that has it.

    Alleles are compared without the last bases that REF and ALT share: C>T is the ALT TA of REF CA.
    """
    wanted = _trimmed(variant.ref, variant.alt)
    rows = zip(sites["ref"].to_pylist(), sites["alts"].to_pylist(), strict=True)
    return [
        (row, number)
        for row, (ref, alts) in enumerate(rows)
        for number, alt in enumerate(alts, 1)
        if _trimmed(ref, alt) == wanted
    ]


def _trimmed(ref: str, alt: str) -> tuple[str, str]:
    while len(ref) > 1 and len(alt) > 1 and ref[-1] == alt[-1]:
        ref, alt = ref[:-1], alt[:-1]
    return ref, alt

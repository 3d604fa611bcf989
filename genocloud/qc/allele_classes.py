"""What each ALT is in the terms of Hail, of bcftools and of Picard, which differ."""

import re
from dataclasses import dataclass
from enum import IntEnum, IntFlag

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from genocloud import schema

_BASES = re.compile("[ACGTNM]+")
_PURINES, _PYRIMIDINES = frozenset("AG"), frozenset("CT")


class HailKind(IntEnum):
    """The kinds of ALT that Hail's sample_qc counts."""

    TRANSITION = 0
    TRANSVERSION = 1
    INSERTION = 2
    DELETION = 3
    STAR = 4
    OTHER = 5


class BcftoolsType(IntFlag):
    """The types of ALT of htslib's bcf_set_variant_types; one of REF's own bases, or `<*>`, has none."""

    REF = 0
    SNP = 1
    INDEL = 2
    MNP = 4
    OTHER = 8
    OVERLAP = 16


class Exchange(IntEnum):
    """What bcftools stats makes of the first letters of REF and of an ALT that is a SNP."""

    UNKNOWN = 0
    TRANSITION = 1
    TRANSVERSION = 2


class PicardClass(IntEnum):
    """The classes of sites of CollectVariantCallingMetrics: SNPs with one ALT, with several, indels, all else."""

    TRANSITION = 0
    TRANSVERSION = 1
    MULTIALLELIC_SNP = 2
    INSERTION = 3
    DELETION = 4
    COMPLEX_INDEL = 5
    OTHER = 6
    NO_ALT = 7


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteAlleles:
    """The ALTs of some sites, and the sites, by class.

    offsets    (sites + 1,) int64; each site's ALTs among those of all
    hail       (alleles,) HailKind
    bcftools   (alleles,) BcftoolsType
    exchange   (alleles,) Exchange
    bases      (alleles,) int8: 4 * place in ACGT of REF's first letter + that of the ALT's; -1 where one is none
    growth     (alleles,) int64; length of the ALT less that of REF
    picard     (sites,) PicardClass
    filtered   (sites,) bool; FILTER is neither empty nor PASS
    known      (sites,) bool; an ALT is in dbSNP
    """

    offsets: npt.NDArray[np.int64]
    hail: npt.NDArray[np.int8]
    bcftools: npt.NDArray[np.int8]
    exchange: npt.NDArray[np.int8]
    bases: npt.NDArray[np.int8]
    growth: npt.NDArray[np.int64]
    picard: npt.NDArray[np.int8]
    filtered: npt.NDArray[np.bool_]
    known: npt.NDArray[np.bool_]

    @property
    def alts(self) -> npt.NDArray[np.int64]:
        """The number of ALTs of each site."""
        return np.diff(self.offsets)

    @classmethod
    def of(cls, sites: schema.Sites) -> "SiteAlleles":
        """Of a table with SITES' columns ref, alts, filter and DB."""
        alts = sites["alts"].combine_chunks()
        lengths = np.asarray(alts.value_lengths()).astype(np.int64)
        offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
        site = np.repeat(np.arange(len(lengths)), lengths)
        refs = sites["ref"].combine_chunks().take(pa.array(site))
        pairs = pc.binary_join_element_wise(refs, alts.flatten(), "\t").dictionary_encode()
        codes = np.asarray(pairs.indices)
        words = [tuple(pair.split("\t")) for pair in pairs.dictionary.to_pylist()]
        by_pair = [(hail_kind(*word), bcftools_type(*word), exchange(*word), _bases(*word)) for word in words]
        hail, bcftools, exchanges, bases = np.array(by_pair, np.int8).reshape(-1, 4).T
        growth = np.array([len(alt) - len(ref) for ref, alt in words], np.int64)
        single = lengths == 1
        picard = np.where(lengths == 0, PicardClass.NO_ALT, PicardClass.OTHER).astype(np.int8)
        classes = np.array([picard_class(*word) for word in words], np.int8)
        picard[single] = classes[codes[offsets[:-1][single]]]
        picard[lengths > 1] = _of_several(offsets, np.array([_type(*word) for word in words], np.int8)[codes])
        filters = sites["filter"].combine_chunks()
        filtered = pc.fill_null(pc.not_equal(filters, "PASS"), False).to_numpy(zero_copy_only=False)
        known = pc.fill_null(sites["DB"].combine_chunks(), False).to_numpy(zero_copy_only=False)
        return cls(
            offsets=offsets,
            hail=hail[codes],
            bcftools=bcftools[codes],
            exchange=exchanges[codes],
            bases=bases[codes],
            growth=growth[codes],
            picard=picard,
            filtered=filtered,
            known=known,
        )


def hail_kind(ref: str, alt: str) -> HailKind:
    """Hail's allele type: an insertion's or deletion's first base is that of REF, and its end that of the shorter."""
    if alt == "*":
        return HailKind.STAR
    if not _BASES.fullmatch(ref) or not _BASES.fullmatch(alt):
        return HailKind.OTHER
    if len(ref) == len(alt):
        differing = [{one, other} for one, other in zip(ref, alt, strict=True) if one != other]
        if len(differing) != 1:
            return HailKind.OTHER
        is_transition = differing[0] in (_PURINES, _PYRIMIDINES)
        return HailKind.TRANSITION if is_transition else HailKind.TRANSVERSION
    if ref[0] == alt[0] and len(ref) < len(alt) and alt.endswith(ref[1:]):
        return HailKind.INSERTION
    if ref[0] == alt[0] and len(ref) > len(alt) and ref.endswith(alt[1:]):
        return HailKind.DELETION
    return HailKind.OTHER


def bcftools_type(ref: str, alt: str) -> BcftoolsType:
    """The type of an ALT as htslib 1.16 has it: what is left of both without the bases that both begin and end with."""
    if alt in ("*", "<*>", "<X>", "<NON_REF>", "."):
        return BcftoolsType.OVERLAP if alt == "*" else BcftoolsType.REF
    if alt.startswith("<"):
        return BcftoolsType.INDEL if alt[1:4] in ("DEL", "INS") else BcftoolsType.OTHER
    if len(ref) == len(alt) == 1:
        return BcftoolsType.REF if alt.upper() in (ref.upper(), "X") else BcftoolsType.SNP
    first = 0
    while first < min(len(ref), len(alt)) and ref[first].upper() == alt[first].upper():
        first += 1
    one, other = ref[first:], alt[first:]
    if not one or not other:
        return BcftoolsType.INDEL if one or other else BcftoolsType.REF
    while min(len(one), len(other)) > 1 and one[-1].upper() == other[-1].upper():
        one, other = one[:-1], other[:-1]
    if len(one) == len(other) == 1:
        return BcftoolsType.SNP
    if min(len(one), len(other)) == 1:
        return BcftoolsType.INDEL if one[-1].upper() == other[-1].upper() else BcftoolsType.OTHER
    return BcftoolsType.MNP if len(one) == len(other) else BcftoolsType.OTHER


def exchange(ref: str, alt: str) -> Exchange:
    """By the first letters alone, as bcftools stats does; equal ones are a transversion there."""
    one, other = ("ACGT".find(allele[:1].upper()) for allele in (ref, alt))
    if other < 0:
        return Exchange.UNKNOWN
    return Exchange.TRANSITION if abs(one - other) == _TRANSITION_STEP else Exchange.TRANSVERSION


_TRANSITION_STEP = 2
"""Places in ACGT from A to G and from C to T."""


def _bases(ref: str, alt: str) -> int:
    one, other = ("ACGT".find(allele[:1].upper()) for allele in (ref, alt))
    return 4 * one + other if min(one, other) >= 0 else -1


class _Type(IntEnum):
    """The types of an ALT against REF in htsjdk's VariantContext: by length alone."""

    SNP = 0
    MNP = 1
    INDEL = 2
    SYMBOLIC = 3


def _type(ref: str, alt: str) -> _Type:
    if alt.startswith(("<", ".")) or alt.endswith((">", ".")) or "[" in alt or "]" in alt:
        return _Type.SYMBOLIC
    if len(ref) == len(alt):
        return _Type.SNP if len(ref) == 1 else _Type.MNP
    return _Type.INDEL


def picard_class(ref: str, alt: str) -> PicardClass:
    """The class of a site with one ALT."""
    kind = _type(ref, alt)
    if kind == _Type.SNP:
        return PicardClass.TRANSITION if {ref, alt} in (_PURINES, _PYRIMIDINES) else PicardClass.TRANSVERSION
    if kind != _Type.INDEL:
        return PicardClass.OTHER
    if ref[0] != alt[0] or min(len(ref), len(alt)) != 1:
        return PicardClass.COMPLEX_INDEL
    return PicardClass.INSERTION if len(ref) == 1 else PicardClass.DELETION


def _of_several(offsets: npt.NDArray[np.int64], types: npt.NDArray[np.int8]) -> npt.NDArray[np.int8]:
    """The classes of the sites with several ALTs: those of one type are SNPs or indels, none is simple."""
    lengths = np.diff(offsets)
    several = lengths > 1
    if not several.any():
        return np.zeros(0, np.int8)
    kept = np.repeat(several, lengths)
    at = np.concatenate([[0], np.cumsum(lengths[several])[:-1]])
    lowest, highest = np.minimum.reduceat(types[kept], at), np.maximum.reduceat(types[kept], at)
    out = np.full(len(at), PicardClass.OTHER, np.int8)
    out[(lowest == highest) & (lowest == _Type.SNP)] = PicardClass.MULTIALLELIC_SNP
    out[(lowest == highest) & (lowest == _Type.INDEL)] = PicardClass.COMPLEX_INDEL
    return out

"""Resources of known variants, and which of a callset's sites and alleles have their labels."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import pyarrow as pa

from genocloud import schema
from genocloud.errors import InputError, SettingError
from genocloud.filters.vets.features import is_symbolic

TRAINING, CALIBRATION = "training", "calibration"
RESERVED = "snp"
"""GATK's own label of sites that it judges as SNPs."""

Known = tuple[int, str, str, Sequence[str]]
"""A record of a resource: position (1-based), ID, REF, ALTs, in upper case."""


class BadResource(SettingError):
    """A resource's name and labels are not as GATK writes them."""

    def __init__(self, text: str, problem: str) -> None:
        self.text, self.problem = text, problem
        super().__init__(f"resource {text!r}: {problem}; write NAME,training=true,calibration=true")


class NoTrainingLabel(SettingError):
    """No resource says what to train on."""

    def __init__(self, names: Sequence[str]) -> None:
        self.names = tuple(names)
        super().__init__(
            f"no resource ({', '.join(names) or 'none at all'}) has training=true, so that there is nothing to train "
            "on; write NAME,training=true,calibration=true for one of known good variants"
        )


class OtherBases(InputError):
    """A resource has other reference bases at a site than the callset."""

    def __init__(self, url: str, pos: int, theirs: str, ours: str) -> None:
        self.url, self.pos, self.theirs, self.ours = url, pos, theirs, ours
        super().__init__(
            f"{url}: REF at position {pos:,} is {theirs}, where the callset has {ours}; use a resource made for the "
            "callset's reference"
        )


@dataclass(frozen=True, slots=True)
class Resource:
    """A VCF of known variants and the labels that a match gives."""

    name: str
    url: str
    labels: frozenset[str]

    @classmethod
    def parse(cls, text: str, url: str) -> "Resource":
        """Of GATK's `NAME,training=true,calibration=true`; labels that are not true are none. Raises BadResource."""
        name, *tags = text.removeprefix(":").split(",")
        if not name:
            raise BadResource(text, "it has no name")
        pairs = [tag.partition("=") for tag in tags]
        if bad := [key for key, equals, value in pairs if not (key and equals and value)]:
            raise BadResource(text, f"{bad[0]!r} has no value")
        labels = frozenset(key for key, _, value in pairs if value == "true")
        if RESERVED in labels:
            raise BadResource(text, f"the label {RESERVED!r} is GATK's own")
        return cls(name, url, labels)


def label_alleles(sites: schema.Sites, known: Iterable[tuple[Resource, Iterable[Known]]], by_allele: bool) -> pa.Array:
    """Labels of each site's ALTs, with `;` between them; null of those that no resource knows.

    sites      SITES of one contig
    known      resources, each with its records without filters that begin where some sites do

    A record matches a site of its own type (SNP or MNP, or anything else) that begins where it does. By allele it also
    has the ALT, after the shorter REF of the two is extended to the longer one.
    Source: LabeledVariantAnnotationsWalker.isMatchingVariant (GATK 4.6.2.0).
    """
    here = defaultdict(list)
    for resource, records in known:
        for pos, _, ref, alts in records:
            if alts and tuple(alts) != (".",):
                here[pos].append((resource, ref, alts))
    labels: list[list[str | None]] = []
    for pos, ref, alts in zip(*(sites[name].to_pylist() for name in ("pos", "ref", "alts")), strict=True):
        matches = [each for each in here.get(pos, ()) if alts and _are_snps(*each[1:]) == _are_snps(ref, alts)]
        labels.append([_joined(matches, pos, ref, alt if by_allele else None) for alt in alts])
    return pa.array(labels, schema.STRINGS)


def _joined(matches: list[tuple[Resource, str, Sequence[str]]], pos: int, ref: str, alt: str | None) -> str | None:
    """The labels of the matches that have the ALT, where there is one."""
    names = set[str]()
    for resource, their_ref, their_alts in matches:
        if alt is None or (alt != "*" and _has(resource.url, pos, (ref, alt), (their_ref, their_alts))):
            names |= resource.labels
    return ";".join(sorted(names)) or None


def _are_snps(ref: str, alts: Sequence[str]) -> bool:
    """Whether a record's type is SNP or MNP, to htsjdk, where it has ALTs."""
    return all(len(alt) == len(ref) and not is_symbolic(alt) for alt in alts)


def _has(url: str, pos: int, ours: tuple[str, str], theirs: tuple[str, Sequence[str]]) -> bool:
    """Whether a resource's record has our allele. Source: GATKVariantContextUtils.isAlleleInList."""
    (ref, alt), (their_ref, their_alts) = ours, theirs
    if len(ref) == len(their_ref):
        if ref != their_ref:
            raise OtherBases(url, pos, their_ref, ref)
        return alt in their_alts
    if len(ref) < len(their_ref):
        return not is_symbolic(alt) and alt + their_ref[len(ref) :] in their_alts
    return any(alt == other + ref[len(their_ref) :] for other in their_alts if other != "*" and not is_symbolic(other))

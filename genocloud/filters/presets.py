"""Named sets of filters: GATK's hard thresholds, and the site filters of GVS and gnomAD."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from genocloud.errors import SettingError, did_you_mean
from genocloud.filters.expressions import Expression

_NAME = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.+-")
_TAKEN = "PASS", "."


class BadFilter(SettingError):
    """A filter without a name that FILTER can have, or two of one name."""


class UnknownPreset(SettingError):
    """A name of no preset."""

    def __init__(self, name: str) -> None:
        self.name = name
        super().__init__(f"no preset {name}; there are {', '.join(PRESETS)}{did_you_mean(name, PRESETS)}")


@dataclass(frozen=True, slots=True)
class SiteFilter:
    """What FILTER says of an allele, or of a site, of which the expression is true. Raises BadFilter."""

    name: str
    expression: Expression
    description: str = ""

    def __post_init__(self) -> None:
        if not self.name or self.name in _TAKEN or not set(self.name) <= _NAME:
            raise BadFilter(f"filter {self.name!r}: a name has letters, digits and _ . + -, and is not PASS")

    @classmethod
    def parse(cls, text: str) -> "SiteFilter":
        """A filter from `NAME=EXPRESSION`. Raises BadFilter, BadExpression."""
        name, equal, expression = text.partition("=")
        if not equal or not expression.strip():
            raise BadFilter(f"filter {text!r}: write NAME=EXPRESSION, such as LowQD=QD<2")
        return cls(name.strip(), Expression(expression.strip()))

    @property
    def header(self) -> str:
        """The description for a VCF header."""
        return self.description or self.expression.text


def _filters(*pairs: tuple[str, str]) -> tuple[SiteFilter, ...]:
    return tuple(SiteFilter(name, Expression(text)) for name, text in pairs)


_SNP, _INDEL = 'TYPE!="indel" && ', 'TYPE="indel" && '


def _hard(form: str) -> tuple[SiteFilter, ...]:
    """GATK's thresholds; `form` is {} for annotations of sites, AS_{} for those of alleles."""
    qd, fs, sor, mq, mq_rank_sum, read_pos = map(form.format, ("QD", "FS", "SOR", "MQ", "MQRankSum", "ReadPosRankSum"))
    return _filters(
        ("QD2", f"{qd} < 2"),
        ("QUAL30", "QUAL < 30"),
        ("SOR3", f"{_SNP}{sor} > 3"),
        ("FS60", f"{_SNP}{fs} > 60"),
        ("FS200", f"{_INDEL}{fs} > 200"),
        ("MQ40", f"{_SNP}{mq} < 40"),
        ("MQRankSum-12.5", f"{_SNP}{mq_rank_sum} < -12.5"),
        ("ReadPosRankSum-8", f"{_SNP}{read_pos} < -8"),
        ("ReadPosRankSum-20", f"{_INDEL}{read_pos} < -20"),
    )


ADJ = "adj"

PRESETS: Mapping[str, tuple[SiteFilter, ...]] = {
    "hard": _hard("{}"),
    "as-hard": _hard("AS_{}"),
    "gvs": _filters(
        ("NO_HQ_GENOTYPES", "N_HQ = 0"),
        ("ExcessHet", "ExcessHet > 54.69"),
        ("EXCESS_ALLELES", "N_ALT > 100"),
    ),
    "gnomad": _filters(
        ("AC0", "AC_adj = 0"),
        ("InbreedingCoeff", "InbreedingCoeff < -0.3"),
    ),
    "vets": _filters(
        ("high_CALIBRATION_SENSITIVITY_SNP", f"{_SNP}AS_CALIBRATION_SENSITIVITY > 0.997"),
        ("high_CALIBRATION_SENSITIVITY_INDEL", f"{_INDEL}AS_CALIBRATION_SENSITIVITY > 0.99"),
    ),
    ADJ: (),
}
"""Filters by the name of their set.

hard, as-hard  GATK's article on hard filtering, with the annotations of sites, of alleles
gvs            the site filters of the Genomic Variant Store
gnomad         the hard filters of gnomAD v4
vets           the Genomic Variant Store's thresholds for the score of a model
adj            of genotypes, not of sites: see kernels.adj
"""


def chosen_filters(presets: Sequence[str], more: Sequence[SiteFilter]) -> tuple[SiteFilter, ...]:
    """The filters of some presets, then others. Raises UnknownPreset, BadFilter where two have one name."""
    for name in presets:
        if name not in PRESETS:
            raise UnknownPreset(name)
    filters = [*(each for name in presets for each in PRESETS[name]), *more]
    names = [each.name for each in filters]
    for name in names:
        if names.count(name) > 1:
            raise BadFilter(f"filter {name}: it is there twice; give one of them another name")
    return tuple(filters)

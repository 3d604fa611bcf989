"""The rules of a GLnexus run: its presets, and configs in its own YAML."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

from genocloud.errors import SettingError

STORED = frozenset({"MIN_DP", "DP", "AD", "SB", "GQ", "PL", "FILTER"})
"""What of a gVCF's records a cohort keeps that GLnexus can lift into FORMAT."""


@dataclass(frozen=True)
class LiftedField:
    """A FORMAT field that is lifted from the gVCFs' records: its name, the fields that it comes from, in turn.

    `variants_only`: where a sample has variant records that its call came from, only these speak.
    """

    name: str
    sources: tuple[str, ...]
    variants_only: bool = True


_DP, _GQ, _PL = LiftedField("DP", ("MIN_DP", "DP")), LiftedField("GQ", ("GQ",)), LiftedField("PL", ("PL",))
_AD, _SB, _FT = LiftedField("AD", ("AD",), False), LiftedField("SB", ("SB",), False), LiftedField("FT", ("FILTER",))


@dataclass(frozen=True, kw_only=True)
class MergeRules:
    """GLnexus's settings under its own names: of the unifier, then of the genotyper."""

    min_AQ1: int = 0  # noqa: N815
    min_AQ2: int = 0  # noqa: N815
    min_GQ: int = 0  # noqa: N815
    min_allele_copy_number: int = 1
    max_alleles_per_site: int = 0
    monoallelic_sites_for_lost_alleles: bool = False
    drop_filtered: bool = False
    preference: str = "common"
    required_dp: int = 0
    revise_genotypes: bool = False
    min_assumed_allele_frequency: float = 0.0001
    snv_prior_calibration: float = 1.0
    indel_prior_calibration: float = 1.0
    allow_partial_data: bool = False
    allele_dp_format: str = "AD"
    ref_dp_format: str = "MIN_DP"
    more_PL: bool = False  # noqa: N815
    squeeze: bool = False
    trim_uncalled_alleles: bool = False
    top_two_half_calls: bool = False
    liftover_fields: tuple[LiftedField, ...] = (_DP, _AD, _GQ, _PL)

    @property
    def lacking(self) -> list[str]:
        """Fields that these rules read and that a cohort does not keep."""
        read = {source for lifted in self.liftover_fields for source in lifted.sources[:1]}
        return sorted((read | {self.allele_dp_format, self.ref_dp_format}) - STORED)


_GATK = MergeRules(
    min_AQ1=70,
    min_AQ2=40,
    min_GQ=40,
    monoallelic_sites_for_lost_alleles=True,
    max_alleles_per_site=32,
    required_dp=1,
    revise_genotypes=True,
    liftover_fields=(_DP, _AD, _SB, _GQ, _PL),
)
_WGS = MergeRules(
    min_AQ1=10,
    min_AQ2=10,
    monoallelic_sites_for_lost_alleles=True,
    max_alleles_per_site=32,
    revise_genotypes=True,
    snv_prior_calibration=0.6,
    indel_prior_calibration=0.45,
    allow_partial_data=True,
    more_PL=True,
    trim_uncalled_alleles=True,
)
_WES = replace(_WGS, min_AQ1=35, min_AQ2=20, min_GQ=20, snv_prior_calibration=0.375, indel_prior_calibration=0.375)
_XATLAS = MergeRules(
    min_AQ1=10,
    min_AQ2=3,
    monoallelic_sites_for_lost_alleles=True,
    max_alleles_per_site=150,
    required_dp=1,
    allow_partial_data=True,
    revise_genotypes=True,
    ref_dp_format="RR",
    allele_dp_format="VR",
    liftover_fields=(
        LiftedField("DP", ("DP",), False),
        LiftedField("RR", ("RR",), False),
        LiftedField("VR", ("VR",)),
        _GQ,
        _PL,
        LiftedField("P", ("P",)),
        _FT,
    ),
)
_WECALL = MergeRules(
    min_AQ1=30,
    min_AQ2=30,
    min_GQ=30,
    monoallelic_sites_for_lost_alleles=True,
    max_alleles_per_site=32,
    required_dp=1,
    revise_genotypes=True,
    liftover_fields=(_DP, _AD, LiftedField("SBPV", ("SBPV",)), _GQ, _PL, _FT),
)


def _unfiltered(rules: MergeRules) -> MergeRules:
    return replace(rules, min_AQ1=0, min_AQ2=0, min_GQ=0, revise_genotypes=False)


PRESETS: Mapping[str, MergeRules] = {
    "DeepVariant": _WGS,
    "DeepVariantWGS": _WGS,
    "DeepVariantWES": _WES,
    "DeepVariantWES_MED_DP": replace(
        _WES, ref_dp_format="MED_DP", liftover_fields=(LiftedField("DP", ("MED_DP", "DP")), _AD, _GQ, _PL)
    ),
    "DeepVariant_unfiltered": replace(_unfiltered(_WGS), snv_prior_calibration=1.0, indel_prior_calibration=1.0),
    "gatk": _GATK,
    "gatk_unfiltered": replace(_unfiltered(_GATK), max_alleles_per_site=0),
    "xAtlas": _XATLAS,
    "xAtlas_unfiltered": replace(_unfiltered(_XATLAS), max_alleles_per_site=0),
    "weCall": _WECALL,
    "weCall_unfiltered": _unfiltered(_WECALL),
    "Strelka2": MergeRules(
        monoallelic_sites_for_lost_alleles=True,
        liftover_fields=(
            _DP,
            replace(_AD, variants_only=True),
            LiftedField("GQX", ("GQ as Float",)),
            _FT,
        ),
    ),
}
"""The presets of GLnexus 1.4.5, but for the experimental GxS, which merges imputed genotypes."""


class UnknownRules(SettingError):
    """A preset that GLnexus does not have."""

    def __init__(self, name: str) -> None:
        self.name = name
        super().__init__(
            f"preset {name}: unknown; choose from {', '.join(PRESETS)}, or name a YAML file (.yml, .yaml) with "
            "unifier_config and genotyper_config"
        )


class FieldNotStored(SettingError):
    """Rules that read fields of gVCFs which a cohort does not keep."""

    def __init__(self, name: str, lacking: list[str]) -> None:
        self.name, self.lacking = name, lacking
        super().__init__(
            f"preset {name}: it reads {', '.join(lacking)} of the gVCFs, which a cohort does not keep; choose a preset "
            "or a config without"
        )


class BadRules(SettingError):
    """A config that is not in GLnexus's syntax, or asks for what is not done here."""

    def __init__(self, source: str, problem: str) -> None:
        self.source, self.problem = source, problem
        super().__init__(f"{source}: {problem}")


def preset(name: str) -> MergeRules:
    """The rules of a preset. Raises UnknownRules, FieldNotStored."""
    if name not in PRESETS:
        raise UnknownRules(name)
    return _stored(name, PRESETS[name])


def from_config(source: str, config: Any) -> MergeRules:
    """The rules of a parsed config in GLnexus's syntax. Raises BadRules, FieldNotStored."""
    if not isinstance(config, dict):
        raise BadRules(source, "it is not a map; write unifier_config: and genotyper_config:")
    sections = {name: config.get(name) or {} for name in ("unifier_config", "genotyper_config")}
    if strange := sorted(set(config) - {*sections, "description"}):
        raise BadRules(source, f"{strange[0]}: unknown; a config has unifier_config and genotyper_config")
    values: dict[str, Any] = {}
    for section, entries in sections.items():
        if not isinstance(entries, dict):
            raise BadRules(source, f"{section}: it is not a map of settings")
        for name, value in entries.items():
            if name not in ("output_format", "output_residuals"):
                values[name] = _value(source, f"{section}.{name}", name, value)
    return _stored(source, MergeRules(**values))


_TYPES = {each.name: each.type for each in fields(MergeRules)}


def _value(source: str, place: str, name: str, value: Any) -> Any:
    if name not in _TYPES:
        raise BadRules(source, f"{place}: unknown; the settings are {', '.join(_TYPES)}")
    if name == "liftover_fields":
        return tuple(_lifted(source, each) for each in value or ())
    kind = type(getattr(MergeRules(), name))
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if not (isinstance(value, kind) if kind in (bool, str) else number and kind(value) == value and value >= 0):
        raise BadRules(source, f"{place}: {value!r} is no {kind.__name__}")
    if name == "preference" and value not in ("common", "small"):
        raise BadRules(source, f"{place}: {value!r}; write common or small")
    if name == "squeeze" and value:
        raise BadRules(source, f"{place}: squeezed output is not made here; leave it out")
    return kind(value)


_COMBINED = {"DP": "min", "AD": "min", "SB": "missing", "GQ": "min", "PL": "missing", "FT": "semicolon"}


def _lifted(source: str, entry: Any) -> LiftedField:
    if not isinstance(entry, dict) or not isinstance(entry.get("orig_names"), list) or "name" not in entry:
        raise BadRules(source, "liftover_fields: each entry has orig_names, a list, and name")
    name = entry["name"]
    if name not in _COMBINED:
        raise BadRules(source, f"liftover_fields: {name}: not made here; there are {', '.join(_COMBINED)}")
    if entry.get("combi_method", _COMBINED[name]) != _COMBINED[name]:
        raise BadRules(source, f"liftover_fields: {name}: combi_method can only be {_COMBINED[name]} here")
    return LiftedField(name, tuple(entry["orig_names"]), bool(entry.get("ignore_non_variants", False)))


def _stored(name: str, rules: MergeRules) -> MergeRules:
    if rules.lacking:
        raise FieldNotStored(name, rules.lacking)
    return rules


_UNIFIER = 8
"""Settings of the unifier, which come first among the fields."""


def config_text(rules: MergeRules) -> str:
    """The settings in one line of YAML, as GLnexus's header has them, but for the fields' descriptions."""
    values = {each.name: getattr(rules, each.name) for each in fields(rules)}
    values["liftover_fields"] = [
        {"orig_names": list(each.sources), "name": each.name, "ignore_non_variants": each.variants_only}
        for each in rules.liftover_fields
    ]
    items = list(values.items())
    sections = {"unifier_config": dict(items[:_UNIFIER]), "genotyper_config": dict(items[_UNIFIER:])}
    return json.dumps(sections).replace('"', "")

"""The settings of a model, under GATK's names, and the rules in which models differ."""

from dataclasses import asdict, dataclass
from typing import Any

from genocloud.errors import SettingError

STANDARD, ALLELE_SPECIFIC = "StandardAnnotation", "AS_StandardAnnotation"
"""Groups of annotations; the first is always computed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """What a model does at the steps of the flow, each rule under its name; the defaults are GATK's.

    by_carriers    an ALT is judged by its surest carrier (AQ), not by how likely nobody in the cohort carries it
    emitted_from   least QUAL, phred, of an ALT and of a site; sites below are dropped. None: stand_call_conf
    marked_below   sites of a lower QUAL have FILTER LowQual. None: stand_call_conf
    alts_by_bases  ALTs stand in the order of their bases, `*` last; else in that of the people who have them
    own_no_calls   a no-call of the gVCF, and hom-ref without a read, stay no-calls, whatever their PL
    own_gq         GQ is never above that of the record, which its caller has calibrated
    own_deletions  a record under a deletion that its sample has on one haplotype speaks for the other alone
    copies_by_sex  a diploid record of X, Y or MT speaks for one haplotype, or for none, as its sample's sex says
    filler_pl      what records have as PL of any genotype with `<*>`, where their caller knows none: it is missing
    """

    by_carriers: bool = False
    emitted_from: float | None = None
    marked_below: float | None = None
    alts_by_bases: bool = False
    own_no_calls: bool = False
    own_gq: bool = False
    own_deletions: bool = False
    copies_by_sex: bool = False
    filler_pl: int | None = None


RULES = {
    "gatk": Rules(),
    "deepvariant": Rules(
        by_carriers=True,
        emitted_from=0.0,
        marked_below=10.0,
        alts_by_bases=True,
        own_no_calls=True,
        own_gq=True,
        own_deletions=True,
        copies_by_sex=True,
        filler_pl=990,
    ),
}
"""The rules of each model, by its name. 10 is the least AQ of GLnexus's preset DeepVariantWGS; 990 the largest PL that
DeepVariant writes, which it puts at all genotypes with `<*>`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """The model's name, one of RULES, and options of GenotypeGVCFs; the defaults are those of GATK 4.6.2.0.

    `dbsnp` is the fingerprint of the known variants whose IDs sites get, empty for none. `par` are the texts of X's
    pseudo-autosomal regions, such as chrX:10001-2781479, for models that read records by sex (`copies_by_sex`); none:
    known by X's length. `gq_calibration` is a map of GQ as measured on truth (gq_calibration.map_text), empty for none.
    """

    name: str = "gatk"
    heterozygosity: float = 0.001
    indel_heterozygosity: float = 0.000125
    heterozygosity_stdev: float = 0.01
    stand_call_conf: float = 30.0
    max_alternate_alleles: int = 6
    annotation_groups: tuple[str, ...] = (STANDARD,)
    annotate_with_num_discovered_alleles: bool = False
    allow_old_rms_mapping_quality_annotation_data: bool = False
    dbsnp: str = ""
    par: tuple[str, ...] = ()
    gq_calibration: str = ""

    def __post_init__(self) -> None:
        """Raise SettingError for values out of range."""
        shares = self.heterozygosity, self.indel_heterozygosity
        if not all(0 < share < 1 for share in shares) or not self.heterozygosity_stdev > 0:
            raise SettingError("heterozygosities lie between 0 and 1, their standard deviation above 0; correct them")
        if not self.stand_call_conf >= 0 or self.max_alternate_alleles < 1:
            raise SettingError("stand-call-conf is 0 or more, max-alternate-alleles 1 or more; correct them")
        if strange := sorted(set(self.annotation_groups) - {STANDARD, ALLELE_SPECIFIC}):
            raise SettingError(f"annotation-group {strange[0]}: known are {STANDARD} and {ALLELE_SPECIFIC}; choose one")

    @property
    def settings(self) -> dict[str, Any]:
        """What a callset's manifest says of it."""
        return asdict(self)

    @property
    def fields(self) -> None:
        """None: records have the fields of any callset, where MergeModel declares its own."""
        return

    @property
    def rules(self) -> Rules:
        """What it does at the steps of the flow."""
        return RULES[self.name]

    @property
    def emitted_from(self) -> float:
        """Least QUAL of an ALT and of a site, phred."""
        least = self.rules.emitted_from
        return self.stand_call_conf if least is None else least

    @property
    def marked_below(self) -> float:
        """QUAL below which an emitted site is LowQual, phred."""
        least = self.rules.marked_below
        return self.stand_call_conf if least is None else least

    @property
    def allele_specific(self) -> bool:
        """Whether the annotations by allele (`AS_`) are enabled."""
        return ALLELE_SPECIFIC in self.annotation_groups

    @property
    def ref_pseudocount(self) -> float:
        """Dirichlet weight of REF (GenotypingEngine: heterozygosity / stdev^2)."""
        return self.heterozygosity / self.heterozygosity_stdev**2

    @property
    def snp_pseudocount(self) -> float:
        """Dirichlet weight of an ALT as long as REF."""
        return self.heterozygosity * self.ref_pseudocount

    @property
    def indel_pseudocount(self) -> float:
        """Dirichlet weight of any other ALT."""
        return self.indel_heterozygosity * self.ref_pseudocount

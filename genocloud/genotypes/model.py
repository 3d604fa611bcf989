"""The settings of GATK's model, under GATK's names."""

from dataclasses import dataclass

from genocloud.errors import SettingError

STANDARD, ALLELE_SPECIFIC = "StandardAnnotation", "AS_StandardAnnotation"
"""Groups of annotations; the first is always computed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """Options of GenotypeGVCFs; the defaults are those of GATK 4.6.2.0.

    `dbsnp` is the fingerprint of the known variants whose IDs sites get, empty for none.
    """

    heterozygosity: float = 0.001
    indel_heterozygosity: float = 0.000125
    heterozygosity_stdev: float = 0.01
    stand_call_conf: float = 30.0
    max_alternate_alleles: int = 6
    annotation_groups: tuple[str, ...] = (STANDARD,)
    annotate_with_num_discovered_alleles: bool = False
    allow_old_rms_mapping_quality_annotation_data: bool = False
    dbsnp: str = ""

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

"""The settings of GATK's model, under GATK's names."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Model:
    """What GenotypeGVCFs is told; the defaults are those of GATK 4.6.2.0."""

    heterozygosity: float = 0.001
    indel_heterozygosity: float = 0.000125
    heterozygosity_stdev: float = 0.01
    stand_call_conf: float = 30.0
    max_alternate_alleles: int = 6

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

"""Joint genotyping after GATK's model: cohort estimates, then each sample's genotypes, then annotations."""

from genocloud.genotypes.annotation import annotate, keep
from genocloud.genotypes.calling import Shares, call
from genocloud.genotypes.estimation import estimate
from genocloud.genotypes.model import Model
from genocloud.genotypes.settling import settle
from genocloud.genotypes.summaries import Summary, merge, summarise

__all__ = ["Model", "Shares", "Summary", "annotate", "call", "estimate", "keep", "merge", "settle", "summarise"]

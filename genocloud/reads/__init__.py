"""Reads (BAM, CRAM) become one sample's gVCF, with the bcftools that ships inside pysam."""

from genocloud.reads.calling import Called, call
from genocloud.reads.ploidy import Sex, SexContigs

__all__ = ["Called", "Sex", "SexContigs", "call"]

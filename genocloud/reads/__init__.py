"""Reads (BAM, CRAM) become one sample's gVCF, with the bcftools that ships inside pysam."""

from genocloud.reads.calling import Called, Unwritable, call
from genocloud.reads.ploidy import NoPar, Sex, SexContigs

__all__ = ["Called", "NoPar", "Sex", "SexContigs", "Unwritable", "call"]

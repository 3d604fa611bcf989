"""Reads (BAM, CRAM) become one sample's gVCF, with the bcftools that ships inside pysam."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)

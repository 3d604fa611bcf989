"""Call one sample's gVCF from reads (BAM, CRAM) with pysam's bcftools."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)

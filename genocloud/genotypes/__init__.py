"""Joint genotyping after GATK's model: cohort estimates, then each sample's genotypes, then annotations."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)

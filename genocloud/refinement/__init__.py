"""Posterior genotypes from likelihoods, allele counts and pedigrees, as GATK's CalculateGenotypePosteriors has them."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)

"""Genotype shards of a stored cohort: row and batch caches, reuse of earlier genotypes, shards as VCF."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)

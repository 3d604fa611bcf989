"""The callset: sites and genotypes as Parquet under one URL; written whole, read by region, exported to VCF."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)

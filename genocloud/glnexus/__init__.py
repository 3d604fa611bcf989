"""Joint genotyping after GLnexus's model: alleles unified by quality and copies, calls translated."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)

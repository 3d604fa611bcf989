"""Which sites and alleles to trust: hard thresholds, and models trained on sites that are known."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)

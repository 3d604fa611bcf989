"""What is known of samples, from their gVCFs alone and from a callset, and which of them fail a check."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)

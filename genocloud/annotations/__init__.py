"""Annotations of sites: for each its INFO columns, its raw data, which add up over samples, and its values."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)

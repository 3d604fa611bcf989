"""The verbs: each step reads artifacts to its left, writes one, and returns its receipt."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)

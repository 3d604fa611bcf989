"""Bytes under URLs: named objects in a folder, in a bucket or in memory, whole or not at all."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)

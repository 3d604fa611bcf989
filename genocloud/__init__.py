"""Joint genotyping at any scale: gVCFs become one callset."""

import lazy_loader

# Here and in every room: what a room offers stands in its __init__.pyi, and is loaded when it is first used.
__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)

"""The places that hold a run's data and workers: what each is, what may leave it, and what did."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)

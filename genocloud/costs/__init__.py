"""What a run costs: rates of a machine, price tables, estimates, and synthetic cohorts to measure by."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)

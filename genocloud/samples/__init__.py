"""Who is in the cohort: the sample sheet, and what must be true of the files it names."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)

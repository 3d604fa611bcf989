"""The cohort store: batches of samples as Parquet, and the manifest whose versions say which of them count."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)

"""One module per command: reads artifacts, calls the pipeline, writes one artifact, returns the receipt."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)

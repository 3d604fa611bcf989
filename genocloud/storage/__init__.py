"""Object stores by URL: a local folder, memory, S3, Google Cloud Storage, Azure; writes are atomic."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)

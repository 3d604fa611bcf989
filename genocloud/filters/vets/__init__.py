"""GATK's VETS: an isolation forest of annotations, trained on sites that resources know."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)

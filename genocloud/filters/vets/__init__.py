"""GATK's VETS: an isolation forest of annotations, trained on sites that resources know.

Each shard's SITES give `label_alleles` (called by pipeline.filtering.known_alleles) and `labelled_rows`;
`train` makes a TrainedModel of all shards' rows in the genome's order, `score` judges a shard's SITES by it, and
`best_alleles` says which ALT GATK writes for a site. Names of annotations go through `annotation_names` first. A FILTER
other than PASS keeps a site out of all: filters that go before the model belong into the column `filter`.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)

"""Which alleles occur where: observed in each batch, unified over batches."""

from genocloud.sites.merging import unify
from genocloud.sites.observations import observe

__all__ = ["observe", "unify"]

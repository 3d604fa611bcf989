from .discovered_alleles import copy_alleles as copy_alleles
from .known_names import known_variants as known_variants

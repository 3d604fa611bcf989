from .gq_tables import gq_map as gq_map
from .known_names import known_variants as known_variants

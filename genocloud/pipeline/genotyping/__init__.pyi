from .known_names import known_variants as known_variants

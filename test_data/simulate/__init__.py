"""A small human-like genome, its people and their reads, all from one seed."""

"""Filters of a callset, shard by shard: what is read for them, and what is written."""

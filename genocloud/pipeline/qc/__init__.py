"""Quality control of a callset's samples, shard by shard."""

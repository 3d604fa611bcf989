"""How many examples a property is tried on: a quarter of them in `make test`, all in `make test-all`."""

import os

from hypothesis import settings


def examples(number: int) -> settings:
    """Settings of a property that `make test-all` tries on `number` examples."""
    every = bool(os.environ.get("GENOCLOUD_ALL_EXAMPLES"))
    return settings(max_examples=number if every else -(-number // 4))

"""Load YAML (config, policies, prices) with a limit on its size after aliases are expanded."""

from typing import Any

import yaml

MOST_VALUES = 100_000
"""Values in a file after aliases are expanded: a config of a thousand sites has some ten thousand. Nine short lines of
nested aliases can expand beyond any memory."""


def load_yaml(text: str | bytes) -> Any:
    """Parse a text safely. Raises yaml.YAMLError, also for too many or too deeply nested values."""
    try:
        _size(yaml.compose(text, yaml.SafeLoader), {})
        return yaml.safe_load(text)
    except RecursionError:
        raise yaml.YAMLError("values are nested too deeply") from None


def _size(node: Any, sizes: dict[int, int]) -> int:
    """Number of values in a node with aliases expanded; `sizes` caches the nodes visited."""
    if id(node) not in sizes:
        sizes[id(node)] = MOST_VALUES  # of a node that holds itself
        inside = node.value if isinstance(node, yaml.CollectionNode) else []
        members = [each for pair in inside for each in (pair if isinstance(pair, tuple) else (pair,))]
        sizes[id(node)] = 1 + sum(_size(each, sizes) for each in members)
    if sizes[id(node)] > MOST_VALUES:
        raise yaml.YAMLError(f"its aliases stand for more than {MOST_VALUES:,} values")
    return sizes[id(node)]

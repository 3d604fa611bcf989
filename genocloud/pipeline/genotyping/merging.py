"""Merge parts in their order, few of them in memory at a time."""

from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar

Mergeable = TypeVar("Mergeable")

AT_ONCE = 8
"""Batches' likelihood counts or raw annotations that are merged at a time."""


def merged_in_order(parts: Iterable[Mergeable], merge: Callable[[Sequence[Mergeable]], Mergeable]) -> Mergeable:
    """Merge parts in their order, AT_ONCE at a time, then AT_ONCE of the results, and so on.

    So a part is merged again and again as often as the logarithm of their number, and few are in memory.
    """
    held: list[tuple[int, Mergeable]] = []
    for part in parts:
        held.append((0, part))
        while len(held) >= AT_ONCE and held[-AT_ONCE][0] == (level := held[-1][0]):
            held[-AT_ONCE:] = [(level + 1, merge([each for _, each in held[-AT_ONCE:]]))]
    return merge([each for _, each in held])

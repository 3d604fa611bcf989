"""Parts are merged in their order, a few at a time; sites are split evenly over threads."""

from collections.abc import Iterator, Sequence

import pytest

from genocloud.pipeline.genotyping import shard_estimates
from genocloud.pipeline.genotyping.merging import AT_ONCE, merged_in_order


def merged(count: int) -> tuple[list[int], list[int], int]:
    """The merged parts 0 to count, how often each was merged, and how many were in memory at once."""
    times, alive, most = [0] * count, 0, 0

    def parts() -> Iterator[list[int]]:
        nonlocal alive, most
        for number in range(count):
            alive += 1
            most = max(most, alive)
            yield [number]

    def merge(some: Sequence[list[int]]) -> list[int]:
        nonlocal alive
        alive -= len(some) - 1
        whole = [number for each in some for number in each]
        for number in whole:
            times[number] += 1
        return whole

    return merged_in_order(parts(), merge), times, most


@pytest.mark.parametrize("count", [0, 1, AT_ONCE - 1, AT_ONCE, AT_ONCE + 1, AT_ONCE**2, AT_ONCE**2 + 1, 300])
def test_parts_keep_their_order(count: int) -> None:
    assert merged(count)[0] == list(range(count))


@pytest.mark.parametrize(("power", "count"), [(1, AT_ONCE), (2, AT_ONCE**2), (3, AT_ONCE**3)])
def test_a_part_is_merged_once_for_each_power_of_their_number_and_few_are_in_memory(power: int, count: int) -> None:
    """And at last once more, all that is left."""
    _, times, most = merged(count)
    assert set(times) == {power + 1}
    assert most == 1 + power * (AT_ONCE - 1)


@pytest.mark.parametrize(
    ("sites", "threads", "split"),
    [
        (0, 2, [(0, 0)]),
        (1, 4, [(0, 1)]),
        (4, 4, [(0, 1), (1, 1), (2, 1), (3, 1)]),
        (10, 3, [(0, 4), (4, 4), (8, 2)]),
        (9, 1, [(0, 9)]),
    ],
)
def test_sites_are_split_evenly(sites: int, threads: int, split: list[tuple[int, int]]) -> None:
    assert shard_estimates._stretches(range(sites), threads) == split

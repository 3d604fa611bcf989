"""Whether differences of sums over several sets of people reveal values of few of them."""

from collections import Counter, defaultdict
from collections.abc import Hashable, Sequence

import numpy as np
import numpy.typing as npt

People = frozenset[Hashable]

FEW = "of fewer than {minimum:,} people"
NEAR = "of people who differ by fewer than {minimum:,} from those of an earlier answer"
COMBINED = "from which, with several earlier answers, what fewer than {minimum:,} people add could be worked out"


def problem_of(sets: Sequence[People], earlier: Sequence[People], minimum: int) -> str | None:
    """Why sums over some sets of people must not leave after those over earlier ones; None if they may.

    A set differs from an earlier one, or from another of these, by those who came and by those who went: either are
    none, or enough of them. The same holds of sums of several sets: see `hides_few`, and `excess` where that shows
    nothing, as after an exception that the owner signed.
    """
    answered = list(earlier)
    for people in sets:
        if len(people) < minimum:
            return FEW.format(minimum=minimum)
        if people not in answered:
            if any(0 < apart < minimum for other in answered for apart in _apart(people, other)):
                return NEAR.format(minimum=minimum)
            answered.append(people)
    if len(answered) == len(earlier) or hides_few(answered, minimum):
        return None
    return COMBINED.format(minimum=minimum) if excess(answered, minimum) > excess(earlier, minimum) else None


def _apart(people: People, other: People) -> tuple[int, int]:
    """How many are in one set only, for either."""
    shared = len(people & other)
    return len(people) - shared, len(other) - shared


_PRIME = 2**31 - 1
"""Rows that are independent by it are independent; products of two numbers below it fit into 64 bits."""


def hides_few(sets: Sequence[People], minimum: int) -> bool:
    """Whether each combination of sums over sets of people is of `minimum` people or more; if not shown, False.

    Shown by so many bases: people, others in each, whose memberships in the sets span those of everybody. Of a
    combination of fewer people some base has none, so that it is nothing on this base, and so on everybody.
    """
    left = _groups(sets)
    dimensions = rank(list(left))
    for _ in range(minimum):
        base = _base([group for group, _ in left.most_common()], dimensions)
        if len(base) < dimensions:
            return False
        left -= Counter(base)  # who is used up goes
    return True


def _base(rows: Sequence[tuple[int, ...]], dimensions: int) -> list[tuple[int, ...]]:
    """Rows that are independent of those before them, until there are as many as dimensions."""
    chosen, reduced = list[tuple[int, ...]](), dict[int, npt.NDArray[np.int64]]()
    for row in rows:
        if len(chosen) == dimensions:
            break
        rest = np.array(row, np.int64)
        for pivot, other in reduced.items():
            rest = (rest - rest[pivot] * other) % _PRIME
        if rest.any():
            pivot = int(np.flatnonzero(rest)[0])
            reduced[pivot] = rest * pow(int(rest[pivot]), -1, _PRIME) % _PRIME
            chosen.append(row)
    return chosen


def excess(sets: Sequence[People], minimum: int) -> int:
    """How many independent combinations of sums over sets of people are of people in small groups only.

    People who are in the same sets are a group; sums tell of a group as a whole. A combination (each set's sums times a
    number, added up) that no group of `minimum` people or more is left in tells of small groups alone. Those that tell
    anything are as many as the rank of the sets by all groups is above that by the large ones.
    """
    groups = _groups(sets)
    large = [group for group, size in groups.items() if size >= minimum]
    return rank(list(groups)) - rank(large)


def _groups(sets: Sequence[People]) -> Counter[tuple[int, ...]]:
    """Of each group of people who are in the same sets, which sets these are, and how many people."""
    members: defaultdict[Hashable, int] = defaultdict(int)
    for number, people in enumerate(sets):
        for person in people:
            members[person] |= 1 << number
    bits = range(len(sets))
    return Counter({tuple(mask >> bit & 1 for bit in bits): size for mask, size in Counter(members.values()).items()})


def rank(rows: Sequence[tuple[int, ...]]) -> int:
    """The rank of a matrix of integers, exactly: by Bareiss's elimination, whose divisions leave no rest."""
    left = np.array(rows, object)
    pivots, before = 0, 1
    for column in range(len(rows[0]) if rows else 0):
        place = next((place for place in range(pivots, len(left)) if left[place, column]), None)
        if place is None:
            continue
        left[[pivots, place]] = left[[place, pivots]]
        pivot, below = left[pivots], left[pivots + 1 :]
        left[pivots + 1 :] = (below * pivot[column] - np.outer(below[:, column], pivot)) // before
        pivots, before = pivots + 1, pivot[column]
    return pivots

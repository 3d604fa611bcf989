"""Whether differences of sums over several sets of people reveal values of few of them."""

from collections import Counter
from collections.abc import Sequence
from fractions import Fraction

People = frozenset[int]

FEW = "of fewer than {minimum:,} people"
NEAR = "of people who differ by fewer than {minimum:,} from those of an earlier answer"
COMBINED = "from which, with several earlier answers, what fewer than {minimum:,} people add could be worked out"


def problem_of(people: People, earlier: Sequence[People], minimum: int) -> str | None:
    """Why sums over some people must not leave after those over earlier sets; None if they may.

    A set differs from an earlier one by those who came and by those who went: either are none, or enough of them. The
    same holds of sums of several sets: see `excess`.
    """
    if len(people) < minimum:
        return FEW.format(minimum=minimum)
    if people in earlier:
        return None
    if any(0 < len(part) < minimum for other in earlier for part in (people - other, other - people)):
        return NEAR.format(minimum=minimum)
    if excess([*earlier, people], minimum) > excess(earlier, minimum):
        return COMBINED.format(minimum=minimum)
    return None


def excess(sets: Sequence[People], minimum: int) -> int:
    """How many independent combinations of sums over sets of people are of people in small groups only.

    People who are in the same sets are a group; sums tell of a group as a whole. A combination (each set's sums times a
    number, added up) that no group of `minimum` people or more is left in tells of small groups alone. Those that tell
    anything are as many as the rank of the sets by all groups is above that by the large ones.
    """
    groups = Counter(_groups(sets))
    large = [group for group, size in groups.items() if size >= minimum]
    return rank(list(groups)) - rank(large)


def _groups(sets: Sequence[People]) -> list[tuple[int, ...]]:
    """Of each person, which sets they are in."""
    return [tuple(int(person in each) for each in sets) for person in frozenset().union(*sets)]


def rank(rows: Sequence[tuple[int, ...]]) -> int:
    """The rank of a matrix of integers, exactly."""
    left = [[Fraction(value) for value in row] for row in rows]
    pivots = 0
    for column in range(len(rows[0]) if rows else 0):
        place = next((place for place in range(pivots, len(left)) if left[place][column]), None)
        if place is None:
            continue
        left[pivots], left[place] = left[place], left[pivots]
        pivot = left[pivots]
        for other in range(pivots + 1, len(left)):
            if factor := left[other][column]:
                factor /= pivot[column]
                left[other] = [a - factor * b for a, b in zip(left[other], pivot, strict=True)]
        pivots += 1
    return pivots

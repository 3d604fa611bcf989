"""The twin of genocloud.filters.repeats: unit by unit and base by base."""

from genocloud.filters.repeats import LONGEST_UNIT, MOST_BP


def slow_length(bases: str, start: int) -> int:
    """The longest repeat that begins at a base."""
    here = bases[start : start + MOST_BP + LONGEST_UNIT].upper()
    longest = int(bool(here) and here[0] in "ACGT")
    for unit in range(1, LONGEST_UNIT + 1):
        length = unit
        while length < len(here) and here[length] in "ACGT" and here[length] == here[length - unit]:
            length += 1
        if length >= 2 * unit and here:
            longest = max(longest, min(length, MOST_BP))
    return longest

"""Tandem repeats behind POS: by arrays, against a twin that compares base by base."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from genocloud.filters.repeats import MOST_BP, repeat_lengths
from tests.support.slow_repeats import slow_length


def lengths(bases: str, starts: list[int]) -> list[int]:
    return repeat_lengths(np.frombuffer(bases.encode(), np.uint8), np.array(starts, np.int64)).tolist()


@pytest.mark.parametrize(
    ("bases", "length"),
    [
        ("", 0),
        ("ACGT", 1),
        ("AACGT", 2),
        ("AAAAAT", 5),
        ("aaAAat", 5),
        ("CACACAC", 7),
        ("CACAT", 4),
        ("CACGT", 1),
        ("GATAGATAGATC", 11),
        ("GATTACGATTACG", 13),
        ("GATTACAGATTACA", 1),
        ("NNNNN", 0),
        ("AANAA", 2),
        ("A" * 300, MOST_BP),
        ("AC" * 300, MOST_BP),
    ],
    ids=lambda value: str(value)[:16],
)
def test_the_longest_repeat_counts(bases, length):
    """Seven bases are no unit; letters of masked bases count as the others; an N ends a repeat."""
    assert lengths(bases, [0]) == [length] == [slow_length(bases, 0)]


@given(st.text("ACGTNac", max_size=300), st.sampled_from(["", "A" * 70, "CAG" * 40, "GATTA" * 8]), st.data())
def test_as_the_slow_twin_has_them(around, repeat, data):
    place = data.draw(st.integers(0, len(around)))
    bases = around[:place] + repeat + around[place:]
    starts = data.draw(st.lists(st.integers(0, len(bases) + 2), max_size=40))
    assert lengths(bases, starts) == [slow_length(bases, start) for start in starts]


def test_sites_in_several_rounds_are_as_in_one(monkeypatch):
    bases = "".join(np.random.default_rng(1).choice(list("AC"), 500))
    whole = lengths(bases, list(range(500)))
    monkeypatch.setattr("genocloud.filters.repeats.SITES_AT_ONCE", 7)
    assert lengths(bases, list(range(500))) == whole

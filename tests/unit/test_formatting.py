"""Words: durations, sizes and shares as people read them."""

import pytest

from genocloud.formatting import (
    alternatives,
    clock_text,
    percent_text,
    ratio_text,
    seconds_text,
    short_count,
    size_text,
)


@pytest.mark.parametrize(
    ("seconds", "words", "clock_words"),
    [
        (0.0, "0.0 s", "0:00"),
        (9.97, "10 s", "0:10"),
        (59.6, "1 min 0 s", "1:00"),
        (123, "2 min 3 s", "2:03"),
        (3600, "1 h 0 min", "1:00:00"),
        (100 * 3600, "4 d 4 h", "100:00:00"),
    ],
)
def test_durations(seconds: float, words: str, clock_words: str) -> None:
    assert seconds_text(seconds) == words
    assert clock_text(seconds) == clock_words


@pytest.mark.parametrize(
    ("size", "words"),
    [(0, "0 bytes"), (999, "999 bytes"), (30_000, "30.0 kB"), (1.5e9, "1.5 GB"), (2e16, "20,000.0 TB")],
)
def test_sizes(size: float, words: str) -> None:
    assert size_text(size) == words


@pytest.mark.parametrize(
    ("number", "words"), [(0, "0"), (999, "999"), (12_345, "12.3k"), (999_600, "1M"), (3e12, "3,000G")]
)
def test_large_numbers_in_short(number: float, words: str) -> None:
    assert short_count(number) == words


@pytest.mark.parametrize(
    ("share", "words"), [(1.0, "100%"), (0.99999, "99.99%"), (0.5, "50.00%"), (0.0, "0.00%"), (float("nan"), "n/a")]
)
def test_shares_do_not_round_up_to_everything(share: float, words: str) -> None:
    assert percent_text(share) == words


def test_ratios() -> None:
    assert [ratio_text(2.049), ratio_text(float("nan"))] == ["2.05", "n/a"]


def test_choices():
    assert [alternatives(["a"]), alternatives(["a", "b"]), alternatives("abc")] == ["a", "a or b", "a, b or c"]

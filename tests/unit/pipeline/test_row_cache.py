"""Aligned rows are kept for calling by the step that estimates, in its process and within its share of memory."""

import pickle
from dataclasses import dataclass

from genocloud.pipeline.genotyping.row_cache import KEPT_SHARE, RowCache


@dataclass(frozen=True)
class Rows:
    nbytes: int


FIRST, SECOND = ("cohort", 1, "batch", "first"), ("cohort", 1, "batch", "second")


def test_rows_are_kept_until_they_are_taken_and_no_more_than_fit():
    cache = RowCache(memory=100 * KEPT_SHARE)
    cache._put(FIRST, Rows(60))
    cache._put(SECOND, Rows(60))
    assert cache._take(SECOND) is None
    assert cache._take(FIRST) == Rows(60)
    assert cache._take(FIRST) is None
    cache._put(SECOND, Rows(60))
    assert cache._take(SECOND) == Rows(60)


def test_another_process_has_an_empty_cache_that_keeps_nothing():
    cache = RowCache(memory=100 * KEPT_SHARE)
    cache._put(FIRST, Rows(60))
    there = pickle.loads(pickle.dumps(cache))
    assert there._take(FIRST) is None
    there._put(FIRST, Rows(60))
    assert there._take(FIRST) is None

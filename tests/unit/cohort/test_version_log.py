"""What history tells of versions."""

import pytest

from genocloud import cohort, steps
from genocloud.cohort.version_log import history
from genocloud.scatter.executors import Inline
from genocloud.scatter.progress import Silent
from genocloud.storage import Store, open_store
from tests.support.cohort_people import ingest


@pytest.fixture
def store(tmp_path) -> Store:
    return open_store(f"memory://{tmp_path}")


def test_each_kind_of_change_is_reported_as_what_it_is(store):
    ingest(store, {"a": 1, "b": 2})
    ingest(store, {"c": 3})
    cohort.rename(store, {"a": "x", "b": "a"})
    ingest(store, {"c": 4}, ("c",))
    steps.compact(store.url, batch_size=200, scatter=Inline(), progress=Silent())
    cohort.remove(store, {"x"})
    ingest(store, {"x": 9})
    entries = history(store)
    assert [change.version for change in entries] == list(range(1, 8))
    assert [change.added for change in entries] == [("a", "b"), ("c",), (), (), (), (), ("x",)]
    assert [change.removed for change in entries] == [(), (), (), (), (), ("x",), ()]
    assert [change.renamed for change in entries] == [(), (), (("a", "x"), ("b", "a")), (), (), (), ()]
    assert [change.replaced for change in entries] == [(), (), (), ("c",), (), (), ()]
    assert [change.samples for change in entries] == [2, 3, 3, 3, 3, 2, 3]
    assert [change.made for change in entries] == sorted(change.made for change in entries)


def test_a_version_is_a_line(store):
    ingest(store, {"a": 1, "b": 2})
    cohort.rename(store, {"a": "x"})
    first, second = steps.history(store.url).splitlines()
    assert first.startswith("version 1  2")
    assert first.endswith(" UTC  2 samples in 1 batch  2 added: a, b")
    assert second.endswith("1 renamed: a to x")


def test_there_is_no_history_without_a_cohort(store):
    with pytest.raises(cohort.NoCohort):
        steps.history(store.url)

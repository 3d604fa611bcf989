"""Batches out of batches: what compacting makes is byte for byte what ingesting the same people together makes."""

import pytest

from genocloud import cohort, steps
from genocloud.pipeline.cached_tables import cohort_key
from genocloud.scatter.executors import Inline
from genocloud.scatter.progress import Silent
from genocloud.storage import Store, open_store
from tests.support.cohort_people import contents, ingest, rows_in_force

PEOPLE = {f"p{number:02}": number for number in range(15)}


@pytest.fixture
def store(tmp_path) -> Store:
    return open_store(f"memory://{tmp_path}")


def ingest_by(store: Store, size: int) -> cohort.Cohort:
    """The people, in batches of `size`."""
    names = list(PEOPLE)
    for first in range(0, len(names), size):
        ingest(store, {name: PEOPLE[name] for name in names[first : first + size]})
    return cohort.open_cohort(store.url)


def compact(store: Store, batch_size: int = 200) -> cohort.Cohort:
    steps.compact(store.url, batch_size=batch_size, scatter=Inline(), progress=Silent())
    return cohort.open_cohort(store.url)


def objects_of(stored_cohort: cohort.Cohort) -> dict[str, bytes]:
    """The bytes of all batches in a version."""
    store = open_store(stored_cohort.url)
    return {
        name: data for batch in stored_cohort.batches for name, data in contents(store, f"batches/{batch.id}/").items()
    }


def test_three_batches_of_five_become_the_batch_of_fifteen(store):
    together = ingest_by(open_store(f"{store.url}-together"), 15)
    before = ingest_by(store, 5)
    after = compact(store)
    assert len(after.batches) == 1
    assert objects_of(after) == objects_of(together)
    assert (after.version, after.samples) == (4, before.samples)
    assert rows_in_force(after) == rows_in_force(before)
    assert cohort_key(after) != cohort_key(before)


def test_removed_people_are_left_behind_and_renamed_ones_stored_under_their_names(store):
    ingest_by(store, 5)
    cohort.remove(store, {"p03", "p11"})
    cohort.rename(store, {"p04": "q04"})
    expected = rows_in_force(cohort.open_cohort(store.url))
    after = compact(store)
    other = open_store(f"{store.url}-other")
    ingest(
        other,
        {("q04" if name == "p04" else name): shift for name, shift in PEOPLE.items() if name not in ("p03", "p11")},
    )
    assert objects_of(after) == objects_of(cohort.open_cohort(other.url))
    assert rows_in_force(after) == expected
    assert list(rows_in_force(after)) == list(expected)


def test_only_small_batches_are_touched_and_a_second_run_does_nothing(store):
    ingest(store, {f"x{number}": number + 20 for number in range(4)})
    large = cohort.open_cohort(store.url).batches[0].id
    ingest_by(store, 1)
    after = compact(store, 8)
    assert [len(batch.samples) for batch in after.batches] == [4, 8, 7]
    assert after.batches[0].id == large
    assert compact(store, 8).version == after.version


def test_ranks_keep_their_order_where_names_would_not(store):
    for name in "dbac":
        ingest(store, {name: ord(name)})
    after = compact(store)
    assert after.samples == ("d", "b", "a", "c")
    assert after.batches[0].samples == ("a", "b", "c", "d")
    assert after.batches[0].ranks.tolist() == [2, 1, 3, 0]


def test_a_finished_batch_of_a_killed_run_is_used(store, monkeypatch):
    ingest_by(store, 5)
    with monkeypatch.context() as patch:
        patch.setattr(cohort, "move", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            compact(store)
    written = contents(store, "batches/")
    monkeypatch.setattr("genocloud.pipeline.batch_rewriting.rewrite_part", lambda *_: pytest.fail("written again"))
    assert len(compact(store).batches) == 1
    assert contents(store, "batches/") == written


def meanwhile(monkeypatch, act) -> None:
    """Let somebody act after the new batches were written and before they are put in force."""
    move, acted = cohort.move, []

    def late(*arguments):
        if not acted:
            acted.append(act)
            act()
        return move(*arguments)

    monkeypatch.setattr(cohort, "move", late)


def test_who_is_removed_while_being_moved_stays_removed(store, monkeypatch):
    ingest_by(store, 5)
    meanwhile(monkeypatch, lambda: cohort.remove(store, {"p07"}))
    with pytest.raises(cohort.ChangedMeanwhile):
        compact(store)
    assert "p07" not in compact(store).samples


def test_who_is_erased_while_being_moved_is_in_no_batch(store, monkeypatch):
    ingest_by(store, 5)
    meanwhile(
        monkeypatch, lambda: steps.erase(store.url, "p07", callsets=(), sure=True, scatter=Inline(), progress=Silent())
    )
    with pytest.raises(cohort.ChangedMeanwhile):
        compact(store)
    assert not any(b"p07" in data for data in contents(store).values())
    assert list(compact(store).samples) == [name for name in PEOPLE if name != "p07"]


def test_of_two_compactions_the_second_finds_all_done(store, monkeypatch):
    ingest_by(store, 5)
    meanwhile(monkeypatch, lambda: compact(store))
    after = compact(store)
    assert after.version == 4
    assert list(rows_in_force(after)) == list(PEOPLE)


def test_who_arrives_meanwhile_stays(store, monkeypatch):
    ingest_by(store, 5)
    meanwhile(monkeypatch, lambda: ingest(store, {"new": 99}))
    after = compact(store)
    assert after.samples == (*PEOPLE, "new")
    assert len(after.batches) == 2

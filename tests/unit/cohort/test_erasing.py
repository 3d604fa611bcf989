"""A person who is erased is nowhere in the store: under no name, in no version, not even in what nobody reads."""

import re
from itertools import chain, count, pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from genocloud import callset, cohort, steps
from genocloud.cohort import erasing, searching
from genocloud.cohort.searching import search
from genocloud.pipeline.callset_registry import register
from genocloud.pipeline.erasure import StillThere
from genocloud.regions import Region
from genocloud.scatter.executors import Inline
from genocloud.scatter.progress import Silent
from genocloud.storage import Store, open_store
from tests.support.cohort_people import LAYOUT, Killed, contents, copied, ingest, killed_at, source


@pytest.fixture
def store(tmp_path) -> Store:
    return open_store(f"memory://{tmp_path}")


def erase(store: Store, sample: str, *callsets: str, sure: bool = True) -> dict[str, object]:
    return steps.erase(store.url, sample, callsets=callsets, sure=sure, scatter=Inline(), progress=Silent()).figures


def everything(store: Store) -> bytes:
    """All bytes of the store, with the names of the objects."""
    return b"".join(name.encode() + data for name, data in contents(store).items())


def a_life(store: Store) -> None:
    """maria-1 is ingested, removed, ingested again, replaced, renamed, compacted away from a batch; others stay."""
    ingest(store, {"others-0": 100})
    ingest(store, {"maria-1": 1, "others-1": 101})
    cohort.remove(store, {"maria-1"})
    ingest(store, {"maria-1": 2, "others-2": 102})
    ingest(store, {"maria-1": 3, "others-3": 103}, ("maria-1",))
    cohort.rename(store, {"maria-1": "subject-7", "others-3": "others-x"})
    steps.compact(store.url, batch_size=200, scatter=Inline(), progress=Silent())
    ingest(store, {"others-4": 104})
    store.write("derived/k/k/alleles/s.parquet", b"made of her, too")


MARKS = [b"maria-1", b"subject-7", *(f"{shift:064x}".encode() for shift in (1, 2, 3))]
STAY = {"others-0": 100, "others-1": 101, "others-2": 102, "others-x": 103, "others-4": 104}


def region_in_force(stored_cohort: cohort.Cohort) -> list[dict[str, object]]:
    """The deletions of chr1, in order of name."""
    rows = cohort.read_region(stored_cohort, Region(0, 1900, 2100)).variants.to_pylist()
    return sorted(rows, key=lambda row: str(row["sample"]))


def gone(store: Store) -> None:
    """Nothing is left of her, all others are as they were, and what is left is sound."""
    left = everything(store)
    assert [mark for mark in MARKS if mark in left] == []
    stored_cohort = cohort.open_cohort(store.url)
    assert list(stored_cohort.samples) == list(STAY)
    fresh = ingest(open_store("memory://those-who-stay"), STAY)
    assert region_in_force(stored_cohort) == region_in_force(fresh)
    assert store.list("derived/") == []
    assert not store.exists(erasing.JOURNAL)
    steps.verify(store.url, scatter=Inline(), progress=Silent())


def test_a_whole_life_is_followed(store):
    a_life(store)
    assert all(mark in everything(store) for mark in MARKS)
    summary = erase(store, "subject-7")
    assert (summary["done"], summary["hits"], summary["batches"]) == (True, 0, 4)
    gone(store)
    assert cohort.versions(store) == [1, 9]  # all others named a batch that held her
    assert cohort.open_cohort(store.url, 1).samples == ("others-0",)


def test_without_a_yes_nothing_changes(store):
    a_life(store)
    before = contents(store)
    summary = erase(store, "subject-7", sure=False)
    assert (summary["done"], summary["batches"], summary["versions"]) == (False, 4, 7)
    assert contents(store) == before


def test_killed_at_any_moment_a_second_run_completes_it(tmp_path, monkeypatch):
    template = open_store(f"memory://{tmp_path}/template")
    a_life(template)
    for moment in chain(range(1, 12), count(12, 5)):
        store = copied(template, f"memory://{tmp_path}/{moment}")
        with monkeypatch.context() as patch:
            killed_at(patch, moment)
            try:
                erase(store, "subject-7")
            except Killed:
                died = True
            else:
                died = False
        if not died:
            break
        if moment > 1:
            assert erase(store, "subject-7")["hits"] == 0
            gone(store)
    assert moment > 20


def test_another_erasure_completes_the_one_that_was_killed(store, monkeypatch):
    a_life(store)
    with monkeypatch.context() as patch:
        killed_at(patch, 10)
        with pytest.raises(Killed):
            erase(store, "subject-7")
    erase(store, "others-4")
    left = everything(store)
    assert [mark for mark in [*MARKS, b"others-4"] if mark in left] == []


def test_who_has_never_been_active_is_in_batches_of_no_version(store):
    ingest(store, {"others-0": 100})
    cohort.write_batch(store, [source("maria-1", 1)], LAYOUT)
    store.write("batches/unfinished/blocks/000-chr1.parquet", b"perhaps hers")
    erase(store, "maria-1")
    assert b"maria-1" not in everything(store)
    assert not any("unfinished" in name for name in store.list())
    assert cohort.versions(store) == [1]


def test_the_last_person_can_be_erased(store):
    ingest(store, {"maria-1": 1})
    erase(store, "maria-1")
    assert cohort.open_cohort(store.url).samples == ()
    assert store.list() == ["manifest/00000002.json", "manifest/00000002.sha256", "published/00000002.sha256"]


def test_a_name_of_no_sample_is_an_input_error(store):
    ingest(store, {"a": 1})
    with pytest.raises(erasing.NothingToErase):
        erase(store, "b")
    erase(store, "a")
    with pytest.raises(erasing.NothingToErase, match="erased already"):
        erase(store, "a")


def test_who_is_in_force_under_another_name_is_not_taken_for_the_one_that_is_meant(store):
    ingest(store, {"maria-1": 1, "others-1": 101})
    cohort.rename(store, {"maria-1": "subject-7"})
    with pytest.raises(erasing.InForceAsOther) as caught:
        erase(store, "maria-1")
    assert caught.value.names == ("subject-7",)
    ingest(store, {"maria-1": 5})  # somebody else
    summary = erase(store, "maria-1")
    assert cohort.open_cohort(store.url).samples == ("subject-7", "others-1")
    assert summary["not_searched_for_as_others_have_it"] == ["maria-1"]
    assert summary["others_with_a_name_or_file_of_theirs"] == ["subject-7"]
    assert f"{5:064x}".encode() not in everything(store)


def test_an_older_batch_of_a_name_that_was_passed_on_is_located_by_its_replacement(store):
    ingest(store, {"maria-1": 1, "others-1": 101})
    ingest(store, {"maria-1": 2}, ("maria-1",))
    cohort.rename(store, {"maria-1": "subject-7"})
    ingest(store, {"maria-1": 5})
    erase(store, "subject-7")
    assert cohort.open_cohort(store.url).samples == ("others-1", "maria-1")
    left = everything(store)
    assert not any(f"{shift:064x}".encode() in left for shift in (1, 2))
    assert f"{5:064x}".encode() in left


def test_the_same_file_under_another_name_is_reported(store):
    ingest(store, {"maria-1": 1})
    ingest(store, {"copy": 1})
    summary = erase(store, "maria-1")
    assert summary["others_with_a_name_or_file_of_theirs"] == ["copy"]
    assert cohort.open_cohort(store.url).samples == ("copy",)


@pytest.mark.parametrize(
    ("name", "data"), [("notes.txt", b"see maria-1 for this"), ("lists/x.json", b'[{"who": "maria-1"}]')]
)
def test_what_genocloud_did_not_write_is_searched_too(store, name, data):
    ingest(store, {"maria-1": 1})
    store.write(name, data)
    with pytest.raises(StillThere) as caught:
        erase(store, "maria-1")
    assert caught.value.names == (name,)
    assert caught.value.exit_code == 4


def test_a_name_that_another_begins_or_ends_with_is_not_taken_for_it(store):
    ingest(store, {"maria-1": 1, "maria-10": 2, "maria-1.b": 3, "x-maria-1": 4})
    assert erase(store, "maria-1")["hits"] == 0
    assert cohort.open_cohort(store.url).samples == ("maria-1.b", "maria-10", "x-maria-1")


@given(st.text("ab1-/", max_size=40), st.lists(st.integers(1, 9)), st.sets(st.text("ab1", min_size=1, max_size=4)))
def test_how_bytes_are_read_does_not_change_what_is_detected(text, cuts, needles):
    words = re.split(r"[^A-Za-z0-9_.-]+", text)
    places = sorted({0, len(text), *(sum(cuts[:number]) for number in range(len(cuts)))})
    pieces = [text[start:end].encode() for start, end in pairwise(places)]
    assert searching._in_bytes(iter(pieces), sorted(needles)) == needles & set(words)


def test_a_short_name_is_located_in_json_and_in_tables(store):
    ingest(store, {"ab": 1})
    (table,) = [name for name in store.list() if "/variants/000" in name]
    assert search(store, "manifest/00000001.json", ["ab"]) == ["ab"]
    assert search(store, table, ["ab", "A" * 40]) == []


def test_callsets_that_hold_the_person_are_listed(store, tmp_path):
    stored_cohort = ingest(store, {"maria-1": 1})
    known, listed, other = (f"memory://callsets{tmp_path}/{name}" for name in ("known", "listed", "other"))
    for url in (known, listed):
        open_store(url).write(f"genotypes/{stored_cohort.batches[0].id}/shard.parquet", b"")
    open_store(other).write("genotypes/another/shard.parquet", b"")
    register(store.url, known)
    register(store.url, other)
    assert erase(store, "maria-1", listed)["callsets_that_hold_them"] == [known, listed]


@pytest.mark.parametrize("sure", [True, False])
def test_a_callset_argument_that_is_none_is_refused_before_anything_is_erased(store, tmp_path, sure):
    ingest(store, {"maria-1": 1, "others-0": 100})
    before = contents(store)
    for url in (f"memory://callsets{tmp_path}/typo", store.url):
        with pytest.raises(callset.NoCallset, match=url):
            erase(store, "maria-1", url, sure=sure)
    assert contents(store) == before


def test_a_registered_callset_may_be_gone(store, tmp_path):
    ingest(store, {"maria-1": 1})
    register(store.url, f"memory://callsets{tmp_path}/gone")
    assert erase(store, "maria-1")["callsets_that_hold_them"] == []

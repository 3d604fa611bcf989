"""Who is in force: each change is one new version, ranks stay dense and in order, and what cannot be is refused."""

import json
import threading

import pytest

from genocloud import cohort, schema, steps
from genocloud.pipeline.cached_tables import cohort_key
from genocloud.steps.rename import BadName
from genocloud.storage import Store, open_store
from tests.support.cohort_people import LAYOUT, REFERENCE, contents, ingest, rows_in_force, source


@pytest.fixture
def store(tmp_path) -> Store:
    return open_store(f"memory://{tmp_path}")


def test_removed_samples_leave_dense_ranks_in_their_order(store):
    before = ingest(store, {"a": 1, "b": 2, "c": 3, "d": 4})
    objects = contents(store, "batches/")
    after = cohort.remove(store, {"b", "d"})
    assert (after.version, after.samples) == (2, ("a", "c"))
    assert after.batches[0].ranks.tolist() == [0, -1, 1, -1]
    assert contents(store, "batches/") == objects
    rows = rows_in_force(before)
    assert rows_in_force(cohort.open_cohort(store.url)) == {name: rows[name] for name in "ac"}
    assert rows_in_force(cohort.open_cohort(store.url, 1)) == rows


def test_a_batch_from_which_everybody_left_is_in_the_version_no_more(store):
    ingest(store, {"a": 1})
    ingest(store, {"b": 2})
    assert len(cohort.remove(store, {"a"}).batches) == 1
    emptied = cohort.remove(store, {"b"})
    assert (emptied.samples, emptied.batches) == ((), ())
    assert cohort.open_cohort(store.url).samples == ()
    assert ingest(store, {"a": 1}).samples == ("a",)


def test_a_removed_sample_can_come_back(store):
    ingest(store, {"a": 1, "b": 2})
    cohort.remove(store, {"a"})
    assert ingest(store, {"a": 5}).samples == ("b", "a")


def test_renamed_samples_keep_ranks_rows_and_derived_tables(store):
    before = ingest(store, {"a": 1, "b": 2, "c": 3})
    after = cohort.rename(store, {"a": "z", "b": "a"})
    assert after.samples == ("z", "a", "c")
    assert cohort_key(after) == cohort_key(before)
    assert list(rows_in_force(after).values()) == list(rows_in_force(before).values())
    assert list(rows_in_force(after)) == ["z", "a", "c"]
    assert after.receipt(after.batches[0]).samples == ("a", "b", "c")
    assert list(after.fingerprints()) == ["z", "a", "c"]
    assert cohort.open_cohort(store.url).samples == after.samples


def test_two_samples_swap_names(store):
    ingest(store, {"a": 1, "b": 2})
    assert cohort.rename(store, {"a": "b", "b": "a"}).samples == ("b", "a")


def test_a_change_that_changes_nothing_makes_no_version(store):
    ingest(store, {"a": 1})
    assert cohort.remove(store, ()).version == 1
    assert cohort.rename(store, {"a": "a"}).version == 1


@pytest.mark.parametrize(
    "change",
    [lambda store: cohort.remove(store, {"a", "x", "y"}), lambda store: cohort.rename(store, {"x": "u", "y": "v"})],
)
def test_unknown_names_are_reported(store, change):
    ingest(store, {"a": 1})
    with pytest.raises(cohort.NotInForce) as caught:
        change(store)
    assert caught.value.samples == ("x", "y")
    assert caught.value.exit_code == 3
    assert cohort.versions(store) == [1]


@pytest.mark.parametrize("names", [{"a": "b"}, {"a": "x", "b": "x"}])
def test_a_name_is_one_samples_own(store, names):
    ingest(store, {"a": 1, "b": 2})
    with pytest.raises(cohort.NameTaken) as caught:
        cohort.rename(store, names)
    assert caught.value.names == (names["a"],)
    assert cohort.versions(store) == [1]


@pytest.mark.parametrize("name", ["", "a  b", "-a", "a\tb"])
def test_a_name_that_no_sheet_could_have_is_refused(store, name):
    ingest(store, {"a": 1})
    with pytest.raises(BadName):
        steps.rename(store.url, {"a": name})


def test_a_renamed_sample_is_not_brought_in_again_under_its_old_name(store):
    stored_cohort = ingest(store, {"a": 1, "b": 2})
    cohort.rename(store, {"a": "z"})
    with pytest.raises(cohort.KnownAsOther) as caught:
        cohort.append(store, [stored_cohort.receipt(stored_cohort.batches[0])], LAYOUT, REFERENCE)
    assert (caught.value.sample, caught.value.name) == ("a", "z")


def test_a_new_sample_may_take_the_name_that_another_had(store):
    ingest(store, {"a": 1, "b": 2})
    cohort.rename(store, {"a": "z"})
    stored_cohort = ingest(store, {"a": 3})
    assert stored_cohort.samples == ("z", "b", "a")
    stored_cohort = cohort.remove(store, {"z"})
    assert stored_cohort.samples == ("b", "a")
    assert rows_in_force(stored_cohort)["a"] != rows_in_force(cohort.open_cohort(store.url, 1))["a"]


def test_there_is_nothing_to_change_where_there_is_no_cohort(store):
    for change in (lambda: cohort.remove(store, {"a"}), lambda: cohort.rename(store, {"a": "b"})):
        with pytest.raises(cohort.NoCohort):
            change()


def test_of_changes_at_once_none_is_lost(store):
    ingest(store, dict(zip("abcdef", range(6), strict=True)))
    barrier = threading.Barrier(6)

    def change(name: str) -> None:
        barrier.wait()
        if name in "abc":
            cohort.remove(store, {name})
        else:
            cohort.rename(store, {name: name.upper()})

    threads = [threading.Thread(target=change, args=(name,)) for name in "abcdef"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    stored_cohort = cohort.open_cohort(store.url)
    assert (stored_cohort.version, stored_cohort.samples) == (7, ("D", "E", "F"))


def test_a_batch_that_lost_objects_is_not_put_in_force_and_is_made_again(store):
    receipt = cohort.write_batch(store, [source("a", 1)], LAYOUT)
    lost = next(name for name in store.list() if name.endswith(".parquet"))
    store.delete(lost)
    with pytest.raises(cohort.IncompleteBatch) as caught:
        cohort.append(store, [receipt], LAYOUT, REFERENCE)
    assert caught.value.missing == lost
    assert cohort.versions(store) == []
    assert ingest(store, {"a": 1}).samples == ("a",)


def test_the_manifest_vouches_for_receipts(store):
    stored_cohort = ingest(store, {"a": 1})
    name = f"batches/{stored_cohort.batches[0].id}/receipt.json"
    store.write(name, store.read(name).replace(b'"longest":', b'"longest": '))
    with pytest.raises(cohort.DamagedObject, match="sha256"):
        cohort.open_cohort(store.url).receipt(cohort.open_cohort(store.url).batches[0])


@pytest.mark.parametrize(
    ("version", "error", "remedy"),
    [
        (schema.VERSION + 1, cohort.NewerSchema, "newer genocloud"),
        (schema.OLDEST - 1, cohort.OlderSchema, "new cohort"),
    ],
)
def test_other_schema_versions_have_their_own_remedies(store, version, error, remedy):
    ingest(store, {"a": 1})
    name = "manifest/00000001.json"
    fields = json.loads(store.read(name)) | {"schema": version}
    store.write(name, json.dumps(fields).encode())
    with pytest.raises(error, match=remedy) as caught:
        cohort.open_cohort(store.url)
    assert caught.value.schema_version == version

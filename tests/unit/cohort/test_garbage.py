"""What no kept version needs goes; what a version or a running writer needs stays."""

import time
from importlib import import_module
from itertools import count

import pytest

from genocloud import cohort, steps
from genocloud.cohort.garbage import total_bytes
from genocloud.pipeline.cached_tables import cached_folders
from genocloud.scatter.executors import Inline
from genocloud.scatter.progress import Silent
from genocloud.storage import Store, open_store
from genocloud.storage.memory import MemoryStore
from tests.support.cohort_people import (
    LAYOUT,
    REFERENCE,
    Killed,
    contents,
    copied,
    ingest,
    killed_at,
    rows_in_force,
    source,
)


@pytest.fixture
def store(tmp_path) -> Store:
    return grown(f"memory://{tmp_path}")


def grown(url: str) -> Store:
    """Five versions, the last one compacted; a table derived from each; a batch that was never put in force."""
    made = open_store(url)
    for name, shift in {"a": 1, "b": 2, "c": 3}.items():
        derive(made, ingest(made, {name: shift}))
    derive(made, cohort.remove(made, {"b"}))
    steps.compact(url, batch_size=200, scatter=Inline(), progress=Silent())
    derive(made, cohort.open_cohort(url))
    cohort.write_batch(made, [source("d", 4)], LAYOUT)
    made.write("batches/unfinished/blocks/000-chr1.parquet", b"half a batch")
    return made


def derive(store: Store, stored_cohort: cohort.Cohort) -> None:
    for folder in cached_folders(stored_cohort):
        store.write(f"derived/{folder}/alleles/s.parquet", b"table")


def collect(store: Store, keep: int | None = None, hours: float = 0.0, dry_run: bool = False):
    return steps.collect(store.url, progress=Silent(), keep=keep, older_than_hours=hours, dry_run=dry_run)


def folders(store: Store, folder: str) -> set[str]:
    return {name.split("/")[1] for name in store.list(f"{folder}/")}


def test_all_versions_stay_unless_dropped_by_request(store):
    before = {version: rows_in_force(cohort.open_cohort(store.url, version)) for version in cohort.versions(store)}
    receipt = collect(store)
    assert cohort.versions(store) == [1, 2, 3, 4, 5]
    assert {version: rows_in_force(cohort.open_cohort(store.url, version)) for version in before} == before
    assert len(folders(store, "batches")) == 4
    assert len(folders(store, "derived")) == 5 + 4  # of each version, of each batch
    assert list(receipt.balance["dropped"]) == ["batches that no version needs"]


def test_a_batch_taken_up_while_garbage_is_listed_stays(store, monkeypatch):
    module = import_module("genocloud.steps.collect")
    old = time.time() - 3 * 86_400
    monkeypatch.setattr(MemoryStore, "modified", lambda self, name: fresh.get(name, old))
    fresh: dict[str, float] = {}
    sized = module.total_bytes

    def meanwhile(store_, names):
        if not fresh:
            receipt = cohort.write_batch(store, [source("d", 4)], LAYOUT)
            fresh[f"batches/{receipt.id}/receipt.json"] = time.time()
            cohort.append(store, [receipt], LAYOUT, REFERENCE)
        return sized(store_, names)

    monkeypatch.setattr(module, "total_bytes", meanwhile)
    collect(store, hours=24.0)
    assert "d" in rows_in_force(cohort.open_cohort(store.url))


def test_what_only_old_versions_need_goes_with_them(store):
    collect(store, keep=1)
    stored_cohort = cohort.open_cohort(store.url)
    assert cohort.versions(store) == [5]
    assert folders(store, "batches") == {batch.id for batch in stored_cohort.batches}
    assert folders(store, "derived") == cached_folders(stored_cohort)
    collect(store, keep=1)
    assert rows_in_force(stored_cohort).keys() == {"a", "c"}


def test_a_dry_run_reports_what_a_run_frees(store):
    before = contents(store)
    summary = collect(store, keep=2, dry_run=True)
    assert contents(store) == before
    done = collect(store, keep=2)
    after = contents(store)
    assert done.balance == summary.balance
    assert done.figures["freed_bytes"] == sum(map(len, before.values())) - sum(map(len, after.values()))
    assert done.balance["taken"] - done.balance["kept"] == len(before) - len(after)


def test_what_is_young_stays(store, monkeypatch):
    before = contents(store)
    collect(store, keep=1, hours=1)
    assert contents(store) == before
    written = MemoryStore.modified
    monkeypatch.setattr(MemoryStore, "modified", lambda one, name: written(one, name) - (7200 if "0003" in name else 0))
    collect(store, keep=1, hours=1)
    assert cohort.versions(store) == [
        1,
        3,
        4,
        5,
    ]  # version 3 has been there for two hours: version 2 was long enough the last


def test_an_ingest_that_runs_for_days_keeps_its_first_batches(store, monkeypatch):
    names = [name for name in store.list("batches/") if "unfinished" not in name]
    written = MemoryStore.modified
    monkeypatch.setattr(MemoryStore, "modified", lambda one, name: written(one, name) - (99999 if name in names else 0))
    receipt = collect(store, hours=1)
    assert receipt.balance["dropped"] == {}
    store.delete("batches/unfinished/blocks/000-chr1.parquet")
    assert sum(collect(store, hours=1).balance["dropped"].values()) == 5


def test_killed_at_any_moment_every_version_that_is_left_is_whole(tmp_path, monkeypatch):
    template = grown(f"memory://{tmp_path}/template")
    for name in template.list("derived/"):
        template.delete(name)  # made up above, no tables
    for moment in count(1):
        store = copied(template, f"memory://{tmp_path}/{moment}")
        with monkeypatch.context() as patch:
            killed_at(patch, moment)
            try:
                collect(store, keep=2)
            except Killed:
                died = True
            else:
                died = False
        steps.verify(store.url, scatter=Inline(), progress=Silent())
        collect(store, keep=2)
        assert cohort.versions(store) == [4, 5]
        if not died:
            break
    assert moment > 10


def test_a_writer_whose_old_batch_was_collected_is_reported_and_makes_it_again(store):
    receipt = cohort.write_batch(store, [source("d", 4)], LAYOUT)
    collect(store)
    with pytest.raises(cohort.IncompleteBatch):
        cohort.append(store, [receipt], LAYOUT, cohort.open_cohort(store.url).reference)
    assert ingest(store, {"d": 4}).samples == ("a", "c", "d")


def test_an_object_that_is_gone_meanwhile_has_no_size(tmp_path):
    made = open_store(str(tmp_path))
    made.write("a", b"12345")
    assert total_bytes(made, ["a", "gone"]) == 5

"""A callset is written only where nothing else lies, and nobody's files are removed but its own."""

import logging
from pathlib import Path

import duckdb
import pytest

from genocloud import callset, storage
from tests.support import callset_tables as make
from tests.support.small_callset import BATCHES, SHARDS, contents, shard_tables, write

MANIFEST = "manifest/00000001.json"


def refused(url: str) -> str:
    """What is told to lie at the URL, by whatever would write a callset; nothing there changes."""
    store, before = storage.open_store(url), contents(url)
    kinds = set()
    for attempt in (
        lambda: callset.claim(store),
        lambda: callset.write_shard(store, SHARDS[0], "key", *shard_tables()[0]),
        lambda: callset.commit(store, make.description(BATCHES), []),
    ):
        with pytest.raises(callset.NotACallset) as caught:
            attempt()
        kinds.add(caught.value.name)
    assert contents(url) == before
    (kind,) = kinds
    return kind


@pytest.mark.parametrize("content", [b'{"schema": 1}', b"{}", b"[]", b"cut sho"])
def test_a_cohort_is_no_place_for_a_callset(content: bytes) -> None:
    url = f"memory://cohort-{content.hex()}"
    store = storage.open_store(url)
    store.write(MANIFEST, content)
    store.write("batches/b0/receipt.json", b"{}")
    assert refused(url) in (MANIFEST, "batches/b0/receipt.json")


def test_a_claimed_place_that_a_cohort_took_is_refused() -> None:
    store = storage.open_store("memory://taken")
    callset.claim(store)
    store.write(MANIFEST, b'{"schema": 1}')
    assert refused("memory://taken") == MANIFEST


@pytest.mark.parametrize("name", ["calls/my_gwas.txt", "entries/mine.json", "sites/a.parquet", "manifest/callset.json"])
def test_somebodys_folder_is_refused(tmp_path: Path, name: str) -> None:
    storage.open_store(str(tmp_path)).write(name, b"[]")
    assert refused(str(tmp_path)) == name


def test_a_claim_is_made_once_and_asks_little(monkeypatch: pytest.MonkeyPatch) -> None:
    store = storage.open_store("memory://claimed")
    callset.claim(store)
    claimed = contents("memory://claimed")
    assert len(claimed) == 1
    monkeypatch.setattr(type(store), "list", None)
    callset.claim(store)
    monkeypatch.undo()
    write("memory://claimed")
    monkeypatch.setattr(type(store), "list", None)
    callset.claim(store)
    monkeypatch.undo()
    assert claimed.items() <= contents("memory://claimed").items()


def test_of_two_that_claim_at_once_both_may_write(monkeypatch: pytest.MonkeyPatch) -> None:
    store = storage.open_store("memory://raced")
    listed = type(store).list

    def list_late(self: storage.Store, prefix: str = "") -> list[str]:
        names = listed(self, prefix)
        monkeypatch.undo()
        callset.claim(store)
        return names

    monkeypatch.setattr(type(store), "list", list_late)
    callset.claim(store)


@pytest.mark.parametrize("lost", [("manifest/callset.json",), ("manifest/callset.json", MANIFEST)])
def test_a_callset_without_the_mark_is_known_by_its_manifest_or_entries(lost: tuple[str, ...]) -> None:
    url = f"memory://unmarked-{len(lost)}"
    write(url)
    before, store = contents(url), storage.open_store(url)
    for name in lost:
        store.delete(name)
    callset.claim(store)
    write(url)
    assert contents(url) == before


def test_commit_leaves_what_genocloud_did_not_write(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    write(str(tmp_path))
    store = storage.open_store(str(tmp_path))
    theirs = [
        "calls/my_gwas.txt",
        "reference/b0/notes/a.parquet",
        "sites/b/a.parquet",
        "entries/README",
        "mine.txt",
    ]
    ours = ["genotypes/b9/000.parquet", "calls/b9/000.parquet", "sites/009.parquet", "entries/009.json"]
    for name in (*theirs, *ours):
        store.write(name, b"x")
    with caplog.at_level(logging.WARNING):
        write(str(tmp_path))
    assert [name for name in (*theirs, *ours) if store.exists(name)] == theirs
    assert all(name in caplog.text for name in theirs[:-1])
    seen = duckdb.sql(f"select count(*) from '{tmp_path}/sites/*.parquet'").fetchall()
    assert seen == [(5,)]

"""The audit log names every access, from every process, and nothing that may let somebody in."""

import json
import multiprocessing
import os
import time
from pathlib import Path

import pytest

from genocloud import storage
from genocloud.storage import audit_log


@pytest.fixture
def log(tmp_path, monkeypatch):
    """Where an audit log is kept."""
    monkeypatch.setenv(audit_log.WHERE, str(tmp_path / "log"))
    monkeypatch.setenv(audit_log.SITE, "hospital")
    return tmp_path / "log"


def lines(log: Path) -> list[dict]:
    audit_log.log_of(str(log), storage.registry.plain_store).flush()
    return [json.loads(line) for file in sorted(log.glob("*.jsonl")) for line in file.read_text().splitlines()]


def test_every_access_is_a_line(tmp_path, log):
    store = storage.open_store(str(tmp_path / "store"))
    store.write("a", b"12345")
    store.create("b", b"1")
    with store.writer("c/d") as stream:
        stream.write(b"123")
    assert store.read("a", 1, 3) == b"23"
    with store.open("c/d") as stream:
        assert stream.read() == b"123"
    store.delete("b")
    entries = lines(log)
    assert [(one["what"], one["name"], one["bytes"]) for one in entries] == [
        ("write", "a", 5),
        ("create", "b", 1),
        ("write", "c/d", 3),
        ("read", "a", 2),
        ("read", "c/d", 3),
        ("delete", "b", 0),
    ]
    assert {one["store"] for one in entries} == {str(tmp_path / "store")}
    assert {(one["process"], one["site"]) for one in entries} == {(os.getpid(), "hospital")}
    assert all(one["user"] and one["host"] and one["when"].endswith("+00:00") for one in entries)


def test_what_failed_is_no_line(tmp_path, log):
    store = storage.open_store(str(tmp_path / "store"))
    with pytest.raises(storage.ObjectMissing):
        store.read("none")
    store.create("a", b"")
    with pytest.raises(storage.ObjectExists):
        store.create("a", b"x")
    assert [one["what"] for one in lines(log)] == ["create"]


def read_some(url: str) -> None:
    for _ in range(20):
        storage.open_store(url).read("a")


def test_processes_write_side_by_side(tmp_path, log):
    url = str(tmp_path / "store")
    storage.open_store(url).write("a", b"1")
    context = multiprocessing.get_context("fork")
    crew = [context.Process(target=read_some, args=(url,)) for _ in range(3)]
    for one in crew:
        one.start()
    for one in crew:
        one.join()
    entries = lines(log)
    assert len(entries) == 61
    assert len({one["process"] for one in entries}) == 4


def read_and_die(url: str) -> None:
    read_some(url)
    time.sleep(1)
    os.kill(os.getpid(), 9)


def test_a_killed_process_loses_the_last_seconds_only(tmp_path, log, monkeypatch):
    monkeypatch.setattr(audit_log, "SECONDS", 0.1)
    url = str(tmp_path / "store")
    storage.open_store(url).write("a", b"1")
    victim = multiprocessing.get_context("fork").Process(target=read_and_die, args=(url,))
    victim.start()
    victim.join()
    assert sum(one["process"] == victim.pid for one in lines(log)) == 20


def test_a_log_that_cannot_be_written_stops_the_work(tmp_path, log):
    log.write_text("not a folder")
    store = storage.open_store(str(tmp_path / "store"))
    store.write("a", b"1")
    with pytest.raises(storage.StoreFailed):
        audit_log.log_of(str(log), storage.registry.plain_store).flush()
    with pytest.raises(storage.StoreFailed):
        store.read("a")


@pytest.mark.parametrize(
    ("url", "entries"),
    [
        ("gs://bucket/study", "gs://bucket/study"),
        ("https://me:secret@host/a/b?sig=secret", "https://host/a/b"),
        ("/data/odd?name@here", "/data/odd?name@here"),
    ],
)
def test_no_credential_is_logged(url, entries):
    assert audit_log.without_secrets(url) == entries


def test_no_log_no_wrapper(tmp_path, monkeypatch):
    monkeypatch.delenv(audit_log.WHERE, raising=False)
    assert not isinstance(storage.open_store(str(tmp_path)), audit_log.Audited)

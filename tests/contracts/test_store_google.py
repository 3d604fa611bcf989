"""What a bucket as a store must get right beyond the laws, on the emulator."""

import gc
import os

import pytest
from requests import ConnectionError as NoConnection

from genocloud import objects
from genocloud.objects import google


def write_and_raise(stream, content):
    stream.write(content)
    raise ZeroDivisionError


@pytest.fixture
def store(gs_url):
    return objects.open_store(gs_url)


@pytest.fixture
def service(store, monkeypatch):
    """The client's connection; `service(change)` passes each later answer through `change(method, url, answer)`."""
    connection = google._client(os.getpid(), os.environ["STORAGE_EMULATOR_HOST"])._http
    ask = connection.request

    def pass_through(change):
        monkeypatch.setattr(
            connection, "request", lambda method, url, *a, **k: change(method, url, ask(method, url, *a, **k))
        )

    return pass_through


def test_an_answer_that_was_lost_is_no_defeat(store, service):
    lost = []

    def lose_the_first_upload(method, url, answer):
        if method == "POST" and not lost:
            lost.append(answer.status_code)
            raise NoConnection("the answer is lost")
        return answer

    service(lose_the_first_upload)
    store.create("manifest/1", b"mine")
    assert (lost, store.read("manifest/1")) == ([200], b"mine")


def test_a_whole_object_that_was_damaged_on_the_way_is_told(store, service):
    store.write("a", b"hello" * 1000)

    def damage(method, url, answer):
        if "crc32c" in answer.headers.get("X-Goog-Hash", ""):
            answer.headers["X-Goog-Hash"] = "crc32c=AAAAAA=="
        return answer

    service(damage)
    with pytest.raises(objects.StoreFailed, match="checksums here and in the bucket differ"):
        store.read("a")


def test_an_upload_that_fails_is_cancelled_and_leaves_nothing(store, service):
    asked = []
    service(lambda method, url, answer: asked.append(method) or answer)
    with pytest.raises(ZeroDivisionError), store.writer("a") as stream:
        write_and_raise(stream, bytes(google.CHUNK_BYTES * 5 // 2))
    assert asked == ["POST", "PUT", "PUT", "DELETE"]
    assert store.list() == []


def test_an_upload_that_could_not_be_cancelled_is_not_finished_by_the_garbage_collector(store):
    google._Upload(store._blob("a"), google.CHUNK_BYTES).write(b"half")
    gc.collect()
    assert store.list() == []


def test_a_streamed_upload_holds_few_chunks_in_memory(store, service):
    sent = []
    service(lambda method, url, answer: sent.append(method) or answer)
    with store.writer("a") as stream:
        for _ in range(3 * google.CHUNK_BYTES // (1 << 20)):
            stream.write(bytes(1 << 20))
        assert sent.count("PUT") >= 2
    assert store.size("a") == 3 * google.CHUNK_BYTES


def test_a_reader_whose_object_was_replaced_fails(store):
    store.write("a", bytes(3_000_000))
    with store.open("a") as stream:
        stream.read(1)
        store.write("a", bytes(3_000_000))
        with pytest.raises(objects.StoreFailed, match="was replaced or deleted while it was read"):
            stream.read()


def test_a_bucket_that_is_not_there_is_told(store):
    store = objects.open_store("gs://no-such-bucket/a")
    for use in (store.list, lambda: store.read("a"), lambda: store.write("a", b""), lambda: store.create("a", b"")):
        with pytest.raises(objects.StoreFailed, match="its bucket does not exist; make the bucket") as caught:
            use()
        assert not isinstance(caught.value, objects.ObjectMissing)


def test_folders_that_the_console_makes_are_no_objects(store):
    store._bucket.blob(f"{store._prefix}folder/").upload_from_string(b"")
    store.write("folder/a", b"")
    assert store.list() == ["folder/a"]

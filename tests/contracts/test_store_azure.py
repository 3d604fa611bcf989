"""What a container of Azure as a store must get right beyond the laws, on the emulator."""

import multiprocessing
from hashlib import md5

import pytest

from genocloud import storage
from genocloud.storage import azure, multipart, streams

pytestmark = [pytest.mark.stores, pytest.mark.filterwarnings("ignore:Sending a large body")]
LARGE = bytes(range(251)) * (2 * multipart.PART_BYTES // 251 + 1000)


def write_and_raise(stream, content):
    stream.write(content)
    raise ZeroDivisionError


@pytest.fixture
def store(az_url):
    return storage.open_store(az_url)


def test_every_object_has_a_checksum_of_the_whole_which_is_verified(store):
    store.write("small", b"hello")
    with store.writer("large") as stream:
        stream.write(LARGE)
    for name, content in {"small": b"hello", "large": LARGE}.items():
        assert store._described(name).content_settings.content_md5 == md5(content).digest()
        assert store.read(name) == content


def test_a_whole_object_that_was_damaged_is_reported(store, monkeypatch):
    settings = azure.ContentSettings(content_md5=bytearray(md5(b"other").digest()))
    with store.writer("a") as stream:
        stream.write(LARGE)
    azure._run(store._blob("a").set_http_headers, settings)
    monkeypatch.setattr(streams, "PAUSE_SECONDS", 0)
    with pytest.raises(storage.StoreFailed, match="checksums here and in the container differ"):
        store.read("a")


def test_an_upload_that_fails_is_never_seen(store):
    with pytest.raises(ZeroDivisionError), store.writer("a") as stream:
        write_and_raise(stream, LARGE)
    assert store.list() == store.sweep(0) == []
    assert not store.exists("a")
    store.write("a", b"new")
    assert store.read("a") == b"new"


@pytest.mark.parametrize(("second", "agree"), [(LARGE, True), (LARGE[::-1], False)])
def test_of_two_streams_to_one_name_the_first_wins(store, second, agree):
    def write_both():
        with store.writer("a") as slow:
            slow.write(LARGE)
            with store.writer("a") as fast:
                fast.write(second)

    if agree:
        write_both()
    else:
        with pytest.raises(storage.StoreFailed, match="another writer was putting it in place; run this again"):
            write_both()
    assert store.read("a") == second


def test_a_reader_whose_object_was_replaced_fails(store):
    store.write("a", bytes(3_000_000))
    with store.open("a") as stream:
        stream.read(1)
        store.write("a", b"n" * 3_000_000)
        with pytest.raises(storage.StoreFailed, match="was replaced or deleted while it was read"):
            stream.read()


def test_a_container_that_is_not_there_is_reported(store):
    store = storage.open_store("az://no-such-container/a")
    for use in (store.list, lambda: store.read("a"), lambda: store.write("a", b""), lambda: store.create("a", b"")):
        with pytest.raises(storage.StoreFailed, match="its container does not exist; make the container") as caught:
            use()
        assert not isinstance(caught.value, storage.ObjectMissing)


@pytest.mark.parametrize("name", ["a\\b", "a.", "a./b"])
def test_names_that_azure_would_change_are_refused(store, name):
    with pytest.raises(storage.StoreFailed, match="cannot name an object on Azure"):
        store.write(name, b"")


def read_here(url, answers):
    answers.put(storage.open_store(url).read("a"))


def test_a_forked_process_has_connections_of_its_own(store):
    store.write("a", LARGE)
    context = multiprocessing.get_context("fork")
    answers = context.Queue()
    child = context.Process(target=read_here, args=(store.url, answers))
    child.start()
    assert answers.get(timeout=60) == LARGE
    child.join(60)
    assert child.exitcode == 0
    assert store.read("a", 0, 3) == LARGE[:3]

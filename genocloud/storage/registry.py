"""From a URL to its store, or to one readable file."""

import mmap
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO

from genocloud.errors import UnreadableFile
from genocloud.storage.audit_log import audited
from genocloud.storage.local import LocalStore, local_path
from genocloud.storage.memory import MemoryStore
from genocloud.storage.store import NotInstalled, Store, StoreFailed, UnknownScheme
from genocloud.storage.urls import scheme, split


def open_store(url: str) -> Store:
    """The store that `url` names, its reads and writes noted where an audit log is kept; see `plain_store`."""
    return audited(plain_store(url), plain_store)


def plain_store(url: str) -> Store:
    """The store at a path, file:///path, gs://, s3:// or az://bucket/prefix, or memory://name; it need not exist yet.

    A relative path is taken from the present folder once and for all, so that other processes find the same store.
    Raises UnknownScheme (SettingError), or StoreFailed for a URL that names no place.
    """
    kind = scheme(url)
    place = url.removeprefix(f"{kind}://").strip("/") if kind else url
    if not place and kind != "file":
        raise StoreFailed(url, "names no place", "give a path or a URL with a name")
    match kind:
        case "":
            return LocalStore(os.path.abspath(url))  # noqa: PTH100  (Path.absolute keeps `..`)
        case "file":
            local_path(url)
            return LocalStore(f"file://{url.removeprefix('file://').rstrip('/') or '/'}")
        case "memory":
            return MemoryStore(f"memory://{place}")
        case "gs":
            from genocloud.storage.gcs import GoogleStore  # slow to import, and needed by few

            return GoogleStore(f"gs://{place}")
        case "s3":
            with _installed(url, "s3"):
                from genocloud.storage.s3 import AmazonStore
            return AmazonStore(f"s3://{place}")
        case "az":
            with _installed(url, "azure"):
                from genocloud.storage.azure import AzureStore
            return AzureStore(f"az://{place}")
    raise UnknownScheme(url, kind)


@contextmanager
def _installed(url: str, extra: str) -> Iterator[None]:
    try:
        yield
    except ModuleNotFoundError as error:
        raise NotInstalled(url, scheme(url), error.name or extra, extra) from error


def open_file(url: str) -> BinaryIO:
    """One file by its URL, to read (seekable and buffered, unless it is a pipe); raises UnreadableFile."""
    try:
        store, name = split(url)
        return open_store(store).open(name)
    except (StoreFailed, UnknownScheme) as error:
        raise UnreadableFile(url, error.problem, error.remedy) from error


def refuse_pipe(url: str) -> None:
    """Raise UnreadableFile for a pipe or device, where a file is read more than once: to open one may take for ever."""
    if scheme(url) not in ("", "file"):
        return
    path = local_path(url)
    if path.exists() and not (path.is_file() or path.is_dir()):
        raise UnreadableFile(url, "is a pipe or a device, not a file", "write what it gives to a file, and name that")


def map_file(url: str) -> memoryview:
    """A whole file as a read-only buffer; raises UnreadableFile.

    A local file is mapped and takes no memory of its own (the buffer keeps the map alive); any other is read.
    """
    with open_file(url) as stream:
        try:
            return memoryview(mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ))
        except (OSError, ValueError):  # not a file of this system, or one without bytes: a pipe, say
            pass
        try:
            return memoryview(stream.read())
        except StoreFailed as error:
            raise UnreadableFile(url, error.problem, error.remedy) from error

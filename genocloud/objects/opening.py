"""From a URL to its store, or to one readable file."""

import mmap
import os
from typing import BinaryIO

from genocloud.errors import UnreadableFile
from genocloud.objects.local import LocalStore, local_path
from genocloud.objects.memory import MemoryStore
from genocloud.objects.store import Store, StoreFailed, UnknownScheme
from genocloud.objects.urls import scheme, split


def open_store(url: str) -> Store:
    """The store at a plain path, file:///path, gs://bucket/prefix or memory://name; it need not exist yet.

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
            from genocloud.objects.google import GoogleStore  # slow to import, and needed by few

            return GoogleStore(f"gs://{place}")
    raise UnknownScheme(url, kind)


def open_file(url: str) -> BinaryIO:
    """One file by its URL, to read (seekable and buffered, unless it is a pipe); raises UnreadableFile."""
    try:
        store, name = split(url)
        return open_store(store).open(name)
    except (StoreFailed, UnknownScheme) as error:
        raise UnreadableFile(url, error.problem, error.remedy) from error


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

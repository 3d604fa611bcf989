"""From a URL to its store, or to one readable file."""

import mmap
import os
import stat
from collections.abc import Callable
from functools import cache
from importlib import import_module
from typing import BinaryIO

from genocloud.errors import UnreadableFile
from genocloud.storage.audit_log import audited
from genocloud.storage.local import local_text
from genocloud.storage.store import NotInstalled, Store, StoreFailed, UnknownScheme
from genocloud.storage.store_kinds import BY_SCHEME, StoreKind
from genocloud.storage.urls import is_local, scheme, split


def open_store(url: str) -> Store:
    """The store that `url` names, its reads and writes noted where an audit log is kept; see `plain_store`."""
    return audited(plain_store(url), plain_store)


def plain_store(url: str) -> Store:
    """The store at a path or URL of one of the STORE_KINDS; it need not exist yet.

    A relative path is taken from the present folder once and for all, so that other processes find the same store.
    Raises UnknownScheme (SettingError), NotInstalled, or StoreFailed for a URL that names no place.
    """
    name = scheme(url)
    place = url.removeprefix(f"{name}://").strip("/") if name else url
    if not place and name != "file":
        raise StoreFailed(url, "names no place", "give a path or a URL with a name")
    if name not in BY_SCHEME:
        raise UnknownScheme(url, name)
    made: Store = _class_of(BY_SCHEME[name], url)(_whole(url) if is_local(url) else f"{name}://{place}")
    return made


def _whole(url: str) -> str:
    """An absolute path, or a file:// URL of this machine without a slash at its end."""
    if scheme(url) == "":
        return os.path.abspath(url)  # noqa: PTH100  (Path.absolute keeps `..`)
    local_text(url)
    return f"file://{url.removeprefix('file://').rstrip('/') or '/'}"


def _class_of(kind: StoreKind, url: str) -> Callable[[str], Store]:
    """The class of a kind of store, whose client library may be slow to import, and not installed."""
    try:
        return _imported(kind.store)
    except ModuleNotFoundError as error:
        if not kind.extra:
            raise
        raise NotInstalled(url, kind, error.name or kind.extra) from error


@cache
def _imported(store: str) -> Callable[[str], Store]:
    """The class `module:Class`; cached, as thousands of files are opened by URL."""
    module, _, name = store.partition(":")
    made: Callable[[str], Store] = getattr(import_module(module), name)
    return made


def open_file(url: str) -> BinaryIO:
    """One file by its URL, to read (seekable and buffered, unless it is a pipe); raises UnreadableFile."""
    try:
        store, name = split(url)
        return open_store(store).open(name)
    except (StoreFailed, UnknownScheme) as error:
        raise UnreadableFile(url, error.problem, error.remedy) from error


def refuse_pipe(url: str) -> None:
    """Raise UnreadableFile for a pipe or device, where a file is read more than once: to open one may take for ever."""
    if not is_local(url):
        return
    try:
        mode = os.stat(local_text(url)).st_mode  # noqa: PTH116  (thousands are looked at: see local_text)
    except (OSError, ValueError):  # whoever opens it says what is wrong
        return
    if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):
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

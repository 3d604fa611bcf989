"""A store in a folder of a local or shared (NFS, Lustre) file system: a plain path or file:///path."""

import errno
import os
import re
import stat
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, cast
from urllib.parse import unquote
from uuid import uuid4

from genocloud.storage import permissions
from genocloud.storage.store import Names, ObjectExists, ObjectMissing, StoreFailed
from genocloud.storage.streams import outlet
from genocloud.storage.urls import check_name, join, scheme

DRAFT = ".genocloud-draft-"
"""Prefix of unfinished files, which no list shows; only a killed writer leaves one behind."""

_FORBIDDEN = ("permission denied", "ask for access to it, or choose another place")
_FULL = ("no space is left", "free some, or choose another place, and run this again")
_CROWDED = ("too many open files", "raise `ulimit -n`, or give a smaller --batch-size")
_TROUBLES = {
    errno.EACCES: _FORBIDDEN,
    errno.EPERM: _FORBIDDEN,
    errno.EROFS: ("the file system is read-only", "choose another place"),
    errno.ENOSPC: _FULL,
    errno.EDQUOT: ("your disk quota is used up", _FULL[1]),
    errno.EMFILE: _CROWDED,
    errno.ENFILE: _CROWDED,
    errno.ENAMETOOLONG: ("the name is too long for the file system", "choose a shorter one"),
    errno.ENOTDIR: ("a part of the path is a file, not a folder", "check the path, or choose another place"),
    errno.EISDIR: ("is a folder, not a file", "check the path"),
}
_NO_LINKS = (
    "the file system cannot make hard links, by which versions are committed",
    "choose another file system, or gs://",
)


@dataclass(frozen=True)
class LocalStore:
    """Objects as files in a folder, which is created by the first write."""

    url: str

    @property
    def _root(self) -> Path:
        return local_path(self.url)

    def _path(self, name: str) -> Path:
        return self._root / check_name(self.url, name)

    def read(self, name: str, start: int = 0, end: int | None = None) -> bytes:
        with self.open(name) as stream:
            stream.seek(start)
            return stream.read() if end is None else stream.read(max(end - start, 0))

    def size(self, name: str) -> int:
        with explained(join(self.url, name)):
            if is_device(self._path(name)):  # to open a pipe may take for ever
                return 0
        with self.open(name) as stream:
            return stream.seek(0, os.SEEK_END)

    def exists(self, name: str) -> bool:
        with explained(join(self.url, name)):
            return self._path(name).is_file()

    def write(self, name: str, data: bytes) -> None:
        with self._written(name, Path.replace) as stream:
            stream.write(data)

    def create(self, name: str, data: bytes) -> None:
        with self._written(name, _link) as stream:
            stream.write(data)

    def writer(self, name: str) -> AbstractContextManager[BinaryIO]:
        return self._written(name, Path.replace)

    @contextmanager
    def _written(self, name: str, put: Callable[[Path, Path], object]) -> Iterator[BinaryIO]:
        url, path = join(self.url, name), self._path(name)
        with explained(url):
            device, path = is_device(path), _target(path)
        if device and put is not _link:
            with _device(path, url) as file, outlet(file, lambda: explained(url)) as stream:
                yield stream
            return
        with _draft(path, url) as (draft, file):
            with outlet(file, lambda: explained(url)) as stream:
                yield stream
            with explained(url):
                os.fsync(file.fileno())
                put(draft, path)
                _sync_folder(path.parent)

    def open(self, name: str) -> BinaryIO:
        url = join(self.url, name)
        with explained(url):
            try:
                return open(f"{local_text(self.url)}/{check_name(self.url, name)}", "rb")  # noqa: PTH123
            except (FileNotFoundError, NotADirectoryError):
                raise ObjectMissing(url) from None
            except IsADirectoryError:
                raise ObjectMissing(url, *_TROUBLES[errno.EISDIR]) from None

    def list(self, prefix: str = "") -> Names:
        with explained(self.url):
            return sorted(name for name in self._names(prefix.rpartition("/")[0]) if name.startswith(prefix))

    def _names(self, folder: str, drafts: bool = False) -> Iterator[str]:
        for at, _, files in os.walk(self._root / folder, onerror=_raise_unless_absent):
            below = Path(at).relative_to(self._root)
            yield from ((below / file).as_posix() for file in files if file.startswith(DRAFT) == drafts)

    def delete(self, name: str) -> None:
        path = self._path(name)
        with explained(join(self.url, name)):
            if path.is_file() or path.is_symlink():
                path.unlink(missing_ok=True)

    def modified(self, name: str) -> float:
        with self.open(name) as stream:
            return os.fstat(stream.fileno()).st_mtime

    def sweep(self, older_than: float) -> Names:
        latest = time.time() - older_than
        with explained(self.url):
            return [name for name in sorted(self._names("", drafts=True)) if _remove_old(self._root / name, latest)]


def local_path(url: str) -> Path:
    """The path of a plain path or a file:// URL (percent-decoded, of this host)."""
    return Path(local_text(url))


def local_text(url: str) -> str:
    """`local_path` as text: making a Path takes longer than opening a file, and thousands are opened."""
    if scheme(url) != "file":
        return url
    host, slash, path = url.removeprefix("file://").partition("/")
    if host not in ("", "localhost") or not slash:
        raise StoreFailed(url, f"names another machine, {host!r}", "write file:///path, with three slashes")
    return "/" + unquote(path)


@contextmanager
def explained(url: str) -> Iterator[None]:
    try:
        yield
    except FileExistsError:
        raise ObjectExists(url) from None
    except OSError as error:
        fallback = (error.strerror or str(error), "check the file system, then run this again")
        raise StoreFailed(url, *_TROUBLES.get(error.errno or 0, fallback)) from error


def is_device(path: Path) -> bool:
    """Whether a path is written in place, not replaced: a device, a pipe, or an open file descriptor."""
    try:
        mode = path.stat().st_mode
    except (FileNotFoundError, NotADirectoryError):
        return False
    return not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)) or _is_descriptor(path)


def _is_descriptor(path: Path) -> bool:
    """Whether a path is /dev/stdout, /dev/fd/3, or the like."""
    place = path.readlink() if path.is_symlink() else path
    return _DESCRIPTOR.fullmatch(str(place)) is not None


_DESCRIPTOR = re.compile(r"/dev/fd/\d+|/proc/(self|\d+)/fd/\d+|pipe:.*")


def _target(path: Path) -> Path:
    """The path to replace: a symbolic link's target."""
    return path.resolve() if path.is_symlink() and not is_device(path) else path


@contextmanager
def _device(path: Path, url: str) -> Iterator[BinaryIO]:
    with explained(url):
        file = path.open("ab", buffering=0)  # what a redirected file holds already stays
    with file:
        yield cast(BinaryIO, file)


@contextmanager
def _draft(path: Path, url: str) -> Iterator[tuple[Path, BinaryIO]]:
    draft = path.parent / f"{DRAFT}{uuid4().hex}"
    with explained(url):
        make_folder(path.parent)
        # the outlet buffers; a failed flush must not be tried again on closing
        file = os.fdopen(permissions.new_file(draft), "wb", buffering=0)
    try:
        with file:
            yield draft, cast(BinaryIO, file)
    finally:
        with explained(url):
            draft.unlink(missing_ok=True)


def make_folder(folder: Path) -> None:
    if not folder.is_dir():
        make_folder(folder.parent)
        try:
            folder.mkdir(permissions.FOLDER & ~permissions.mask(), exist_ok=True)
        except FileExistsError:
            raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), str(folder)) from None
        _sync_folder(folder.parent)


def _sync_folder(folder: Path) -> None:
    place = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(place)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):  # file systems that sync names on their own
            raise
    finally:
        os.close(place)


def _remove_old(draft: Path, latest: float) -> bool:
    """Remove a file last changed at `latest` or before; False for a newer or vanished one."""
    try:
        if draft.lstat().st_mtime > latest:
            return False
        draft.unlink()
    except FileNotFoundError:
        return False
    return True


def _link(draft: Path, path: Path) -> None:
    try:
        path.hardlink_to(draft)
    except FileExistsError:
        # NFS asks again when an answer is lost, and is then told that its own first link exists.
        if draft.stat().st_nlink != 2:
            raise
    except OSError as error:
        if error.errno in (errno.EPERM, errno.ENOTSUP, errno.ENOSYS):
            raise StoreFailed(str(path), *_NO_LINKS) from error
        raise


def _raise_unless_absent(error: OSError) -> None:
    if not isinstance(error, (FileNotFoundError, NotADirectoryError)):
        raise error

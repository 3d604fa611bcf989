"""Locks on outputs, held on this machine or a shared file system: a second run that writes one is refused."""

import errno
import fcntl
import hashlib
import os
import socket
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from genocloud.errors import StoreError
from genocloud.storage import permissions
from genocloud.storage.local import DRAFT, explained, is_device, local_path, make_folder
from genocloud.storage.store_kinds import BY_SCHEME
from genocloud.storage.urls import is_local, scheme, split

_NO_LOCKS = {errno.ENOLCK, errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP, errno.EINVAL}
"""Errors of file systems without locks (Lustre without -o flock), which are written to unlocked."""


class OutputInUse(StoreError):
    """An output that another process is writing now."""

    def __init__(self, url: str, writer: str) -> None:
        self.url, self.writer = url, writer
        super().__init__(
            f"{url}: another run is writing it now ({writer}); this one has changed nothing there: "
            "wait until the other has ended, or choose another output"
        )


@contextmanager
def file_lock(url: str) -> Iterator[None]:
    """Lock an output file while it is written. Raises OutputInUse at once if another run holds the lock.

    The system releases the lock of a killed process. Pipes and devices are not locked.
    """
    folder, name = split(url)
    with explained(url):
        device = is_local(url) and is_device(local_path(url))
    if device:
        yield
    else:
        with _locked(folder, name, url, fcntl.LOCK_EX):
            yield


@contextmanager
def folder_lock(url: str, part: str | None = None) -> Iterator[None]:
    """Lock an output folder; runs that each write their own `part` share the folder's lock."""
    if part is None:
        with _locked(url, "", url, fcntl.LOCK_EX):
            yield
    else:
        with _locked(url, "", url, fcntl.LOCK_SH), _locked(url, part, f"{url}, {part}", fcntl.LOCK_EX):
            yield


@contextmanager
def _locked(folder: str, name: str, url: str, kind: int) -> Iterator[None]:
    place = BY_SCHEME.get(scheme(folder))  # whoever opens a place of no known kind says so
    if place is not None and place.in_process:
        yield
        return
    path = _lock_path(folder, name)
    with explained(url):
        held = _hold(path, url, kind)
    try:
        yield
    finally:
        with suppress(OSError):
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)  # it stays where others hold it together with this run
            path.unlink()
        os.close(held)


def _lock_path(folder: str, name: str) -> Path:
    """A hidden file in a local folder; for a bucket, one in this machine's folder for temporary files."""
    if is_local(folder):
        return local_path(folder) / f"{DRAFT}lock-{_digest(name)}"
    return Path(tempfile.gettempdir()) / f"{DRAFT}lock-{os.getuid()}-{_digest(f'{folder}/{name}')}"


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _hold(path: Path, url: str, kind: int) -> int:
    while True:
        make_folder(path.parent)
        held = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, permissions.FILE & ~permissions.mask())
        try:
            fcntl.flock(held, kind | fcntl.LOCK_NB)
        except BlockingIOError:
            writer = os.pread(held, 1000, 0).decode(errors="replace")
            os.close(held)
            raise OutputInUse(url, writer or "it has just begun") from None
        except OSError as error:
            if error.errno not in _NO_LOCKS:
                os.close(held)
                raise
        if _is_at(path, held):
            os.truncate(held, 0)
            os.pwrite(held, f"process {os.getpid()} on {socket.gethostname()}".encode(), 0)
            return held
        os.close(held)  # its holder has ended and removed it in between


def _is_at(path: Path, held: int) -> bool:
    try:
        return os.path.samestat(path.stat(), os.fstat(held))
    except FileNotFoundError:
        return False

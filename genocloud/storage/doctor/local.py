"""State of a local folder: free space, locks, file system, permissions."""

import fcntl
import os
import shutil
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path

from genocloud.storage import permissions
from genocloud.storage.doctor import Finding, broken, fine, note, query, unknown
from genocloud.storage.local import local_path
from genocloud.storage.store import Store

LITTLE_BYTES = 10 << 30
"""Free space below which a note is given: a cohort of ten genomes has about 1 GB, its callset more."""

SHARED = ("nfs", "nfs4", "lustre", "gpfs", "beegfs", "ceph", "fuse.glusterfs", "cifs", "smb3")


def settings(store: Store) -> Iterator[Finding]:
    """Free space, locks, file system and permissions of the folder, or of its nearest existing parent."""
    folder = local_path(store.url).absolute()
    while not folder.exists():
        folder = folder.parent
    yield from query("room", lambda: _room(folder), iter)
    yield from query("locks", lambda: _locks(folder), iter)
    yield from query("location", lambda: _location(folder), iter)
    yield from query("exposure", lambda: _exposure(folder), iter)
    yield from query("new files", _new_files, iter)
    yield unknown("encryption", "a folder does not tell whether its disk is encrypted")
    yield unknown("old versions", "snapshots and backups keep what is deleted, erased people too: ask who runs them")


def _room(folder: Path) -> list[Finding]:
    free, inodes = shutil.disk_usage(folder).free, os.statvfs(folder)
    text = f"{free / 1e9:,.1f} GB are free"
    findings = [fine("room", text) if free >= LITTLE_BYTES else (note if free else broken)("room", f"only {text}")]
    if inodes.f_files and not inodes.f_favail:
        findings.append(broken("room", "no file can be made: the file system is out of inodes; remove small files"))
    return findings


def _locks(folder: Path) -> list[Finding]:
    """The workflow holds a lock in its folder; stores need none."""
    if not os.access(folder, os.W_OK):
        return [unknown("locks", "nothing can be written here")]
    with tempfile.TemporaryFile(dir=folder) as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            text = f"there are none ({error.strerror}): a store needs none, but run the workflow in another folder"
            return [note("locks", text)]
    return [fine("locks", "a file can be locked")]


def _location(folder: Path) -> list[Finding]:
    kind = _file_system(folder)
    shared = "shared between machines" if kind in SHARED else "of this machine alone, as far as its kind tells"
    return [fine("location", f"{kind}, {shared}") if kind else unknown("location", "the kind of file system")]


def _file_system(folder: Path) -> str:
    """The type of the file system that holds a folder; empty if the system does not list it."""
    mounts = [line.split()[1:3] for line in Path("/proc/mounts").read_text().splitlines()]
    above = [(len(at), kind) for at, kind in mounts if folder.resolve().is_relative_to(at)]
    return max(above, default=(0, ""))[1]


def _exposure(folder: Path) -> list[Finding]:
    mode = folder.stat().st_mode
    if mode & stat.S_IWOTH and not mode & stat.S_ISVTX:
        return [broken("exposure", f"{folder}: everybody on this machine may write here; chmod o-w")]
    if mode & stat.S_IROTH and mode & stat.S_IXOTH and _reached_by_others(folder.parent):
        return [note("exposure", f"{folder}: everybody on this machine may read here; chmod o-rx keeps others out")]
    return [fine("exposure", "owner and group alone may read here")]


def _new_files() -> list[Finding]:
    """Permissions of files that genocloud will create."""
    bits = permissions.mask()
    modes = f"folders {permissions.FOLDER & ~bits:04o} and files {permissions.FILE & ~bits:04o} at most"
    if not bits & stat.S_IROTH or not bits & stat.S_IWOTH:
        text = (
            f"{modes}: {permissions.VARIABLE} lets everybody on this machine have access; unset it to keep others out"
        )
        return [note("new files", text)]
    return [fine("new files", f"{modes}; {permissions.VARIABLE} widens it")]


def _reached_by_others(folder: Path) -> bool:
    return all(each.stat().st_mode & stat.S_IXOTH for each in (folder, *folder.parents))

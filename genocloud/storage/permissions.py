"""Permissions of new files and folders: owner and group at most, unless GENOCLOUD_UMASK allows more."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from genocloud.errors import SettingError

VARIABLE = "GENOCLOUD_UMASK"
"""Environment variable: permission bits that new files and folders never have, an octal umask."""

MASK = 0o027
"""Default: folders 0750 and files 0640 at most. A stricter umask of the process still applies."""

FOLDER, FILE = 0o777, 0o666
"""Modes before the mask; the process's umask applies as well."""


def mask() -> int:
    """The active mask. Raises SettingError for an invalid GENOCLOUD_UMASK."""
    text = os.environ.get(VARIABLE, "")
    if not text:
        return MASK
    try:
        value = int(text, 8)
    except ValueError:
        value = -1
    if not 0 <= value <= 0o077:
        raise SettingError(
            f"{VARIABLE}={text}: no mask from 000 to 077 in octal, as umask takes it; 022 lets everybody read new files"
        )
    return value


def new_file(path: Path) -> int:
    """Create a file under the mask and return its descriptor for writing; raises OSError."""
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, FILE & ~mask())


def make_private() -> int:
    """Apply the mask to this process and its children, whatever library creates files; returns the previous umask."""
    bits, before = mask(), os.umask(0o077)
    os.umask(before | bits)
    return before


@contextmanager
def private_files() -> Iterator[None]:
    """`make_private` for the duration of a block."""
    before = make_private()
    try:
        yield
    finally:
        os.umask(before)

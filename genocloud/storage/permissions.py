"""Who may read new files and folders: owner and group at most, unless GENOCLOUD_UMASK lets others."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from genocloud.errors import SettingError

VARIABLE = "GENOCLOUD_UMASK"
"""In the environment: which permissions new files and folders never have, in octal as umask takes it."""

MASK = 0o027
"""Without it: folders 0750 and files 0640 at most. A stricter umask of the process stays in force."""

FOLDER, FILE = 0o777, 0o666
"""What is left of these by the mask is asked for; the process's umask then takes away what it takes from all files."""


def mask() -> int:
    """The permission bits that new files and folders do not have. Raises SettingError for a value that is no mask."""
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
    """A descriptor of a new file that others may not read, to write; as `open` it raises OSError."""
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, FILE & ~mask())


def make_private() -> int:
    """Hold all that this process and its children make, by whatever library, to the mask; the umask from before."""
    bits, before = mask(), os.umask(0o077)
    os.umask(before | bits)
    return before


@contextmanager
def private_files() -> Iterator[None]:
    """The same for as long as the block runs."""
    before = make_private()
    try:
        yield
    finally:
        os.umask(before)

"""A private cache folder for compiled kernels where NUMBA_CACHE_DIR, the package's folder and HOME are read-only."""

import logging
import os
import stat
import tempfile
from functools import cache
from pathlib import Path
from typing import Any

from numba.core.caching import UserProvidedCacheLocator

from genocloud.errors import SettingError

_log = logging.getLogger(__name__)


class PrivateLocator(UserProvidedCacheLocator):  # type: ignore[misc]  # numba has no types
    """Keeps compiled kernels in this user's own folder among the temporary files."""

    def __init__(self, py_func: Any, py_file: str) -> None:
        super().__init__(py_func, py_file)
        self._cache_path = str(_folder() / self.get_suitable_cache_subpath(py_file))

    @classmethod
    def from_function(cls, py_func: Any, py_file: str) -> "PrivateLocator":
        """The locator of a function's kernels; numba tries it after all of its own."""
        locator = cls(py_func, py_file)
        locator.ensure_cache_path()
        return locator


@cache
def _folder() -> Path:
    """A folder that no other user can write to, since code in it is run; logged once.

    Raises SettingError if no folder can be made.
    """
    try:
        folder = Path(tempfile.gettempdir()) / f"genocloud-kernels-{os.getuid()}"
        folder.mkdir(0o700, exist_ok=True)
        facts = folder.lstat()
        if not stat.S_ISDIR(facts.st_mode) or facts.st_uid != os.getuid() or facts.st_mode & 0o022:
            folder = Path(tempfile.mkdtemp(prefix="genocloud-kernels-"))
    except OSError as error:
        raise SettingError(
            f"compiled kernels have no place: neither NUMBA_CACHE_DIR, HOME nor TMPDIR can be written ({error}); "
            "set NUMBA_CACHE_DIR to a folder of your own"
        ) from error
    _log.warning("compiled kernels are kept in %s; set NUMBA_CACHE_DIR to a folder that can be written", folder)
    return folder

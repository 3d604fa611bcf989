"""numba's on-disk cache for genocloud's kernels only; a host program's own numba functions are not affected."""

import hashlib
import logging
from pathlib import Path
from typing import Any, ClassVar

from numba.core.caching import CompileResultCacheImpl, FunctionCache, IndexDataCacheFile
from numba.core.runtime import rtsys

from genocloud.kernels.private_cache import PrivateLocator

_log = logging.getLogger(__name__)
SOURCES = hashlib.sha256(b"".join(path.read_bytes() for path in sorted(Path(__file__).parent.glob("*.py")))).hexdigest()
"""Hash of the source of all kernels, since each compiled kernel contains those that it calls."""


class _KernelFiles(CompileResultCacheImpl):  # type: ignore[misc]  # numba has no types
    _locator_classes: ClassVar = [*CompileResultCacheImpl._locator_classes, PrivateLocator]


class KernelCache(FunctionCache):  # type: ignore[misc]
    """The on-disk cache of one kernel; stale when the source of any kernel has changed.

    numba checks the kernel's own file only, and would keep using code compiled from an older version of another.
    """

    _impl_class = _KernelFiles
    announced: ClassVar[bool] = False
    """Whether the user has been notified that kernels are being compiled, which takes long."""

    def __init__(self, function: Any) -> None:
        super().__init__(function)
        self._cache_file = IndexDataCacheFile(self.cache_path, self._impl.filename_base, SOURCES)
        # an index of other sources may name a class that is gone: numba does not unpickle one of another version
        self._cache_file._version += f" {SOURCES}"

    def load_overload(self, signature: Any, context: Any) -> Any:
        """The kernel compiled for a signature, or None, which makes numba compile it. numba holds its lock around this.

        As in numba, but without loading what only compiling needs, a fifth of a second in every process; compiling
        loads it itself.
        """
        rtsys.initialize(context)
        compiled = self._load_overload(signature, context)
        if compiled is None and not KernelCache.announced:
            KernelCache.announced = True
            _log.warning("compiling kernels (once, about half a minute; NUMBA_CACHE_DIR says where they are kept)")
        return compiled

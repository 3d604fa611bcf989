"""numba's cache of compiled functions as genocloud's kernels use it; that of a host program stays as numba has it."""

import hashlib
import logging
from pathlib import Path
from typing import Any, ClassVar

from numba.core.caching import CompileResultCacheImpl, FunctionCache, IndexDataCacheFile
from numba.core.runtime import rtsys

from genocloud.kernels.private_cache import PrivateLocator

_log = logging.getLogger(__name__)
SOURCES = hashlib.sha256(b"".join(path.read_bytes() for path in sorted(Path(__file__).parent.glob("*.py")))).hexdigest()
"""What compiled kernels follow from: the text of all of them, as each holds others that it calls."""


class _KernelFiles(CompileResultCacheImpl):  # type: ignore[misc]  # numba has no types
    _locator_classes: ClassVar = [*CompileResultCacheImpl._locator_classes, PrivateLocator]


class KernelCache(FunctionCache):  # type: ignore[misc]
    """The compiled forms of one kernel, on disk; stale when the text of any kernel has changed.

    numba looks at the kernel's own file only, and would go on with what it once compiled from another.
    """

    _impl_class = _KernelFiles
    announced: ClassVar[bool] = False
    """Whether somebody has said that kernels are being compiled: what takes so long must not look dead."""

    def __init__(self, function: Any) -> None:
        super().__init__(function)
        self._cache_file = IndexDataCacheFile(self.cache_path, self._impl.filename_base, SOURCES)

    def load_overload(self, signature: Any, context: Any) -> Any:
        """The kernel compiled for a signature, or None, and then numba compiles it. numba holds its lock around this.

        As numba does it, but without all that it would take to compile some: that is a fifth of a second in every
        process. Compiling loads it by itself.
        """
        rtsys.initialize(context)
        compiled = self._load_overload(signature, context)
        if compiled is None and not KernelCache.announced:
            KernelCache.announced = True
            _log.warning("compiling kernels (once, about half a minute; NUMBA_CACHE_DIR says where they are kept)")
        return compiled

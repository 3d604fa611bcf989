"""Arithmetic over arrays, compiled by numba; knows no files and no tables."""

import hashlib
import logging
from functools import partial
from pathlib import Path
from typing import Any

from numba.core import event
from numba.core.caching import Cache, _SourceFileBackedLocatorMixin
from numba.core.cpu import CPUContext
from numba.core.runtime import rtsys

from genocloud.kernels.private_cache import offer_private_cache

_log = logging.getLogger(__name__)
FOLDER = Path(__file__).parent
SOURCES = hashlib.sha256(b"".join(path.read_bytes() for path in sorted(FOLDER.glob("*.py")))).hexdigest()
"""What compiled kernels follow from: the text of all of them, as each holds others that it calls."""


class Compiling(event.Listener):  # type: ignore[misc]  # numba has no types
    """Says once that kernels are being compiled: what takes so long must not look dead."""

    told = False

    def on_start(self, _: event.Event) -> None:
        if not self.told:
            self.told = True
            _log.warning("compiling kernels (once, about half a minute; NUMBA_CACHE_DIR says where they are kept)")

    def on_end(self, _: event.Event) -> None:
        """Nothing to say."""


def _load_compiled(load: Any, cache: Cache, signature: Any, context: Any) -> Any:
    """As numba loads a compiled kernel, but not, before the first one, all that it would take to compile some.

    That is a fifth of a second in every process. Compiling loads it by itself. numba holds its lock around this.
    """
    context.refresh = partial(rtsys.initialize, context)
    try:
        return load(cache, signature, context)
    finally:
        del context.refresh


def _stamp(stamp: Any, locator: Any) -> Any:
    """What a compiled kernel must agree with: all kernels' files, as it would else stay as it was when one that it
    calls, in another file, has changed. Other libraries' functions have their own file, as numba has it."""
    return SOURCES if Path(locator._py_file).parent == FOLDER else stamp(locator)


offer_private_cache()
event.register("numba:compile", Compiling())
CPUContext.create_cfunc_wrapper = lambda *_: None  # for callers in C, of which there are none: an eighth of compiling
_load = Cache.load_overload
Cache.load_overload = lambda *arguments: _load_compiled(_load, *arguments)
_own_stamp = _SourceFileBackedLocatorMixin.get_source_stamp
_SourceFileBackedLocatorMixin.get_source_stamp = lambda locator: _stamp(_own_stamp, locator)

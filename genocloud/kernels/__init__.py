"""Arithmetic over arrays, compiled by numba; knows no files and no tables."""

import logging

from numba.core import event

_log = logging.getLogger(__name__)


class _Compiling(event.Listener):  # type: ignore[misc]  # numba has no types
    """Says once that kernels are being compiled: what takes so long must not look dead."""

    told = False

    def on_start(self, _: event.Event) -> None:
        if not self.told:
            self.told = True
            _log.warning("compiling kernels (once, about half a minute; NUMBA_CACHE_DIR says where they are kept)")

    def on_end(self, _: event.Event) -> None:
        """Nothing to say."""


event.register("numba:compile", _Compiling())

"""Decorators of kernels: compiled by numba, kept in a cache of their own, with their types where Python calls them."""

from collections.abc import Callable
from typing import Any

from numba import njit
from numba.core.dispatcher import Dispatcher

from genocloud.kernels.kernel_cache import KernelCache


def compiled(function: Callable[..., Any]) -> Any:
    """A function for other kernels: compiled for the types that they call it with."""
    # no_cfunc_wrapper: no C program calls kernels, and the wrapper for one is an eighth of compiling
    dispatcher = njit(nogil=True, no_cfunc_wrapper=True)(function)
    if isinstance(dispatcher, Dispatcher):  # NUMBA_DISABLE_JIT leaves the function as it is
        dispatcher._cache = KernelCache(function)  # type: ignore[attr-defined]  # where numba has its own
    return dispatcher

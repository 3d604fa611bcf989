"""Decorators of kernels: numba compilation with genocloud's own cache, and argument types of those Python calls."""

from collections.abc import Callable
from typing import Any

from numba import njit
from numba.core.dispatcher import Dispatcher

from genocloud.kernels.kernel_cache import KernelCache


def compiled(function: Callable[..., Any]) -> Any:
    """Compile a function that only kernels call, for the types that they call it with."""
    # no_cfunc_wrapper: no C program calls kernels, and the wrapper for one is an eighth of compiling
    dispatcher = njit(nogil=True, no_cfunc_wrapper=True)(function)
    if isinstance(dispatcher, Dispatcher):  # NUMBA_DISABLE_JIT leaves the function as it is
        dispatcher._cache = KernelCache(function)  # type: ignore[attr-defined]  # where numba has its own
    return dispatcher


def kernel(*signatures: str) -> Callable[[Callable[..., Any]], Any]:
    """Compile a function that Python calls; `signatures` are its argument types in a joint run.

    For these it is compiled before such a run begins, for others when it is called. Arrays are `dtype[:,::1]`, with `!`
    if read-only; tuples `(type, ...)`, preceded by the class of named ones.
    """

    def decorate(function: Callable[..., Any]) -> Any:
        dispatcher = compiled(function)
        dispatcher.joint_signatures = signatures
        return dispatcher

    return decorate

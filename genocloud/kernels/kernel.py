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


def kernel(*signatures: str) -> Callable[[Callable[..., Any]], Any]:
    """A function that Python calls, with the types of its arguments that a joint run calls it for.

    For these it is compiled before such a run begins, for others when it is called. Tables are `dtype[:,::1]`, with `!`
    where they are read-only; tuples `(type, ...)`, with their class before where they are named.
    """

    def decorate(function: Callable[..., Any]) -> Any:
        dispatcher = compiled(function)
        dispatcher.joint_signatures = signatures
        return dispatcher

    return decorate

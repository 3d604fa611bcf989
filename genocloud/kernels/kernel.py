"""Decorators of kernels: compiled by numba with genocloud's own cache, when they are first called."""

from collections.abc import Callable
from functools import update_wrapper
from threading import Lock
from typing import Any

_making = Lock()
"""Held while a dispatcher is made: two of one function would be two functions to numba."""


class Kernel:
    """A function that numba compiles, or loads compiled, when it is first called.

    numba is imported then: it takes half a second, and many commands call no kernel.

    joint_signatures  argument types in a joint run; none where Python does not call it there
    is_counted        whether references to arrays are counted
    """

    def __init__(
        self, function: Callable[..., Any], joint_signatures: tuple[str, ...] = (), *, is_counted: bool = True
    ) -> None:
        update_wrapper(self, function)
        self.py_func, self._is_counted = function, is_counted
        self.joint_signatures = joint_signatures
        self._dispatcher: Any = None

    def __call__(self, *arguments: Any) -> Any:
        """Call the compiled function."""
        return (self._dispatcher or self._made())(*arguments)

    @property
    def _numba_type_(self) -> Any:
        """What the kernel is to numba, where another one calls it."""
        return self._made()._numba_type_

    def __getattr__(self, name: str) -> Any:
        """Attributes of numba's dispatcher."""
        if name.startswith("__") and name != "__code__":
            raise AttributeError(name)
        return getattr(self._made(), name)

    def _made(self) -> Any:
        with _making:
            if self._dispatcher is None:
                self._dispatcher = _dispatcher_of(self.py_func, self._is_counted)
        return self._dispatcher


def _dispatcher_of(function: Callable[..., Any], is_counted: bool) -> Any:
    from numba import njit
    from numba.core.dispatcher import Dispatcher

    from genocloud.kernels.kernel_cache import KernelCache

    # no_cfunc_wrapper: no C program calls kernels, and the wrapper for one is an eighth of compiling
    dispatcher = njit(nogil=True, no_cfunc_wrapper=True, _nrt=is_counted)(function)
    if isinstance(dispatcher, Dispatcher):  # NUMBA_DISABLE_JIT leaves the function as it is
        dispatcher._cache = KernelCache(function)  # type: ignore[attr-defined]  # where numba has its own
    return dispatcher


def compiled(function: Callable[..., Any]) -> Any:
    """Compile a function that only kernels call, for the types that they call it with."""
    return Kernel(function)


def uncounted(function: Callable[..., Any]) -> Any:
    """As `compiled`, for a function that makes no arrays and returns none: references to arrays are not counted there.

    Counting is two atomic operations wherever a field of a named tuple is read: a fifth of the time of calling, once.
    Numba refuses to compile one that makes an array; what one returned would be freed too early, and what a function
    that it calls returned never.
    """
    return Kernel(function, is_counted=False)


def kernel(*signatures: str) -> Callable[[Callable[..., Any]], Any]:
    """Compile a function that Python calls; `signatures` are its argument types in a joint run.

    For these it is compiled before such a run begins, for others when it is called. Arrays are `dtype[:,::1]`, with `!`
    if read-only; tuples `(type, ...)`, preceded by the class of named ones.
    """
    return lambda function: Kernel(function, signatures)

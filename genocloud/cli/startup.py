"""What a genocloud process changes for itself alone as it starts and ends, so that commands start and end fast.

This is the one module with effects on the whole process: the library, imported by another program, changes nothing.
"""

import atexit
import gc
import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import NoReturn

_OBJECTS = 200_000
"""New objects between two collections of garbage: with Python's 700 they take a tenth of a second of every start."""

_POOL = "system"
"""pyarrow's memory comes from the C library, as numpy's does: pages that one frees the other takes, already cleared by
the kernel. With a pool of its own `joint` of 1,000 people took a sixth more memory and twice the time in the kernel."""

_UNUSED = {"pandas", "cffi", "coverage"}
"""pyarrow loads the first at its first conversion, numba the others, if they are there: 0.4 s for nothing."""


_DOCUMENTATION = "pyarrow.vendored.docscrape"
"""What pyarrow.compute makes the documentation of its functions with: half of the time in which it is imported."""


class _NoUnused:
    """Hides the packages that no command uses: they are there for who looks, as Bokeh does, but cannot be imported.

    It has the methods of a MetaPathFinder and Loader; importlib.abc, which has these classes, loads much.
    """

    def find_spec(self, name: str, *_: object) -> ModuleSpec | None:
        """A spec for an unused package; leave all else to the finders that follow."""
        return ModuleSpec(name, self) if name in _UNUSED or name == _DOCUMENTATION else None  # type: ignore[arg-type]

    def create_module(self, spec: ModuleSpec) -> None:
        """Raise as for a package that is not there; None, for an ordinary module, of the documentation."""
        if spec.name in _UNUSED:
            raise ModuleNotFoundError(spec.name)

    def exec_module(self, module: ModuleType) -> None:
        """Functions are documented without their parameters."""
        module.NumpyDocString = lambda _: {"Parameters": []}  # type: ignore[attr-defined]


@contextmanager
def fast_start() -> Iterator[None]:
    """Collect garbage rarely, share memory with pyarrow, start no threads for linear algebra, hide unused packages."""
    gc.set_threshold(_OBJECTS)
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # numpy's linear algebra, which no command uses
    os.environ.setdefault("ARROW_DEFAULT_MEMORY_POOL", _POOL)
    unused = _NoUnused()
    sys.meta_path.insert(0, unused)
    try:
        yield
    finally:
        sys.meta_path.remove(unused)


def fast_end(code: int) -> NoReturn:
    """End the process as Python does, but without taking apart what numba has loaded."""
    threading._shutdown()  # type: ignore[attr-defined]  # this and the next are what Python itself does when it ends
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)

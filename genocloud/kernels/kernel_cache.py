"""numba's on-disk cache for genocloud's kernels only; a host program's own numba functions are not affected."""

import hashlib
import logging
import pickle
import sys
from collections.abc import Sequence
from functools import cache, partial
from pathlib import Path
from typing import Any, ClassVar

from llvmlite import binding
from numba.core.caching import CompileResultCacheImpl, FunctionCache, IndexDataCacheFile
from numba.core.environment import Environment, lookup_environment
from numba.core.runtime import rtsys

from genocloud.kernels.private_cache import PrivateLocator

_log = logging.getLogger(__name__)
SOURCES = hashlib.sha256(b"".join(path.read_bytes() for path in sorted(Path(__file__).parent.glob("*.py")))).hexdigest()
"""Hash of the source of all kernels, since each compiled kernel contains those that it calls."""


class _KernelFiles(CompileResultCacheImpl):  # type: ignore[misc]  # numba has no types
    _locator_classes: ClassVar = [*CompileResultCacheImpl._locator_classes, PrivateLocator]

    def rebuild(self, target_context: Any, payload: Sequence[Any]) -> Any:
        """Load a kernel's machine code; its bitcode is parsed when it is linked into a kernel that is compiled.

        numba parses it and asks LLVM for each of its symbols, which takes half of all time that loading kernels does.
        """
        (name, kind, (code, bitcode)), description, *others = payload
        target_context.codegen()._engine._defined_symbols.add(description.llvm_cpython_wrapper_name)
        loaded = super().rebuild(target_context, ((name, kind, (code, _no_bitcode())), description, *others))
        loaded.library._shared_module = None
        loaded.library._get_module_for_linking = partial(_module_for_linking, loaded.library, bitcode)
        return loaded


@cache
def _no_bitcode() -> bytes:
    """The bitcode of an empty module."""
    return bytes(binding.parse_assembly("").as_bitcode())


def _module_for_linking(library: Any, bitcode: bytes) -> Any:
    if library._shared_module is None:
        library._shared_module = binding.parse_bitcode(bitcode)
    return library._shared_module


class _KernelData(IndexDataCacheFile):  # type: ignore[misc]
    """The files of one kernel's cache."""

    def _load_data(self, name: str) -> Any:
        with Path(self._data_path(name)).open("rb") as file:
            return _KernelUnpickler(file).load()


class _KernelUnpickler(pickle.Unpickler):
    """Unpickles kernels without importing the modules of numba's own functions in them.

    numba imports them for their globals, which machine code does not read; one of them loads SciPy's linear algebra.
    """

    def find_class(self, module: str, name: str) -> Any:
        """What a name in the pickle stands for."""
        return _environment if name == "_rebuild_env" else super().find_class(module, name)


def _environment(module: str, constants: Sequence[Any], name: str) -> Environment:
    """As numba's function for a pickled environment."""
    environment = lookup_environment(name)
    if environment is None:
        environment = Environment(vars(sys.modules[module]) if module in sys.modules else {"__name__": module})
        environment.consts[:] = constants
        environment.env_name = name
        Environment._memo[name] = environment
    return environment


class KernelCache(FunctionCache):  # type: ignore[misc]
    """The on-disk cache of one kernel; stale when the source of any kernel has changed.

    numba checks the kernel's own file only, and would keep using code compiled from an older version of another.
    """

    _impl_class = _KernelFiles
    announced: ClassVar[bool] = False
    """Whether the user has been notified that kernels are being compiled, which takes long."""

    def __init__(self, function: Any) -> None:
        super().__init__(function)
        self._cache_file = _KernelData(self.cache_path, self._impl.filename_base, SOURCES)
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

"""List the kernels that a joint run calls, so that processes compile them in parallel before it begins."""

import gc
import hashlib
from collections.abc import Iterator, Sequence
from contextlib import suppress
from importlib import import_module
from inspect import unwrap
from pathlib import Path
from pkgutil import iter_modules
from typing import Any

import numba
from numba import types
from numba.core.codegen import ll
from numba.core.errors import NumbaError

from genocloud.kernels.dictionary import number_words
from genocloud.kernels.kernel_cache import SOURCES, KernelCache


def missing() -> list[str]:
    """The kernels of a joint run that may not be compiled on this machine, those that take longest first."""
    return [] if numba.config.DISABLE_JIT or _mark().exists() else called()


def called() -> list[str]:
    """Each kernel that a joint run calls from Python, with its argument types: `module.name types`."""
    kernels = [
        (name, member)
        for module in iter_modules([str(Path(__file__).parent)])
        for name, member in vars(import_module(f"genocloud.kernels.{module.name}")).items()
        if hasattr(member, "joint_signatures") and member.__module__ == f"genocloud.kernels.{module.name}"
    ]
    kernels.sort(key=lambda kernel: -_length(kernel[1], set()))
    return [
        f"{member.__module__.rpartition('.')[2]}.{name} {signature}"
        for name, member in kernels
        for signature in member.joint_signatures
    ]


def _length(kernel: Any, counted: set[Any]) -> int:
    """Bytes of bytecode of a kernel and of those that it calls: an estimate of the time to compile it."""
    function = unwrap(kernel)
    counted.add(function)
    members = [function.__globals__.get(name) for name in function.__code__.co_names]
    return len(function.__code__.co_code) + sum(
        _length(member, counted) for member in members if hasattr(member, "__code__") and unwrap(member) not in counted
    )


def compile_kernel(line: str) -> None:
    """Compile one of the `missing` lines, unless numba's cache has it.

    A kernel that does not compile for these types is compiled when it is called, and raises numba's error then.
    """
    name, _, kinds = line.partition(" ")
    KernelCache.announced = True  # the caller reports it
    collecting = gc.isenabled()
    gc.disable()  # compiling leaves little garbage, and collecting takes a fourteenth of the time
    try:
        with suppress(NumbaError):
            _named(name).compile(tuple(_types(kinds)))
    finally:
        if collecting:
            gc.enable()


def remember() -> None:
    """Mark the cache folder as complete."""
    with suppress(OSError):
        _mark().touch()


def place() -> str:
    """The folder of numba's cache of compiled kernels."""
    return str(number_words.stats.cache_path)


def _mark() -> Path:
    """An empty file, named after everything that compiled kernels depend on."""
    facts = f"{numba.__version__} {ll.get_host_cpu_name()} {SOURCES}"
    return Path(place()) / f"complete-{hashlib.sha256(facts.encode()).hexdigest()[:16]}"


def _named(name: str) -> Any:
    module, _, member = name.rpartition(".")
    return getattr(import_module(f"genocloud.kernels.{module}"), member)


def _types(text: str) -> Iterator[Any]:
    """Types between commas, outside of brackets."""
    depth, begin = 0, 0
    for place, char in enumerate(text + ","):
        depth += (char in "([") - (char in ")]")
        if char == "," and not depth and place > begin:
            yield _type(text[begin:place].strip())
            begin = place + 1


def _type(text: str) -> Any:
    if text.endswith(")"):
        name, _, inner = text[:-1].partition("(")
        members: Sequence[Any] = tuple(_types(inner))
        return types.NamedTuple(members, _named(name)) if name else types.Tuple(members)
    if "[" in text:
        base, _, dimensions = text.partition("[")
        return types.Array(_type(base), dimensions.count(",") + 1, "C", readonly=text.endswith("!"))
    return numba.from_dtype(_named(text)) if "." in text else getattr(types, text)

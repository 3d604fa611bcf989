"""The kernels that a joint run calls, so that processes can compile them side by side before it begins."""

import gc
import hashlib
import re
from collections.abc import Iterator, Sequence
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import Any

import numba
from numba import types
from numba.core.codegen import ll
from numba.core.errors import NumbaError

from genocloud.kernels.kernel_cache import SOURCES, KernelCache
from genocloud.kernels.words import number_words

CALLED = """\
parsing.parse uint8[::1], int64, int64, (uint8[::1]!, int64, int64), (uint8[::1]!, int64, int64), (int64, int64),
    uint8[::1]!, boolean[::1], boolean, boolean, int32[:,::1], int32[:,::1], float64[:,::1], int64[:,::1],
    int32[:,:,::1], int32[:,::1], int32[:,::1], int8[::1], int32[::1], int32[::1], int32[::1], int32[::1], int64[::1],
    int64[::1], int64[::1]
calling.call_sites likelihoods.FACTS[::1], int32[::1], int32[::1], calling.Evidence(int64[::1], int8[::1],
    int64[::1], int32[::1], int64[::1], int32[::1], int32[:,::1], int64[:,::1], float32[:,::1]), int32[:,::1],
    int32[::1], int64[::1], int64[::1], int64[::1], int64[::1], int64[:,::1], int64[::1], int64
frequencies.estimate_sites int64[::1], int64[::1], int32[::1], int64[::1], int64[:,::1], int64[::1], float64[::1],
    int64[::1], int64
summaries.summarise_sites likelihoods.FACTS[::1], int32[::1], int32[::1], int32[:,::1], int32[::1], int64[::1],
    int64[::1], int64
text.put_decimals float64[::1]!, int64[::1], uint8[::1]!, int64, uint8[::1], int32[::1]
unifying.unify_sites int64[::1], int64[::1], int64[::1], uint8[::1], int64[::1], uint8[::1], int64[::1], int32[::1]
site_statistics.annotate_sites int64[:,::1], int64[:,::1], float64[:,::1], int64[::1]
text.put_lines int64[::1], uint8[::1]!, int32[:,::1], int32[::1], int64[:,::1], int64[::1], uint8[::1]!, int8[::1],
    int64[::1], int64[::1], int64[::1], int32[::1], int64[::1], uint8[::1]!, uint8[::1], int64[::1]
alleles.spanning_alleles int64[::1], uint8[::1], int64[::1], int64[::1], uint8[::1], int64[::1], int64[::1],
    int32[::1]
filling.fill_strings uint8[::1], int32[:,:,::1], int64, boolean[::1], int32[:,::1], uint8[::1], uint8[:,::1],
    int64[::1]
alleles.match_alleles int32[::1], int64[::1], int64[::1], int64[::1], uint8[::1], int32[::1], int64[::1],
    uint8[::1], int64[::1], int64[::1], uint8[::1]
settling.settle_sites int32[::1], int32[::1], int64[::1], int64[::1], int64[::1], boolean[::1], boolean[::1],
    float64[::1], int64[::1], int32[::1], float64, int64[:,::1]
alignment.fill_speaking int32[:,::1], int32[::1], int32[::1], int32[::1], int32[::1], int64[::1], int32[::1]
alignment.number_blocks int32[:,::1]
alleles.any_other_alleles int64[::1], int64[::1], uint8[::1]
filling.count_letters int32[:,:,::1], int64, int64[::1]
filling.fill_numbers float64[:,::1], int64[::1], int64, float64, float32[:,::1], uint8[:,::1], int64[::1]
filling.fill_numbers int32[:,::1], int64[::1], int64, int32, int32[:,::1], uint8[:,::1], int64[::1]
filling.fill_numbers int64[:,::1], int64[::1], int64, int64, int64[:,::1], uint8[:,::1], int64[::1]
filling.fill_offsets int32[:,::1], int64, int32[:,::1], uint8[:,::1], int64[::1]
likelihoods.complete_vectors int64[::1], int32[::1], int64[::1], int64[::1]
likelihoods.genotype_states int64[::1], int8[::1]
site_statistics.medians int64[::1], int32[::1], float32[::1]
sums.add_share_sums int64[:,:,::1]
sums.share_sums int64[:,::1]
site_statistics.merge_runs int64[:,::1], int32[::1], float32[::1]
summaries.merge_keys int64[::1], int64[::1], int64[::1], int32[::1], int64[::1]
tallies.tally int32[:,::1], int64[::1], int64[::1], int64[::1], int64, int64[:,::1], int64[::1]
text.fill_missing int32[::1]!, uint8[::1]!, int64, int32[::1]
text.renumber int32[::1], int32[::1]
text.weigh_rows int8[::1], int64[::1], int64[::1], int64[::1], int32[::1], int64[::1], int32[::1], int32[::1]
unifying.first_ranks int32[::1], int32[::1], int32[::1], int32[::1]
words.number_words int64[::1], int8[::1]
"""
"""Each kernel that a joint run calls from Python, with the types that it is called for; what compiles longest first.

Tables are `dtype[:,::1]`, with `!` where they are read-only; tuples `(type, ...)`, with a name before where they are
named. A test holds this to what a run calls, and prints what should stand here.
"""


def missing() -> list[str]:
    """The kernels in CALLED that are not known to be compiled on this machine; what takes longest comes first."""
    return [] if _mark().exists() else called()


def called() -> list[str]:
    """The kernels in CALLED, a line each."""
    return re.sub(r"\n +", " ", CALLED).splitlines()


def compile_kernel(line: str) -> None:
    """Compile what one of the `missing` lines says, unless numba's cache has it.

    A kernel that does not compile for these types is compiled when it is called, and says then what is wrong.
    """
    name, _, given = line.partition(" ")
    KernelCache.announced = True  # whoever asks for this says so
    gc.disable()  # compiling leaves little garbage, and collecting takes a fourteenth of the time
    try:
        with suppress(NumbaError):
            _named(name).compile(tuple(_types(given)))
    finally:
        gc.enable()


def remember() -> None:
    """Note beside the compiled kernels that none is missing."""
    with suppress(OSError):
        _mark().touch()


def place() -> str:
    """The folder in which numba keeps the compiled kernels."""
    return str(number_words.stats.cache_path)


def _mark() -> Path:
    """An empty file, named after all that compiled kernels follow from."""
    facts = f"{numba.__version__} {ll.get_host_cpu_name()} {SOURCES}"
    return Path(place()) / f"complete-{hashlib.sha256(facts.encode()).hexdigest()[:16]}"


def _named(name: str) -> Any:
    module, _, member = name.rpartition(".")
    return getattr(import_module(f"genocloud.kernels.{module}"), member)


def _types(text: str) -> Iterator[Any]:
    """Types between commas, outside of brackets."""
    depth, begin = 0, 0
    for place, letter in enumerate(text + ","):
        depth += (letter in "([") - (letter in ")]")
        if letter == "," and not depth and place > begin:
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

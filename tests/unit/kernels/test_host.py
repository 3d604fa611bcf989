"""A program that uses numba itself finds it as it was after `import genocloud`, and after kernels have run."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
ENVIRONMENT = os.environ | {"PYTHONPATH": str(ROOT)}

UNCHANGED = """
import importlib, pkgutil, sys, types
import numba.core.dispatcher, numba.core.ccallback, numba.core.runtime.nrt, llvmlite.binding
from numba.core.registry import cpu_target

numba.njit(lambda x: x + 1)(1)  # numba has then loaded what it loads late, and keeps
INSTANCES = {"cpu context": cpu_target.target_context, "typing context": cpu_target.typing_context}

def attributes():
    '''Every attribute of modules, of classes, of numba's contexts, and what its lists of classes and listeners hold.'''
    seen = {}
    modules = [(n, m) for n, m in sys.modules.items() if n.partition(".")[0] in {"numba", "llvmlite"}]
    holders = [(n, m) for n, m in modules if isinstance(m, types.ModuleType)]
    holders += [(f"{n}.{k}", v) for n, m in holders for k, v in vars(m).items() if isinstance(v, type)]
    for name, holder in [*holders, *INSTANCES.items()]:
        if name.startswith(("numba", "llvmlite")) or name in INSTANCES:
            for key, value in vars(holder).items():
                seen[name, key] = value
                if isinstance(value, list):
                    seen[name, key, "items"] = tuple(map(id, value))
    for kind, listeners in numba.core.event._registered.items():
        seen["listeners", kind] = tuple(map(id, listeners))
    return seen

before = attributes()
import genocloud
import genocloud.kernels
for module in pkgutil.walk_packages(genocloud.kernels.__path__, "genocloud.kernels."):
    importlib.import_module(module.name)
import numpy as np
from genocloud.kernels.dictionary import number_words
number_words(np.arange(3), np.zeros(2, np.int8))
after = attributes()
changed = [key for key, value in before.items() if key not in after or not (
    after[key] == value if isinstance(value, tuple) else after[key] is value)]
holders = {key[0] for key in before} - set(sys.modules)  # modules get their submodules as attributes
changed += [key for key in after if key not in before and key[0] in holders]
print("\\n".join(map(str, changed)))
"""

HOST = """
import sys
if sys.argv[1] == "genocloud first":
    from genocloud.kernels.vcf_columns import renumber
import numba
import numpy as np
from numba import types
from numba.experimental import jitclass

if sys.argv[1] == "numba first":
    from genocloud.kernels.vcf_columns import renumber
renumber(*np.zeros((2, 1), np.int32))
print("genocloud is ready", file=sys.stderr)

@numba.vectorize(["float64(float64)"], cache=True)
def increase(x):
    return x + 1

@numba.guvectorize(["(float64[:], float64[:])"], "(n)->(n)", cache=True)
def doubled(x, y):
    for k in range(len(x)):
        y[k] = 2 * x[k]

@numba.cfunc("float64(float64)", cache=True)
def half(x):
    return x / 2

@numba.njit(cache=True)
def total(x):
    return x.sum()

@numba.njit("float64(float64)")
def square(x):
    return x * x

@numba.njit(types.float64(types.FunctionType(types.float64(types.float64)), types.float64))
def apply(function, x):
    return function(x)

@numba.njit(parallel=True, cache=True)
def length(x):
    count = 0
    for _ in numba.prange(len(x)):
        count += 1
    return count

@jitclass([("value", numba.float64)])
class Box:
    def __init__(self, value):
        self.value = value

x = np.ones(3)
print(*increase(x), *doubled(x), half.ctypes(3.0), total(x), apply(square, 3.0), length(x), Box(5.0).value)
"""


def run(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *words], capture_output=True, text=True, check=False, cwd=ROOT, env=ENVIRONMENT
    )


def test_numba_and_llvmlite_are_the_same_objects_before_and_after():
    ended = run("-c", UNCHANGED)
    assert (ended.returncode, ended.stdout.strip()) == (0, ""), ended.stdout + ended.stderr


def test_a_host_compiles_and_loads_as_without_genocloud(tmp_path: Path):
    """What crashed or failed: cfunc, functions as arguments, and vectorize from a warm cache.

    First with the host's cache cold, then warm, and with genocloud imported before numba and after it.
    """
    script = tmp_path / "host.py"
    script.write_text(HOST)
    for order in ("genocloud first", "numba first"):
        ended = run(str(script), order)
        assert ended.returncode == 0, f"{order}: {ended.returncode}\n{ended.stderr}"
        assert ended.stdout == "2.0 2.0 2.0 2.0 2.0 2.0 1.5 3.0 9.0 3 5.0\n"
        assert ended.stderr.rpartition("genocloud is ready\n")[2] == ""

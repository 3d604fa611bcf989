"""What a joint run compiles is known beforehand, so that several processes can compile it."""

import ast
import os
import pickle
import shutil
import subprocess
import sys
from copy import copy
from pathlib import Path

import genocloud
from genocloud.kernels import compiling
from genocloud.kernels.kernel_cache import SOURCES
from tests.conftest import DATA, sample_map

RECORDING = """
import sys
import numpy as np
from numba import types
from numba.core import dispatcher
from numba.core.sigutils import normalize_signature
from genocloud.kernels import compiling

def told(kind):
    if isinstance(kind, types.BaseTuple):
        name = ""
        if isinstance(kind, types.BaseNamedTuple):
            name = f"{kind.instance_class.__module__.rpartition('.')[2]}.{kind.instance_class.__name__}"
        return f"{name}({', '.join(map(told, kind))})"
    if isinstance(kind, types.Array):
        assert kind.layout == "C", kind
        return f"{told(kind.dtype)}[{':,' * (kind.ndim - 1)}::1]{'' if kind.mutable else '!'}"
    if isinstance(kind, types.Record):
        return "merged_likelihoods.FACTS"
    return "boolean" if kind == types.boolean else str(kind)

def recorded(self, *arguments):
    kinds = ", ".join(told(self.typeof_pyval(argument)) for argument in arguments)
    name = f"{self.py_func.__module__.rpartition('.')[2]}.{self.py_func.__name__}"
    with open(sys.argv[1], "a") as out:
        out.write(f"{name} {kinds}\\n")
    return compile_for(self, *arguments)

compile_for = dispatcher.Dispatcher._compile_for_args
dispatcher.Dispatcher._compile_for_args = recorded
compiling.called = list
from genocloud.cli import main
sys.exit(main(sys.argv[2:]))
"""


def test_what_a_joint_run_calls_is_known(tmp_path):
    samples = sample_map(tmp_path, sorted((DATA / "gvcf").glob("*.g.vcf.gz"))[:4])
    recorded = tmp_path / "told"
    arguments = ["joint", samples, "--reference", DATA / "reference.fa", "-o", tmp_path / "a.vcf.gz", "--quiet"]
    command = [sys.executable, "-c", RECORDING, str(recorded), *map(str, arguments)]
    for _ in range(2):  # compiling a kernel compiles those that it calls: the second run has all in numba's cache
        recorded.write_text("")
        ended = subprocess.run(command, capture_output=True, text=True, env=os.environ)
        assert ended.returncode == 0, ended.stderr
    calls = set(recorded.read_text().splitlines())
    known = set(compiling.called())
    assert len(known) == len(compiling.called())
    assert known == calls, "\n".join(["stated at @kernel, but not called:", *known - calls, "called:", *calls - known])


def members_used(file: Path) -> set[tuple[str, str]]:
    """Members of modules of kernels that a file's code takes: (module, member)."""
    tree = ast.parse(file.read_text())
    members, modules = set(), {}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("genocloud.kernels"):
            module = node.module.removeprefix("genocloud.kernels").lstrip(".")
            for name in node.names:
                if module:
                    members.add((module, name.name))
                else:
                    modules[name.asname or name.name] = name.name
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id in modules:
            members.add((modules[node.value.id], node.attr))
    return members


PACKAGE = Path(genocloud.__file__).parent


def decorated() -> dict[str, dict[tuple[str, str], ast.FunctionDef]]:
    """The kernels by decorator, each by (module, name)."""
    by_decorator: dict[str, dict[tuple[str, str], ast.FunctionDef]] = {"kernel": {}, "compiled": {}, "uncounted": {}}
    for file in (PACKAGE / "kernels").glob("*.py"):
        for node in ast.parse(file.read_text()).body:
            for decorator in node.decorator_list if isinstance(node, ast.FunctionDef) else ():
                name = ast.unparse(decorator).partition("(")[0]
                if name in by_decorator:
                    by_decorator[name][file.stem, node.name] = node
    return by_decorator


def test_kernels_that_python_calls_are_decorated_so_and_no_others():
    """`@kernel` has the types, in one place; `@compiled` and `@uncounted` are for what kernels call."""
    by_decorator = decorated()
    outside = [file for file in PACKAGE.rglob("*.py") if file.parent.name != "kernels"]
    used = set().union(*map(members_used, outside))
    assert used & set().union(*by_decorator.values()) == set(by_decorator["kernel"])
    assert len(by_decorator["kernel"]) > 40


def test_uncounted_kernels_neither_make_nor_return_arrays():
    """Nor do those that they call: what one returned would not be freed. Numba refuses what makes one."""
    by_decorator = decorated()
    counted = {name for _, name in (*by_decorator["kernel"], *by_decorator["compiled"])}
    called = set()
    for node in by_decorator["uncounted"].values():
        called |= {each.func.id for each in ast.walk(node) if isinstance(each, ast.Call) and hasattr(each.func, "id")}
        returned = [each.value for each in ast.walk(node) if isinstance(each, ast.Return) and each.value is not None]
        values = [each for value in returned for each in getattr(value, "elts", [value])]
        assert not any(isinstance(getattr(value, "slice", None), ast.Slice) for value in values), node.name
    # all of these return nothing, or a number or whether something holds
    numbers = {"_add_diploid_absence", "_add_diploid_copies", "_project_any", "_same_likelihoods", "is_flat"}
    assert called & counted == numbers


def test_kernels_compile_for_the_types_that_are_known():
    for line in compiling.called():
        name, _, kinds = line.partition(" ")
        kernel = compiling._named(name)
        compiling.compile_kernel(line)
        assert tuple(compiling._types(kinds)) in kernel.signatures, line


def test_what_compiles_longest_comes_first():
    """So that the last process does not begin with it while the others have nothing left to do."""
    names = [line.partition(" ")[0] for line in compiling.called()]
    assert names[:3] == ["parsing.parse", "genotyping.call_sites", "site_estimates.estimate_sites"]


STALE = """
from genocloud.kernels.site_selection import settle_sites
from genocloud.kernels.dictionary import number_words
for kernel in (settle_sites, number_words):
    print(kernel._cache._cache_file._source_stamp)
"""


def test_a_kernel_is_stale_when_another_file_of_kernels_has_changed(tmp_path):
    """numba itself looks at the kernel's own file only, and would go on with what it once compiled from the other."""
    copied = tmp_path / "genocloud"
    shutil.copytree(Path(genocloud.__file__).parent, copied, ignore=shutil.ignore_patterns("__pycache__"))

    def stamps():
        command = [sys.executable, "-c", STALE]
        return subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True).stdout.split("\n")[:2]

    before = stamps()
    with (copied / "kernels" / "alleles.py").open("a") as changed:
        changed.write("\n")
    assert not set(before) & set(stamps())


def test_an_index_of_other_sources_is_not_unpickled(tmp_path):
    """It may name a class that these sources do not have."""
    here = copy(compiling.number_words._cache._cache_file)
    here._index_path = str(tmp_path / "kernel.nbi")
    older = pickle.dumps(here._version.replace(SOURCES, "older"), protocol=-1)
    Path(here._index_path).write_bytes(older + b"a class that is gone")
    assert here._load_index() == {}
    here._save_index({"key": "kernel"})
    assert here._load_index() == {"key": "kernel"}

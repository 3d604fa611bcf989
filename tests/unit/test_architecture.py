"""docs/modules.md has a line for each module; each dependency has one door, and a reason in ARCHITECTURE.md."""

import ast
import re
from pathlib import Path

from tests.support import module_table

ROOT = Path(__file__).resolve().parents[2]
MODULES = sorted((ROOT / "genocloud").rglob("*.py"))
MAP = (ROOT / "ARCHITECTURE.md").read_text()

DOORS = {
    "numba": "genocloud/kernels/",
    "cryptography": "genocloud/scatter/deploy/certificates.py",
    "dask_jobqueue": "genocloud/scatter/deploy/slurm.py",
    "dask_kubernetes": "genocloud/scatter/deploy/kubernetes.py",
    "dask": "genocloud/scatter/",
    "distributed": "genocloud/scatter/",
    "google": "genocloud/storage/",
    "argparse": "genocloud/cli/",
    "matplotlib": "genocloud/report/",
    "jinja2": "genocloud/report/",
    "rich": "genocloud/scatter/",
    "isal": ("genocloud/gvcf/", "genocloud/callset/", "genocloud/sealing.py"),
    "psutil": (
        "genocloud/pipeline/",
        "genocloud/workflow/",
        "genocloud/scatter/memory_limit.py",
        "genocloud/children.py",
    ),
    "pysam": ("genocloud/reads/", "genocloud/gvcf/binary.py"),
    "snakemake": (),
    "xarray": "genocloud/callset/",
}


def imported(path: Path) -> set[str]:
    nodes = list(ast.walk(ast.parse(path.read_text())))
    names = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    names |= {node.module for node in nodes if isinstance(node, ast.ImportFrom) and node.module}
    return {name.split(".")[0] for name in names}


def test_the_page_of_modules_is_up_to_date():
    assert module_table.PAGE.read_text() == module_table.text(), "run python -m tests.support.module_table"


def test_each_dependency_has_its_door():
    through_a_wall = [
        f"{path.relative_to(ROOT)} imports {name}"
        for path in MODULES
        for name in imported(path) & DOORS.keys()
        if not str(path.relative_to(ROOT)).startswith(DOORS[name])
    ]
    assert through_a_wall == []


def test_parquet_is_read_where_its_seal_is_checked_and_nowhere_else():
    """Also through names that pyarrow has for it elsewhere: datasets, and Arrow's own files."""
    doors = re.compile(r"pyarrow\.(parquet|dataset|feather|orc|ipc)|\b(pq|ds)\.|\bpa\.(parquet|dataset)|duckdb")
    reading = {str(path.relative_to(ROOT)) for path in MODULES if doors.search(path.read_text())}
    assert reading == {"genocloud/sealing.py"}


def test_no_test_module_imports_another():
    """What two of them share stands in tests/support, or in a module of their folder without `test_` in its name."""
    importing = re.compile(r"^\s*(from|import) tests\.[\w.]*\btest_\w+|^\s*from tests\.[\w.]+ import .*\btest_", re.M)
    assert [str(path) for path in (ROOT / "tests").rglob("*.py") if importing.search(path.read_text())] == []


def test_every_dependency_has_a_reason():
    project = (ROOT / "pyproject.toml").read_text()
    block = re.search(r"^dependencies = \[(.*?)^\]", project, re.M | re.S)[1]
    for name in re.findall(r'"([\w-]+)', block):
        assert f"| {name} |" in MAP, f"ARCHITECTURE.md gives no reason for the dependency {name}"

"""docs/modules.md has a line for each module; each dependency has one door, and a reason in ARCHITECTURE.md."""

import ast
import re
from collections import Counter
from functools import cache
from pathlib import Path

from tests.support import module_table

ROOT = Path(__file__).resolve().parents[2]
MODULES = sorted((ROOT / "genocloud").rglob("*.py"))
MAP = (ROOT / "ARCHITECTURE.md").read_text()

DOORS = {
    "numba": "genocloud/kernels/",
    "pytest": "genocloud/testing/",
    "cryptography": "genocloud/scatter/deploy/certificates.py",
    "dask_jobqueue": "genocloud/scatter/deploy/slurm.py",
    "dask_kubernetes": "genocloud/scatter/deploy/kubernetes.py",
    "dask": ("genocloud/scatter/", "genocloud/callset/lazy_arrays.py"),
    "distributed": "genocloud/scatter/",
    "google": "genocloud/storage/",
    "argparse": "genocloud/cli/",
    "bokeh": "genocloud/report/",
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
    "scipy": "genocloud/filters/vets/",
    "sklearn": "genocloud/filters/vets/",
    "snakemake": (),
    "xarray": "genocloud/callset/",
}


@cache
def nodes_of(path: Path) -> list[ast.AST]:
    """The module and all nodes in it."""
    return list(ast.walk(ast.parse(path.read_text())))


def imported(path: Path) -> set[str]:
    nodes = nodes_of(path)
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


def test_a_step_reads_artifacts_calls_the_pipeline_and_returns_the_receipt():
    """A command has a short file; what is library stands in the room that it belongs to."""
    lengths = {path.name: path.read_text().count("\n") for path in (ROOT / "genocloud" / "steps").glob("*.py")}
    assert {name: length for name, length in lengths.items() if length >= 150} == {}


def test_parquet_is_read_where_its_seal_is_checked_and_nowhere_else():
    """Also through names that pyarrow has for it elsewhere: datasets, and Arrow's own files."""
    doors = re.compile(r"pyarrow\.(parquet|dataset|feather|orc|ipc)|\b(pq|ds)\.|\bpa\.(parquet|dataset)|duckdb")
    reading = {str(path.relative_to(ROOT)) for path in MODULES if doors.search(path.read_text())}
    assert reading == {"genocloud/sealing.py"}


ANY_TABLE = {
    "callset/arrays.py": {"_field", "as_pandas", "as_polars"},
    "callset/call_rows.py": {"_table", "members_of", "number_values", "of_samples"},
    "callset/packing.py": {"pack", "unpack"},
    "callset/parquet.py": {
        "_encoded",
        "_groups",
        "_read_group",
        "encode",
        "read_groups",
        "read_place",
        "read_where",
        "with_lacking_columns",
    },
    "callset/region_rows.py": {"_placed"},
    "callset/segments.py": {"_entry"},
    "callset/shard_cells.py": {"_together"},
    "callset/streaming.py": {"stream_rows"},
    "callset/writing.py": {"_write"},
    "federation/codec.py": {"packed", "unpacked"},
    "federation/messages.py": {"pack", "unpack"},
    "federation/policy.py": {"released"},
    "filters/allele_values.py": {"__init__"},
    "genotypes/federated_em.py": {"_added", "_table"},
    "genotypes/nonvariant.py": {"in_order"},
    "genotypes/tables.py": {"_table"},
    "pipeline/cached_tables.py": {"_read", "piece", "read", "read_piece", "read_table", "write", "write_piece"},
    "callset/filter_tables.py": {"_write"},
    "pipeline/filtering/known_alleles.py": {"labels"},
    "pipeline/filtering/shard_values.py": {"_flags", "model_values", "of_shard"},
    "pipeline/genotyping/batch_cache.py": {"_ranked", "_unranked", "on_contigs"},
    "pipeline/genotyping/stored_totals.py": {"write_total"},
    "pipeline/hybrid/coordinator.py": {"_filled"},
    "pipeline/hybrid/tasks.py": {"released"},
    "schema.py": {"with_column", "with_columns"},
    "sealing.py": {"read_where", "write_sealed"},
    "sites/merging.py": {"_distinct", "_joined", "_table"},
    "sites/observations.py": {"_table"},
    "testing/exporters.py": {"_table"},
}
"""Functions that take or return tables of any columns."""


def functions(path: Path) -> list[ast.FunctionDef]:
    return [node for node in nodes_of(path) if isinstance(node, ast.FunctionDef)]


def annotations(function: ast.FunctionDef) -> list[str]:
    every = function.args
    named = [*every.posonlyargs, *every.args, *every.kwonlyargs, every.vararg, every.kwarg]
    nodes = [each.annotation for each in named if each and each.annotation] + [function.returns]
    return [ast.unparse(node) for node in nodes if node]


def test_signatures_say_which_columns_a_table_has():
    """`schema.Sites` and its like, not `pa.Table`, but where any table will do."""
    bare = {
        str(path.relative_to(ROOT / "genocloud")): names
        for path in MODULES
        if (names := {each.name for each in functions(path) if any("pa.Table" in text for text in annotations(each))})
    }
    assert bare == ANY_TABLE


MOST_POSITIONAL = 5


def positional(function: ast.FunctionDef) -> int:
    names = [each.arg for each in (*function.args.posonlyargs, *function.args.args)]
    return len([name for name in names if name not in ("self", "cls")])


def test_no_function_outside_kernels_takes_many_positional_arguments():
    """What belongs together is one argument, and options are keyword-only."""
    long = {
        str(path.relative_to(ROOT / "genocloud")): names
        for path in MODULES
        if "kernels" not in path.parts
        if (names := {each.name for each in functions(path) if positional(each) > MOST_POSITIONAL})
    }
    assert long == {}


POSITIONAL_CLASSES = {
    "Column": "rows of a table of declarations",
    "Dialect": "rows of a table of declarations",
    "Extent": "a value, as Region is",
    "Quiet": "a value, made at each position",
    "Tile": "a value, as Region is",
    "ContigIndex": "filled as records come",
    "Receipt": "filled as a step runs",
    "LocationClient": "holds a connection",
    "Log": "holds a stream",
    "StageProgress": "counts as tasks end",
    "_Line": "a line of a display",
}
"""Dataclasses of more than three fields that may be made with positional arguments, and why."""

CHANGING_CLASSES = {
    *(
        "ContigIndex",
        "Losses",
        "PileupCaller",
        "ReadSample",
        "Receipt",
        "RecordReader",
        "Register",
        "Transfer",
        "TransferLog",
    ),  # filled on the way
    *("Stream", "_Together", "_Waiting", "RowGroups", "CalledTile"),  # of tasks under way
    *("Log", "LocationClient", "StageProgress", "_Bar", "_Line"),  # hold a stream, a connection or a display
}
"""Dataclasses that are not frozen."""


def test_dataclasses_of_many_fields_are_keyword_only():
    """So that a new field, or two of one type, cannot change places unseen."""
    positional = [
        node.name
        for path in MODULES
        if "kernels" not in path.parts
        for node in nodes_of(path)
        if isinstance(node, ast.ClassDef) and takes_positional_fields(node)
    ]
    assert sorted(positional) == sorted(POSITIONAL_CLASSES)


def test_dataclasses_are_frozen():
    changing = {
        node.name
        for path in MODULES
        for node in nodes_of(path)
        if isinstance(node, ast.ClassDef)
        for each in map(ast.unparse, node.decorator_list)
        if "dataclass" in each and "frozen=True" not in each
    }
    assert changing == CHANGING_CLASSES


def takes_positional_fields(node: ast.ClassDef) -> bool:
    decorators = [text for each in node.decorator_list if "dataclass" in (text := ast.unparse(each))]
    fields = [each for each in node.body if isinstance(each, ast.AnnAssign) and "init=False" not in ast.unparse(each)]
    return bool(decorators) and "kw_only=True" not in decorators[0] and len(fields) > 3


PROCESS_STATE = {
    "callset/parquet.py": {"_whole"},  # which files without a seal this process has read whole
    "gvcf/rows.py": {"_SCRATCH"},  # each thread's parse buffers
    "storage/audit_log.py": {"_logs"},  # of this process, flushed at its end
    "storage/memory.py": {"_objects"},  # the store mem:// is this process
}
"""Modules that change what they hold, and why; all other state is passed, or in a ContextVar."""

CHANGING = {"add", "append", "clear", "discard", "extend", "insert", "pop", "popitem", "remove", "setdefault", "update"}


def test_modules_hold_no_state():
    paths = [path for path in MODULES if path != ROOT / "genocloud/cli/startup.py"]
    changing = {str(path.relative_to(ROOT / "genocloud")): changed_in_place(nodes_of(path)[0]) for path in paths}
    assert {name: names for name, names in changing.items() if names} == PROCESS_STATE


def changed_in_place(module: ast.Module) -> set[str]:
    """Names that a module assigns at its top and that its functions change: `global`, item, attribute or method."""
    held = {name.id for node in module.body for name in ast.walk(node) if is_stored(name) and not is_function(node)}
    changed = {name for node in ast.walk(module) if isinstance(node, ast.Global) for name in node.names}
    for function in filter(is_function, ast.walk(module)):
        local = {name.id for name in ast.walk(function) if is_stored(name)} | {
            each.arg for each in ast.walk(function) if isinstance(each, ast.arg)
        }
        changed |= {name for node in ast.walk(function) for name in changed_by(node)} & (held - local)
    return changed


def is_stored(node: ast.AST) -> bool:
    return isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)


def is_function(node: ast.AST) -> bool:
    return isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)


def changed_by(node: ast.AST) -> set[str]:
    """The name of what a statement changes: x[...] = ..., x.y = ..., x.append(...)."""
    if isinstance(node, ast.Subscript | ast.Attribute) and not isinstance(node.ctx, ast.Load):
        return {node.value.id} if isinstance(node.value, ast.Name) else set()
    is_call = isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in CHANGING
    return {node.func.value.id} if is_call and isinstance(node.func.value, ast.Name) else set()


def test_a_name_of_a_class_or_table_has_one_meaning():
    names = [
        name
        for path in MODULES
        for node in nodes_of(path)
        if (name := node.name if isinstance(node, ast.ClassDef) else table_type(node))
    ]
    assert [name for name, count in Counter(names).items() if count > 1] == []


def table_type(node: ast.AST) -> str:
    """The name that a type alias declares; empty for all else."""
    is_alias = isinstance(node, ast.AnnAssign) and ast.unparse(node.annotation) == "TypeAlias"
    return ast.unparse(node.target) if is_alias else ""


def test_no_test_module_imports_another():
    """What two of them share stands in tests/support, or in a module of their folder without `test_` in its name."""
    importing = re.compile(r"^\s*(from|import) tests\.[\w.]*\btest_\w+|^\s*from tests\.[\w.]+ import .*\btest_", re.M)
    assert [str(path) for path in (ROOT / "tests").rglob("*.py") if importing.search(path.read_text())] == []


def test_every_dependency_has_a_reason():
    project = (ROOT / "pyproject.toml").read_text()
    block = re.search(r"^dependencies = \[(.*?)^\]", project, re.M | re.S)[1]
    for name in re.findall(r'"([\w-]+)', block):
        assert f"| {name} |" in MAP, f"ARCHITECTURE.md gives no reason for the dependency {name}"

"""The README's example runs; the documents' tables of columns, variables and commands are those of the code."""

import ast
import inspect
import re
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import yaml

import genocloud
from genocloud import annotations, schema
from genocloud.cli.command_list import parser
from genocloud.cli.topics import TOPICS
from genocloud.filters import PRESETS
from genocloud.gvcf.dialects import DIALECTS
from genocloud.qc.default_rules import DEFAULT_RULES
from genocloud.qc.screen_tables import CONTIG_DEPTH_COLUMNS, PAIR_COLUMNS, SCREEN_COLUMNS
from genocloud.samples.sheet import COLUMNS
from genocloud.workflow.callers import CALLER_PROGRAMS
from tests.support import choice_tables

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text()
COMMANDS = (ROOT / "docs" / "commands.md").read_text()
REAL_COHORT = (ROOT / "docs" / "a_real_cohort.md").read_text()
OUTPUTS = (ROOT / "docs" / "outputs.md").read_text()
INPUTS = (ROOT / "docs" / "inputs.md").read_text()
QC = (ROOT / "docs" / "qc.md").read_text()
ENVIRONMENT = (ROOT / "docs" / "environment.md").read_text()


def test_the_example_runs(tmp_path, made):
    (tmp_path / "results").mkdir()
    (tmp_path / "results" / "callset").symlink_to(made.callset)
    (tmp_path / "results" / "cohort").symlink_to(made.cohort)
    example = re.search(r"```python\n(.*?)```", README, re.S)[1]
    done = subprocess.run([sys.executable, "-c", example], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "8 samples" in done.stdout


def test_the_call_of_joint_has_arguments_that_there_are():
    call = next(text for text in re.findall(r"```python\n(.*?)```", README, re.S) if "genocloud.joint(" in text)
    arguments = ast.parse(call).body[0].value
    positional, named = (
        map(ast.literal_eval, arguments.args),
        {each.arg: each.value.value for each in arguments.keywords},
    )
    inspect.signature(genocloud.joint).bind(*positional, **named)


def test_presets_of_filters_are_documented_and_the_config_has_them():
    page = (ROOT / "docs" / "filters.md").read_text()
    assert set(re.findall(r"^\| `([a-z-]+)`", page, re.M)) == set(PRESETS)
    schema_of = yaml.safe_load((ROOT / "workflow/schemas/config.schema.yaml").read_text())["properties"]["filter"]
    assert schema_of["properties"]["presets"]["items"]["enum"] == list(PRESETS)


def type_text(kind: pa.DataType) -> str:
    if pa.types.is_dictionary(kind):
        return str(kind.value_type)
    return f"list of {kind.value_type}" if pa.types.is_list(kind) else str(kind)


def test_every_column_is_documented():
    genotypes = schema.GENOTYPE_COLUMNS, schema.CALL_COLUMNS, schema.REFERENCE_COLUMNS
    for columns in (annotations.SITE_COLUMNS, *genotypes):
        for column in columns:
            assert f"| `{column.name}` | {type_text(column.type)} | {column.description} |" in OUTPUTS, column.name
    for columns in (SCREEN_COLUMNS, CONTIG_DEPTH_COLUMNS, PAIR_COLUMNS, schema.FLAG_COLUMNS):
        for column in columns:
            assert f"| `{column.name}` | {type_text(column.type)} | {column.description} |" in QC, column.name


def test_every_rule_of_a_screen_has_its_reason():
    for rule in DEFAULT_RULES:
        assert f"| `{rule}` | " in QC


def test_every_column_of_a_sheet_is_documented():
    for column in COLUMNS:
        assert re.search(rf"^\| `{column}` \| \S.* \|$", REAL_COHORT, re.M), column


def test_every_environment_variable_is_documented():
    """Those of genocloud, and others that its modules or the workflow read by name."""
    read = re.compile(r"""["'](GENOCLOUD_[A-Z0-9_]+)["']|environ(?:\.get\(|\[)["']([A-Z_0-9]+)""")
    sources = [*(ROOT / "genocloud").rglob("*.py"), *(ROOT / "workflow").rglob("*.smk")]
    names = {name for path in sources for pair in read.findall(path.read_text()) for name in pair if name}
    names -= {
        "GENOCLOUD_RUN",
        "SLURM_JOB_ID",
        "PATH",
        "OPENBLAS_NUM_THREADS",
    }  # set by a run or a system, not by a user
    assert len(names) >= 12
    for name in names:
        assert re.search(rf"^\|(?: `[A-Z_0-9]+`,)* `{name}`.* \|$", ENVIRONMENT, re.M), name


def test_the_page_of_choices_is_that_of_the_registries():
    assert choice_tables.PAGE.read_text() == choice_tables.text(), "run python -m tests.support.module_table"


def test_the_table_of_dialects_is_that_of_the_code():
    """One row for dialects that behave alike: their names, the blocks' ALT, what becomes of a second record."""
    second = {False: "refused", True: "the stronger stays"}
    written = {}
    for row in re.findall(r"^\| (`.*)", INPUTS, re.M):
        names, _, _, alt, doubles, *_ = row.split(" | ")
        written |= {name: (alt.strip("`"), doubles) for name in re.findall(r"`([^`]+)`", names)}
    assert written == {each.name: (each.symbolic or "none", second[each.doubles]) for each in DIALECTS}


def test_a_caller_program_writes_a_dialect_that_is_read():
    dialects = {dialect.name for dialect in DIALECTS}
    assert all(caller.dialect in dialects for caller in CALLER_PROGRAMS)


def test_every_command_is_documented():
    usage = parser().format_help()
    commands = re.findall(r"^  ([a-z]+)  ", usage, re.M)
    assert len(commands) >= 20
    for command in commands:
        assert f"`genocloud {command}" in COMMANDS, command
        assert re.search(rf"`(genocloud )?{command}`", README), command
    assert all(f"`{topic}`" in COMMANDS for topic in TOPICS)


def test_every_page_is_in_the_site():
    index = (ROOT / "docs/index.md").read_text()
    for page in (ROOT / "docs").rglob("*.md"):
        name = page.relative_to(ROOT / "docs").with_suffix("").as_posix()
        assert name in ("index", "modules") or re.search(rf"^{name}$", index, re.M), f"docs/index.md lacks {name}"

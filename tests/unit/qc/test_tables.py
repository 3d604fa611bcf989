"""docs/qc.md has every column of every table."""

from pathlib import Path

import numpy as np
import pytest

from genocloud import schema
from genocloud.qc import tables

PAGE = (Path(__file__).resolve().parents[3] / "docs" / "qc.md").read_text()

TABLES = {name: columns for name, columns in vars(tables).items() if name.endswith("_COLUMNS")}


@pytest.mark.parametrize("name", [*TABLES, "FLAG_COLUMNS"])
def test_every_column_is_documented(name):
    for column in TABLES.get(name, schema.FLAG_COLUMNS):
        assert f"| `{column.name}` | {column.type} | {column.description} |" in PAGE, column.name


def test_nan_becomes_null():
    columns = {"IID": ["ann"], "O(HOM)": [1], "E(HOM)": [0.5], "OBS_CT": [1], "F": np.array([np.nan])}
    assert tables.table_of(columns, tables.HET)["F"].to_pylist() == [None]

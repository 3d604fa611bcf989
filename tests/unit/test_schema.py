"""Arrow columns as numpy and back."""

import numpy as np
import pyarrow as pa
import pytest

from genocloud import schema


def test_missing_integers_and_floats_come_back_as_null():
    for type_, values in [(schema.INT32, [1, None, -7]), (schema.INT64, [None, 2]), (schema.DOUBLE, [0.5, None])]:
        array = pa.array(values, type_)
        assert schema.nullable(schema.numbers(array), type_) == array


def test_ragged_views_respect_slices_and_nulls():
    offsets, values = schema.ragged(pa.array([[9], [1, 2], None, [], [3]], schema.INTS).slice(1))
    assert offsets.tolist() == [0, 2, 2, 2, 3]
    assert values.tolist() == [1, 2, 3]


def test_string_views_respect_slices_chunks_and_nulls():
    column = pa.chunked_array([pa.array(["xx", "ab"]).slice(1), pa.array([None, "c"])])
    offsets, data = schema.strings(column)
    assert offsets.tolist() == [0, 2, 2, 3]
    assert data.tobytes() == b"abc"


def test_empty_columns():
    assert schema.strings(pa.array([], pa.string()))[0].tolist() == [0]
    assert schema.ragged(pa.array([], schema.INTS))[0].tolist() == [0]


def test_list_slices_keep_missing_values():
    offsets, values = schema.ragged(pa.array([[1, None]], schema.INTS))
    assert offsets.tolist() == [0, 2]
    assert values.tolist() == [1, schema.MISSING]


@pytest.mark.parametrize("columns", [value for name, value in vars(schema).items() if name.endswith("_COLUMNS")])
def test_every_column_is_declared_once_and_described(columns):
    names = [column.name for column in columns]
    assert len(names) == len(set(names))
    assert all(column.description for column in columns)
    assert np.all([schema.table(columns).field(name).metadata for name in names])

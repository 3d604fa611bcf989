"""What is packed for Parquet is unpacked as it was."""

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from genocloud import schema
from genocloud.cohort.encoding import pack, packed_names, packed_schema, unpack

ints = st.integers(0, 300) | st.integers(-(2**31), 2**31 - 1)
lists = st.lists(ints, max_size=7) | st.lists(ints | st.none(), max_size=3)
floats = st.one_of(
    st.integers(-5_000_000, 5_000_000).map(lambda k: np.float32(k / 1000)),
    st.integers(-(2**22) - 2, 2**22 + 2).map(lambda bits: np.int32(bits).view(np.float32)),
    st.floats(width=32, allow_nan=False),
)
VALUES = {
    pa.int8(): st.integers(0, 2),
    schema.INT32: ints,
    schema.INT64: st.integers(-(2**63), 2**63 - 1),
    schema.FLOAT: floats,
    schema.INTS: lists,
    pa.list_(pa.int8()): st.lists(st.integers(-1, 3), max_size=3),
    schema.BOOL: st.booleans(),
    schema.STRING: st.sampled_from(["", "A", "<NON_REF>"]),
    schema.STRINGS: st.lists(st.sampled_from(["A", "<NON_REF>"]), max_size=2),
}


@st.composite
def tables(draw, kind):
    """Rows with any places and values, missing ones too."""
    rows = []
    for _ in range(draw(st.integers(0, 5))):
        start = draw(st.integers(0, 2**31 - 2))
        row = {"start": start, "stop": draw(st.integers(start + 1, 2**31 - 1))}
        for field in KINDS[kind]:
            if field.name not in row:
                values = VALUES[field.type]
                row[field.name] = draw(values | st.none() if field.nullable else values)
        rows.append({name: row[name] for name in KINDS[kind].names})
    return pa.Table.from_pylist(rows, KINDS[kind])


KINDS = {"blocks": schema.BLOCKS, "variants": schema.VARIANTS}


@pytest.mark.parametrize("kind", KINDS)
@given(st.data())
def test_unpacking_reverses_packing(kind, data):
    table = data.draw(tables(kind))
    packed = pack(kind, table)
    assert packed.schema.equals(packed_schema(kind, KINDS[kind]))
    assert same(unpack(kind, packed, KINDS[kind]), table)


def same(one, other):
    """Whether two tables are equal, bit for bit: NaNs too."""
    return one.schema.equals(other.schema) and all(
        first.is_valid().equals(second.is_valid())
        and first.fill_null(0).to_numpy().tobytes() == second.fill_null(0).to_numpy().tobytes()
        if pa.types.is_floating(first.type)
        else first.equals(second)
        for first, second in zip(one.columns, other.columns, strict=True)
    )


@pytest.mark.parametrize("kind", KINDS)
@given(st.data())
def test_some_columns_are_unpacked_from_what_they_need(kind, data):
    table = data.draw(tables(kind))
    names = data.draw(st.lists(st.sampled_from(table.column_names), min_size=1, unique=True))
    packed = pack(kind, table).select(packed_names(kind, names))
    assert same(unpack(kind, packed, table.select(names).schema), table.select(names))


@pytest.mark.parametrize("kind", KINDS)
@given(st.data())
def test_some_rows_are_unpacked_as_they_are_among_all(kind, data):
    table = with_small_sums(data.draw(tables(kind)))
    rows = np.array(data.draw(st.lists(st.booleans(), min_size=len(table), max_size=len(table))), np.bool_)
    for packed in (pack(kind, table), earlier(kind, table)):
        whole = unpack(kind, packed, KINDS[kind])
        assert same(unpack(kind, packed, KINDS[kind], rows), whole.filter(pa.array(rows)).combine_chunks())


def earlier(kind, table):
    """What schema version 3 stored of rows in place of these columns: differences where there is a prediction."""
    gaps, above = [], 0
    for start, stop in zip(table["start"].to_pylist(), table["stop"].to_pylist(), strict=True):
        gaps.append(start - above)
        above = stop
    columns = {name: table[name].to_pylist() for name in table.column_names}
    spans = zip(columns.pop("start"), columns.pop("stop"), strict=True)
    stored = columns | {"gap": gaps, "length": [stop - start for start, stop in spans]}
    predicted = {
        "blocks": {"dp": ("min_dp", lambda n: n), "gq": ("pl1", lambda n: min(n, 99))},
        "variants": {
            "info_dp": ("dp", lambda n: n),
            "raw_mq_dp": ("info_dp", lambda n: n),
            "raw_mq": ("raw_mq_dp", lambda n: 3600 * n),
        },
    }[kind]
    for name, (source, predict) in predicted.items():
        pairs = zip(columns[name], columns[source], strict=True)
        stored[name] = [None if value is None else value - predict(known or 0) for value, known in pairs]
    return pa.table({name: pa.array(values, TYPES.get(name)) for name, values in stored.items()})


TYPES = {field.name: field.type for field in (*schema.BLOCKS, *schema.VARIANTS)}
TYPES |= dict.fromkeys(("gap", "dp", "gq", "info_dp"), schema.INT64)


@pytest.mark.parametrize("kind", KINDS)
@given(st.data())
def test_rows_of_an_earlier_schema_are_still_read(kind, data):
    table = with_small_sums(data.draw(tables(kind)))
    assert same(unpack(kind, earlier(kind, table), KINDS[kind]), table)


def with_small_sums(table):
    """The table with sums of mapping qualities whose differences from a prediction are integers of 64 bits."""
    for name in {"raw_mq", "raw_mq_dp"}.intersection(table.column_names):
        small = pa.array([None if value is None else value % 2**40 for value in table[name].to_pylist()], schema.INT64)
        table = schema.with_column(table, name, small)
    return table


def test_what_callers_write_as_a_rule_is_stored_as_zeros():
    row = {"start": 5, "stop": 6, "ref": "A", "alts": ["C", "<NON_REF>"], "gt": [0, 1], "ad": [14, 28, 0], "dp": 42}
    row |= {"pl": [742, 0, 321, 784, 405, 1190], "gq": 99, "sb": [7, 7, 14, 14], "info_dp": 42, "qual": 742.0}
    row |= {"raw_mq": 42 * 3600, "raw_mq_dp": 42, "contig": 0, "sample": 0, "phased": False}
    rows = [row, row | {"ad": [10, 10, 0], "dp": 20, "sb": [5, 5, 5, 5], "pl": [30, 0, 60, 60, 90, 150], "qual": 30.0}]
    rows[1] |= {"gq": 30, "info_dp": 20, "raw_mq": 20 * 3600, "raw_mq_dp": 20}
    table = pa.Table.from_pylist([dict.fromkeys(schema.VARIANTS.names) | each for each in rows], schema.VARIANTS)
    packed = pack("variants", table)
    for name in ("dp", "gq", "info_dp", "raw_mq", "raw_mq_dp", "qual"):
        assert packed[name].to_pylist() == [0, 0]
    assert schema.ragged(packed["sb"])[1].tolist() == [0] * 8
    assert schema.ragged(packed["pl"])[1].tolist() == [742, 30, 0, 0, 321, 60, 0, 0, 0, 0, 2, 0]
    assert schema.ragged(packed["ad"])[1].tolist() == [14, 10, 28, 10, 0, 0]

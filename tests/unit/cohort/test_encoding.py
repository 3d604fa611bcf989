"""What is packed for Parquet is unpacked as it was."""

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from genocloud import schema
from genocloud.cohort.encoding import pack, packed_names, packed_schema, unpack

small = st.integers(0, 300) | st.none()
long = st.integers(0, 2**62) | st.none()
OPEN = {"blocks": ("dp", "gq", "min_dp", "pl1"), "variants": ("dp", "info_dp")}


@st.composite
def tables(draw, kind):
    """Rows with any places and depths, missing ones too; other columns are constant."""
    constant = {field.name: None for field in KINDS[kind]}
    constant |= {
        "contig": 0,
        "sample": 0,
        "ploidy": 2,
        "called": True,
        "ref": "A",
        "alts": [],
        "gt": [0],
        "phased": False,
    }
    rows = []
    for _ in range(draw(st.integers(0, 5))):
        start = draw(st.integers(0, 2**31 - 2))
        row = constant | {"start": start, "stop": draw(st.integers(start + 1, 2**31 - 1))}
        row |= {name: draw(small) for name in OPEN[kind]}
        row |= {name: draw(long) for name in ("raw_mq", "raw_mq_dp")}
        rows.append({name: row[name] for name in KINDS[kind].names})
    return pa.Table.from_pylist(rows, KINDS[kind])


KINDS = {"blocks": schema.BLOCKS, "variants": schema.VARIANTS}


@pytest.mark.parametrize("kind", KINDS)
@given(st.data())
def test_unpacking_reverses_packing(kind, data):
    table = data.draw(tables(kind))
    packed = pack(kind, table)
    assert packed.schema.equals(packed_schema(kind, KINDS[kind]))
    assert unpack(kind, packed, KINDS[kind]).equals(table)


@pytest.mark.parametrize("kind", KINDS)
@given(st.data())
def test_some_columns_are_unpacked_from_what_they_need(kind, data):
    table = data.draw(tables(kind))
    names = data.draw(st.lists(st.sampled_from(table.column_names), min_size=1, unique=True))
    packed = pack(kind, table).select(packed_names(kind, names))
    assert unpack(kind, packed, table.select(names).schema).equals(table.select(names))

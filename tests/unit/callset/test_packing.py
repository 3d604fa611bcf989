"""What a callset's files hold in place of depths and likelihoods is shorter, and gives them back whatever they are."""

import io

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from genocloud import callset, schema, storage
from genocloud.callset import packing, parquet
from tests.support.plain_callset import plain_columns
from tests.support.small_callset import write

INTS = st.integers(0, 2000) | st.integers(-(2**31), 2**31 - 1)
LISTS = st.none() | st.lists(INTS, max_size=7) | st.lists(INTS | st.none(), max_size=3)
WORDS = st.sampled_from(["0/0", "0/1", "1|1", "./.", "0", "3", "1/2", "0/0/1", "."])
VALUES = {schema.WORD: WORDS, schema.INT32: st.none() | INTS, schema.INTS: LISTS}
KINDS = {"calls": schema.CALLS, "reference": schema.REFERENCE}


@st.composite
def tables(draw: st.DrawFn, declared: pa.Schema) -> pa.Table:
    """Rows of any values."""
    size = draw(st.integers(0, 5))
    columns = {each.name: draw(st.lists(VALUES[each.type], min_size=size, max_size=size)) for each in declared}
    return rows_of(declared, **columns)


def rows_of(declared: pa.Schema, **values: list) -> pa.Table:
    """Rows with some values; all others are null, or 0/1."""
    count = len(next(iter(values.values())))

    def column(field: pa.Field) -> pa.Array:
        if field.type == schema.WORD:
            return pa.array(values.get(field.name, ["0/1"] * count), schema.STRING).dictionary_encode()
        return pa.array(values.get(field.name, [None] * count), field.type)

    return pa.table([column(field) for field in declared], declared)


@pytest.mark.parametrize("kind", KINDS)
@given(st.data())
def test_unpacking_reverses_packing(kind: str, data: st.DataObject) -> None:
    declared = KINDS[kind]
    table = data.draw(tables(declared))
    packed = packing.pack(table)
    assert packing.stored_names(declared.names, packed.column_names) == packed.column_names
    back = packing.unpack(packed, declared.names)
    assert back.schema.equals(table.schema)
    assert back.to_pylist() == table.to_pylist()


@pytest.mark.parametrize("kind", KINDS)
@given(st.data())
def test_some_columns_are_unpacked_from_those_that_they_follow_from(kind: str, data: st.DataObject) -> None:
    declared = KINDS[kind]
    table, names = data.draw(tables(declared)), data.draw(st.sets(st.sampled_from(declared.names)))
    packed = packing.pack(table)
    some = packed.select(packing.stored_names(names, packed.column_names))
    assert packing.unpack(some, names).to_pydict() == {
        name: table[name].to_pylist() for name in declared.names if name in names
    }


def test_what_gt_dp_and_gq_say_is_nothing() -> None:
    calls = rows_of(
        schema.CALLS,
        GT=["0/1", "1/1", "0|1", "1"],
        LAD=[[15, 15], [0, 40], [10, 10], [0, 9]],
        DP=[30, 40, 20, 9],
        GQ=[400, 120, 300, 90],
        LPL=[[400, 0, 400], [1800, 120, 0], [300, 0, 310], [90, 0]],
    )
    packed = packing.pack(calls)
    assert packed["packed_LAD"].combine_chunks().flatten().to_pylist() == [0] * 8
    *rest, last = packed["packed_LPL"].combine_chunks().flatten().to_pylist()
    assert (rest, last) == ([0] * 10, 2 * 10)  # lists of two first, then all first places of those of three
    runs = rows_of(schema.REFERENCE, GQ=[30, 99, None], PL2=[450, 1480, None])
    assert packing.pack(runs)["packed_PL2"].to_pylist() == [0, 9, None]


def test_likelihoods_with_another_allele_follow_from_depths() -> None:
    likelihoods = [400, 0, 450, 430, 486, 915]
    table = rows_of(schema.CALLS, LAD=[[10, 12, 0]], DP=[22], GQ=[400], LPL=[likelihoods])
    assert packing.pack(table)["packed_LPL"].to_pylist() == [[0, 0, 2 * 50, 0, 0, 2 * 1 - 1]]


def test_files_of_earlier_versions_are_read() -> None:
    with plain_columns():
        old = write("memory://plain")
    assert b'"version": 7' in storage.open_store("memory://plain").read("manifest/00000001.json")
    for folder in ("calls", "reference"):
        file = storage.open_store("memory://plain").read(f"{folder}/b0/000-chr1-00000.parquet")
        assert not any(name.startswith("packed_") for name in pq.read_schema(io.BytesIO(file)).names)
    new, plain = write("memory://packed"), callset.open_callset("memory://plain")
    assert plain == old
    assert (plain.genotypes(), plain.calls(), plain.reference()) == (new.genotypes(), new.calls(), new.reference())
    assert plain.carriers("chr1:1-1,000") == new.carriers("chr1:1-1,000")
    assert [callset.check_shard(plain.store, each, plain.description.batches) for each in plain.shards] == [[]] * 3


def test_a_file_without_rows_is_packed_too() -> None:
    data, _ = parquet.encode(schema.CALLS.empty_table(), schema.CALLS, [0])
    assert "packed_LAD" in pq.read_schema(io.BytesIO(data)).names

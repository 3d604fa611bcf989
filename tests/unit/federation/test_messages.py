"""Parcels: what is packed comes back bit for bit, and nothing but declared tables is packed."""

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from genocloud import schema
from genocloud.federation import MAY_LEAVE, STAYS, SUMMARIES, BadMessage, Message, TransferLog, allows, pack, unpack
from genocloud.federation.codec import packed, unpacked
from genocloud.federation.messages import KINDS

NUMBERS = {
    pa.int32(): st.integers(-(2**31), 2**31 - 1),
    pa.int64(): st.one_of(st.integers(-(2**63), 2**63 - 1), st.integers(-5, 5)),
    pa.int8(): st.integers(-128, 127),
    pa.bool_(): st.booleans(),
    pa.float32(): st.one_of(
        st.floats(width=32, allow_nan=False), st.integers(-4000, 4000).map(lambda n: np.float32(n / 1000))
    ),
    pa.float64(): st.one_of(st.floats(allow_nan=False), st.integers(-9999, 9999).map(lambda n: n / 100)),
    pa.string(): st.text(max_size=5),
}


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.data())
def test_any_column_comes_back_bit_for_bit(data):
    kind = data.draw(st.sampled_from(list(NUMBERS)))
    one = NUMBERS[kind]
    listed = data.draw(st.booleans())
    width = data.draw(st.sampled_from([None, 3]))
    each = st.lists(one, min_size=width or 0, max_size=width or 4) if listed else one
    values = data.draw(st.lists(st.one_of(each, st.none()) if data.draw(st.booleans()) else each, max_size=30))
    column = pa.array(values, pa.list_(kind) if listed else kind)
    table = pa.table({"column": column})
    back = unpacked(packed(table), table.schema)
    assert back.equals(table)
    if pa.types.is_floating(kind) and not listed:
        signs = [np.signbit(one["column"].drop_null().to_numpy()) for one in (back, table)]
        assert np.array_equal(*signs)


@pytest.mark.parametrize("kind", KINDS)
def test_an_empty_table_of_each_kind_crosses(kind):
    table = KINDS[kind].columns.empty_table()
    assert unpack(pack(kind, table), kind).schema.equals(table.schema)


def test_other_columns_are_not_packed():
    with pytest.raises(BadMessage, match="sample"):
        pack("people", pa.table({"sample": ["ann"]}))
    more = schema.INTERVALS.empty_table().append_column("sample", pa.array([], pa.string()))
    with pytest.raises(BadMessage, match="has the columns"):
        pack("spans", more)


def test_a_message_in_the_place_of_another_or_damaged_is_refused():
    message = pack("spans", pa.table({"start": [1, 5], "stop": [3, 9]}, schema.INTERVALS))
    with pytest.raises(BadMessage, match="in the place of local"):
        unpack(message, "local")
    for data in (message.data[:-1], message.data + b"x", b""):
        with pytest.raises(BadMessage, match="is damaged"):
            unpack(Message("spans", 2, data), "spans")


def test_each_policy_lets_out_what_the_stricter_ones_do():
    for kind in KINDS:
        assert allows(STAYS, kind) <= allows(SUMMARIES, kind) <= allows(MAY_LEAVE, kind)
    assert not allows(STAYS, "summary")
    assert allows(SUMMARIES, "summary")
    assert not allows(MAY_LEAVE, "sheet")
    assert not allows(MAY_LEAVE, "no kind of message")


def test_the_ledger_counts_what_crosses_and_nothing_within_a_site():
    transfer_log, message = TransferLog(), Message("spans", 3, b"12345")
    for target in ("here", "there", "there"):
        transfer_log.note([message], "here", target)
    assert transfer_log.as_json() == [
        {"what": "spans", "from": "here", "to": "there", "messages": 2, "rows": 6, "bytes": 10}
    ]
    assert transfer_log.bytes == 10

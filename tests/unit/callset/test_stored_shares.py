"""What a file holds of shares is shorter, and gives them back bit for bit."""

import numpy as np
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from genocloud import schema
from genocloud.annotations import ALLELE_SHARES, SHARES
from genocloud.callset import segments, stored_shares
from genocloud.callset.local_genotypes import SparseGenotypes
from genocloud.kernels.cell_runs import runs_of_cells
from genocloud.kernels.fixed_point import DIGIT
from genocloud.kernels.raw_sums import CARRIED, DEPTH, INBREEDING, OLD_MQ, TOTALS

_BITS = st.one_of(
    st.integers(-(2**31), 2**31 - 1),
    st.integers(-(2**22) - 2, 2**22 + 2),
    st.integers(-5_000_000, 5_000_000).map(lambda k: int(np.float32(k / 1000).view(np.int32))),
)
_INTS = st.integers(-(2**63), 2**63 - 1)


@st.composite
def shares(draw: st.DrawFn) -> pa.Table:
    """Shares of sites with and without a variant, of any numbers at all."""
    rows = draw(st.lists(st.booleans(), max_size=5))
    width = TOTALS + draw(st.integers(0, 2))

    def column(field: pa.Field) -> pa.Array:
        if field.name == "quiet":
            return pa.array(rows, field.type)
        if field.name == "totals":
            sizes = [3 if quiet else width for quiet in rows]
            return pa.array([draw(st.lists(_INTS, min_size=size, max_size=size)) for size in sizes], field.type)
        if field.type == pa.list_(schema.FLOAT):
            bits = [np.array(draw(st.lists(_BITS, max_size=4)), np.int32) for _ in rows]
            offsets = np.cumsum([0, *map(len, bits)]).astype(np.int32)
            values = np.concatenate([np.zeros(0, np.int32), *bits]).view(np.float32)
            return pa.ListArray.from_arrays(pa.array(offsets), pa.array(values))
        values = st.text(max_size=2) if field.type == schema.STRINGS else st.integers(-(2**31), 2**31 - 1)
        return pa.array([draw(st.lists(values, max_size=3)) for _ in rows], field.type)

    kind = pa.schema([*SHARES, *ALLELE_SHARES]) if draw(st.booleans()) else SHARES
    return pa.table([column(field) for field in kind], kind)


def _bits(table: pa.Table) -> dict[str, tuple[list[int], bytes] | list]:
    lists = {field.name: schema.ragged(table[field.name]) for field in table.schema if field.type in segments._NUMBERS}
    return {name: (offsets.tolist(), np.array(values).tobytes()) for name, (offsets, values) in lists.items()} | {
        name: table[name].to_pylist() for name in ("quiet", "ids")
    }


LOCAL = pa.table(
    {
        "GT": pa.array(["0/0", "0/1", "./.", "0", "0/2"]).dictionary_encode(),
        "GQ": pa.array([30, 99, None, 20, 9], schema.INT32),
        "LPL": pa.array([[0, 30, 450], [99, 0, 120], None, [0, 20], [9, None, 7, 0]], schema.INTS),
    }
)


@given(shares(), st.data())
def test_shares_come_back_bit_for_bit(table: pa.Table, data: st.DataObject) -> None:
    inbreeding = None
    if data.draw(st.booleans()):
        numbers = st.integers(0, len(LOCAL) - 1)
        cells = np.array([[data.draw(numbers) for _ in range(2)] for _ in range(len(table))], np.int32)
        runs, alts = runs_of_cells(cells.reshape(-1, 2)), np.ones(len(table), np.int32)
        inbreeding = stored_shares.inbreeding_of(SparseGenotypes(("ann", "bob"), LOCAL, runs, alts))
    back = stored_shares.unpacked(stored_shares.packed(table, inbreeding), inbreeding)
    assert back.schema.types == table.schema.types
    assert _bits(back) == _bits(table)


def test_what_follows_from_other_sums_is_not_stored() -> None:
    totals = np.zeros((2, TOTALS), np.int64)
    totals[:, [CARRIED, OLD_MQ + 2, DEPTH]] = [[30, 900, 930], [0, 1000, 1001]]
    columns = {field.name: pa.array([[], []], field.type) for field in SHARES if field.name not in ("quiet", "totals")}
    table = pa.table({"quiet": [False, False], "totals": pa.array(totals.tolist(), schema.COUNTS)} | columns)
    stored = schema.ragged(stored_shares.packed(table, None)["totals"])[1].reshape(TOTALS, 2)
    assert stored[DEPTH].tolist() == [0, 1]


def test_z_scores_are_stored_as_differences_of_thousandths() -> None:
    values = pa.array([[-1.5, -0.674, 0.0], [3.25]], pa.list_(schema.FLOAT))
    assert stored_shares.packed(pa.table({"run_values": values}), None)["run_values"].to_pylist() == [
        [-1500, 826, 674],
        [3250],
    ]


def test_floats_at_the_edges_of_the_codes_come_back_bit_for_bit() -> None:
    """Those whose bits are a code, or that have one, are exchanged with one another; their neighbours are not."""
    most = 1 << 22
    bits = [sign * (most + step) for sign in (-1, 1) for step in (-1, 0, 1)]
    thousandths = [int(np.float32(code / 1000).view(np.int32)) for code in bits]
    values = np.array([*bits, *thousandths, 0, -1, 1], np.int32).view(np.float32)
    table = pa.table({"run_values": pa.array([values], pa.list_(schema.FLOAT))})
    back = stored_shares.unpacked(stored_shares.packed(table, None), None)
    assert schema.ragged(back["run_values"])[1].tobytes() == values.tobytes()


def test_what_genotypes_say_of_inbreeding_is_not_stored() -> None:
    """Two hets of equal likelihoods: a half of each share twice, in digits to base 2^40."""
    local = pa.table(
        {
            "GT": pa.array(["0/1"]).dictionary_encode(),
            "GQ": pa.array([0], schema.INT32),
            "LPL": pa.array([[0, 0, 999]], schema.INTS),
        }
    )
    totals = np.zeros((1, TOTALS), np.int64)
    totals[0, INBREEDING:] = [0, DIGIT, 0, 0, DIGIT, 7]
    columns = {field.name: pa.array([[]], field.type) for field in SHARES if field.name not in ("quiet", "totals")}
    table = pa.table({"quiet": [False], "totals": pa.array(totals.tolist(), schema.COUNTS)} | columns)
    runs = runs_of_cells(np.zeros((1, 2), np.int32))
    genotypes = SparseGenotypes(("ann", "bob"), local, runs, np.ones(1, np.int32))
    stored = stored_shares.packed(table, stored_shares.inbreeding_of(genotypes))
    assert schema.ragged(stored["totals"])[1][INBREEDING:].tolist() == [0, 0, 0, 0, 0, 7]

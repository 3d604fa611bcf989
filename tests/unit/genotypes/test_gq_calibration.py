"""GQ as measured on truth: the fit held to a slow twin, the map's text, and kinds of genotypes."""

from types import SimpleNamespace

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from genocloud import schema
from genocloud.genotypes import gq_calibration
from genocloud.genotypes.aligned_rows import _are_indels
from genocloud.genotypes.gq_calibration import GQS, KINDS, BadCalibration, count_wrong, fitted, map_of, map_text, mapped
from tests.support.examples import examples

IDENTITY = np.tile(np.arange(GQS), (len(KINDS), 1))


def slowly_descending(wrong, genotypes):
    """The min-max formula of isotonic regression."""
    size = len(wrong)

    def share(first, end):
        return sum(wrong[first:end]) / sum(genotypes[first:end])

    return [
        min(max(share(first, end) for end in range(place + 1, size + 1)) for first in range(place + 1))
        for place in range(size)
    ]


@given(rows=st.lists(st.tuples(st.integers(0, 40), st.integers(0, 9)), min_size=1, max_size=12))
@examples(200)
def test_shares_of_pools_are_those_of_the_slow_twin(rows):
    genotypes, wrong = (np.array(column) for column in zip(*((n, min(n, w)) for n, w in rows), strict=True))
    pools = np.array(gq_calibration._pooled(genotypes, wrong))
    seen = genotypes > 0
    assert (pools[:, ~seen] == 0).all()
    assert pools[0, seen].tolist() == [] or (pools[0] >= genotypes).all()
    shares = pools[1, seen] / pools[0, seen]
    np.testing.assert_allclose(shares, slowly_descending(wrong[seen], genotypes[seen]), atol=1e-12)


@given(rows=st.lists(st.tuples(st.integers(0, 10**6), st.floats(0, 1)), min_size=GQS, max_size=GQS))
@examples(50)
def test_a_larger_gq_never_becomes_a_smaller_one(rows):
    counts = np.array([[(n, round(n * share**4)) for n, share in rows]] * len(KINDS), np.int64)
    assert (map_of(map_text(fitted(counts))) == fitted(counts)).all()


def test_a_gq_that_is_right_or_not_seen_stays():
    counts = np.zeros((len(KINDS), GQS, 2), np.int64)
    assert (fitted(counts) == IDENTITY).all()
    counts[1, 10], counts[1, 20], counts[1, 30] = (1000, 100), (10_000, 100), (100_000, 100)
    assert (fitted(counts) == IDENTITY).all()
    assert map_text(fitted(counts)) == ""


def test_a_gq_that_promises_too_much_becomes_what_was_seen():
    counts = np.zeros((len(KINDS), GQS, 2), np.int64)
    counts[2, 40] = 100_000, 1_000
    table = fitted(counts)
    assert table[2, 40] == 20
    assert (table[2, 20:41] <= 20).all()
    assert (table[2, 41:] == np.arange(41, GQS)).all()
    assert (np.delete(table, 2, axis=0) == np.delete(IDENTITY, 2, axis=0)).all()


TABLES = st.lists(
    st.lists(st.integers(1, GQS - 1), min_size=GQS - 1, max_size=GQS - 1).map(sorted),
    min_size=len(KINDS),
    max_size=len(KINDS),
).map(lambda rows: np.array([[0, *row] for row in rows], np.int32))


@given(table=TABLES, keep=st.lists(st.booleans(), min_size=len(KINDS), max_size=len(KINDS)))
@examples(50)
def test_the_text_has_the_whole_map(table, keep):
    table = np.where(np.array(keep)[:, None], IDENTITY, table).astype(np.int32)
    assert (map_of(map_text(table)) == table).all()


@pytest.mark.parametrize(("gq", "becomes"), [(10, 40), (0, 5), (5, 0), (99, 100)])
def test_a_map_ascends_and_keeps_what_is_unknown(gq, becomes):
    table = IDENTITY.astype(np.int32)
    table[0, gq] = becomes
    with pytest.raises(BadCalibration, match="gq-calibration"):
        map_text(table)


@pytest.mark.parametrize(
    "row", [{"kind": "het"}, {"kind": "ref", "gq": "1"}, {"kind": "ref", "gq": "100", "calibrated": "3"}]
)
def test_rows_that_are_none_are_refused(row):
    with pytest.raises(BadCalibration, match="columns kind"):
        gq_calibration.map_from_rows([row])


def test_gq_by_kind():
    kinds = np.array([0, 1, 1, 1, 2, -1, 1, 1])
    gq = np.array([12, 12, 11, 0, 12, 12, schema.MISSING, 150], np.int32)
    made = mapped("het_snp:12-99=9", kinds, gq)
    assert made.tolist() == [12, 9, 11, 0, 12, 12, schema.MISSING, 9]
    assert mapped("", kinds, gq).tolist() == gq.tolist()


def test_kinds_of_genotypes():
    genotypes = {"0/0": -1, "0/1": 0, "1/1": 0, "1": 0, "0/2": 1, "2/2": 2, "./.": 0, "./1": 0, "0": 1, "1/2": 3}
    parts = [[-1 if each == "." else int(each) for each in text.split("/")] for text in genotypes]
    calls = SimpleNamespace(
        gt_at=np.cumsum([0, *map(len, parts)]),
        gt=np.array([each for part in parts for each in part], np.int8),
        row=np.array([*genotypes.values()], np.int32),
    )
    alts = pa.array([["C", "<*>"], ["C", "AT"], ["*", "<NON_REF>", "T"], ["A", "G", "<*>"]])
    indels = _are_indels(schema.strings(pa.array(["A", "A", "G", "AC"]))[0], *schema.string_lists(alts))
    assert indels.tolist() == [False, True, False, True]
    names = [None if kind < 0 else KINDS[kind] for kind in gq_calibration.kinds_of(calls, indels).tolist()]
    expected = ["ref", "het_snp", "hom_snp", "hom_snp", "het_indel", "hom_snp", None, None, "ref", "het_indel"]
    assert names == expected


def test_counts_by_kind_and_gq():
    counts = count_wrong(np.array([0, 0, 4]), np.array([7, 7, 120]), np.array([True, False, True]))
    assert counts[0, 7].tolist() == [2, 1]
    assert counts[4, 99].tolist() == [1, 1]
    assert counts.sum() == 5

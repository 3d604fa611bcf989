"""Posteriors of trios: by a slow twin; and which people of a pedigree are trios."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from genocloud import refinement
from genocloud.refinement import DE_NOVO_PRIOR, TrioNames
from tests.support import slow_posteriors

PERSON = st.tuples(st.lists(st.integers(0, 400), min_size=3, max_size=3), st.booleans(), st.booleans())


@given(st.lists(st.tuples(PERSON, PERSON, PERSON), min_size=1, max_size=4), st.sampled_from([DE_NOVO_PRIOR, 1e-3]))
def test_as_slow(trios, prior):
    pl, called, known = (np.array([[person[part] for person in people] for people in trios]) for part in range(3))
    ours = refinement.trio_posteriors(pl.astype(np.int32), called, known, prior)
    for number, people in enumerate(trios):
        log10, joint = slow_posteriors.trio(people, prior)
        np.testing.assert_allclose(ours.log10[number], log10, atol=1e-5)
        assert ours.log10[number].max(axis=1).tolist() == [0, 0, 0]
        assert [abs(ours.joint[number][n] - joint[n]) < 1.001 or joint[n] > 90 for n in range(2)] == [True, True]
        useful = people[2][1] and (people[0][1] or people[1][1])
        assert ours.changed[number].tolist() == [bool(useful and person[1]) for person in people]


def test_a_child_of_refs_loses_a_doubtful_alt():
    pl = np.array([[[0, 60, 600], [0, 60, 600], [20, 0, 300]]], np.int32)
    yes = np.ones((1, 3), bool)
    ours = refinement.trio_posteriors(pl, yes, yes, DE_NOVO_PRIOR)
    assert refinement.call(ours.log10[0]).best.tolist() == [0, 0, 0]
    # its ALT is new, or one of the parents' genotypes is wrong, each of which has one chance in a million
    assert refinement.call(ours.log10[0]).gq.tolist()[2] == round(60 - 20 - 10 * math.log10(3))


@pytest.mark.parametrize(
    ("lines", "trios", "others"),
    [
        (["f c d m", "f d . .", "f m . ."], ["m d c"], ""),
        (["f c d m"], ["m d c"], ""),  # parents need no lines
        (["f c d m", "g d . ."], [], "c"),  # another family's father
        (["f c d m", "f e d m"], [], "c e"),  # two children
        (["f c d m", "f x . ."], ["m d c"], ""),  # x is no sample
        (["f c d m", "f e . ."], [], "c"),
        (["f c d x", "f m . ."], [], ""),  # no mother
        (["0 c d m"], [], "c"),  # no family's name
        (["f c d m", "g e d m"], ["m d c"], "e"),  # the parents are of the first's family
    ],
)
def test_trios_are_families_of_three(lines, trios, others):
    rows = [tuple("" if word == "." else word for word in line.split()) for line in lines]
    made = refinement.trios_of(rows, ["c", "d", "m", "e"])
    assert made == (tuple(TrioNames(*each.split()) for each in trios), tuple(others.split()))

"""Folding, deriving and combining likelihoods."""

from hypothesis import given
from hypothesis import strategies as st

from genocloud.reads import phred
from tests.support import reads_errors as twin

PHRED = st.integers(0, 255)


@st.composite
def vectors(draw):
    alleles = draw(st.integers(2, 5))
    pl = draw(st.lists(PHRED, min_size=alleles * (alleles + 1) // 2, max_size=alleles * (alleles + 1) // 2))
    return alleles, phred.shifted(pl)


@given(vectors())
def test_folding_to_the_reference_alone_is_a_fold(vector):
    alleles, pl = vector
    assert phred.reference_only(pl) == phred.fold(pl, [[0], list(range(1, alleles))])


@given(vectors())
def test_a_folded_symbolic_allele_never_looks_less_likely_than_what_it_replaces(vector):
    alleles, pl = vector
    folded = phred.fold(pl, [[0], list(range(1, alleles))])
    assert folded[1] <= min(phred.at(pl, 0, b) for b in range(1, alleles))


def test_folding_keeps_the_alleles_that_stay():
    assert phred.fold([0, 6, 120, 15, 123, 124], [[0], [1, 2]]) == [0, 6, 120]
    assert phred.fold([50, 0, 60, 70, 80, 90], [[0], [1], [2]]) == [50, 0, 60, 70, 80, 90]


READS = st.lists(st.floats(4, 40), max_size=12)


@given(st.lists(READS, min_size=2, max_size=2))
def test_the_symbolic_allele_of_two_alleles_is_what_the_error_model_says(errors):
    whole = twin.likelihoods([*errors, []])
    expected, best = twin.likelihoods(errors), min(twin.likelihoods(errors))
    made = phred.with_symbolic([round(value - best) for value in expected], [len(reads) for reads in errors])
    assert all(abs(a - (b - min(whole))) <= 3 for a, b in zip(made, whole, strict=True))


def test_the_symbolic_allele_of_an_insertion_explains_no_read():
    made = phred.with_symbolic([255, 0, 255], [8, 8])
    assert made[:3] == [255, 0, 255]
    assert min(made[3:]) > 250
    assert made[5] > 400


def test_a_base_and_an_indel_side_by_side_are_on_different_haplotypes():
    base = [100, 0, 100, 130, 130, 160]
    indel = [90, 0, 95, 120, 125, 150]
    pl = phred.side_by_side(base, 2, indel, 2, [(0, 0), (1, 0), (0, 1)])
    called = phred.genotype(pl, 4, 2)
    assert called == (1, 2)
    assert pl[phred.index_of((0, 1))] == 90
    assert pl[phred.index_of((0, 0))] == 190


def test_flat_evidence_for_the_base_leaves_the_indels_likelihoods_alone():
    indel = [90, 0, 95, 120, 125, 150]
    pl = phred.side_by_side([0, 0, 0], 1, indel, 2, [(0, 0), (0, 1)])
    assert pl[:3] == indel[:3]


def test_under_a_heterozygous_deletion_what_looks_homozygous_is_one_copy():
    base = [195, 21, 0, 195, 21, 195]
    pl = phred.under_deletion(base, 3, [180, 0, 170])
    assert phred.genotype(pl, 4, 2) == (1, 2)
    assert pl[phred.index_of((0, 2))] == 195
    assert pl[phred.index_of((1, 1))] == 180
    assert pl[phred.index_of((2, 2))] == 170


def test_haploid_likelihoods_are_the_homozygous_ones():
    assert phred.haploid([195, 21, 5, 195, 21, 195], 3) == [190, 0, 190]


def test_the_symbolic_allele_is_never_called_but_takes_the_quality():
    pl = [40, 30, 50, 10, 0, 60]
    called = phred.genotype(pl, 3, 2)
    assert called == (0, 1)
    assert phred.quality(pl, phred.index_of(called)) == 0
    assert phred.quality([0, 300, 400], 0) == phred.GQ_CAP

"""Priors of genotypes from allele counts: what counts where, and the distribution that follows."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from genocloud import refinement
from genocloud.refinement import AlleleCounts, PriorOptions, UnlikeReference
from tests.support import slow_posteriors

OWN = AlleleCounts("chr1:5", "A", ("C",), (3,), 20)
PANEL = AlleleCounts("panel: chr1:5", "A", ("C",), (100,), 2000)
E = 0.001


def counts(site, *others, samples=10, **options):
    return refinement.pseudocounts(site, others, samples, PriorOptions(**options))


@pytest.mark.parametrize(
    ("others", "samples", "options", "expected"),
    [
        ((), 10, {}, (17 + E, 3 + E)),
        ((), 9, {}, None),  # so few say little
        ((), 9, {"num_reference_samples_if_no_call": 50}, (117 + E, 3 + E)),
        ((), 10, {"discovered_allele_count_priors_off": True}, None),
        ((), 10, {"discovered_allele_count_priors_off": True, "num_reference_samples_if_no_call": 1}, (2 + E, E)),
        ((), 10, {"ignore_input_samples": True}, (17 + E, 3 + E)),  # as in GATK, at sites without others
        ((PANEL,), 1, {}, (1917 + E, 103 + E)),
        ((PANEL, PANEL), 1, {"num_reference_samples_if_no_call": 50}, (3817 + E, 203 + E)),
        ((PANEL,), 10, {"ignore_input_samples": True}, (1900 + E, 100 + E)),
        ((PANEL,), 10, {"discovered_allele_count_priors_off": True}, (1917 + E, 103 + E)),
        ((PANEL,), 10, {"ignore_input_samples": True, "global_prior_snp": 0.5}, (1900.5, 100.5)),
    ],
)
def test_what_is_counted(others, samples, options, expected):
    assert counts(OWN, *others, samples=samples, **options) == expected


@pytest.mark.parametrize(
    ("own", "other", "expected"),
    [
        ("A C,AT", "A C", [0.5, 7.5, 0.1]),
        ("A C,AT", "AGG CGG", [0.5, 7.5, 0.1]),  # the same SNP beside a longer deletion
        ("AGG A,*", "A C,*", [0.5, 0.1, 0.1 + 8]),
        ("A C,*", "A T,*", [0.5, 0.5, 0.5 + 8]),  # `*` is as long as a base
        ("A C", "A <DEL>", [0.5, 0.5]),
        ("ACC A,CCC", "AC C,A", [0.5, 0.1, 0.5]),
        ("ACC AC,CCC", "AC A,CC", [0.5, 0.1 + 7, 0.5 + 8]),
    ],
)
def test_alleles_are_compared_by_the_longest_ref(own, other, expected):
    ref, alts = own.split(" ")
    site = AlleleCounts("", ref, alts.split(","), [0] * len(alts.split(",")), 0)
    their_ref, their_alts = other.split(" ")
    their = their_alts.split(",")
    panel = AlleleCounts("", their_ref, their, range(7, 7 + len(their)), 0)
    options = {"global_prior_snp": 0.5, "global_prior_indel": 0.1, "ignore_input_samples": True}
    assert counts(site, panel, **options)[1:] == pytest.approx(expected[1:])


def test_more_alts_than_alleles_leave_no_ref():
    assert counts(OWN._replace(counts=(30,))) == (E, 30 + E)


def test_another_reference_is_refused():
    with pytest.raises(UnlikeReference, match="panel: chr1:5: REF is G, where A stands"):
        counts(OWN, PANEL._replace(ref="G"))


@given(st.lists(st.floats(0.001, 1e4), min_size=1, max_size=6))
def test_the_priors_are_dirichlet_multinomial(parameters):
    (ours,) = refinement.genotype_priors(np.array([parameters]))
    np.testing.assert_allclose(ours, slow_posteriors.priors(parameters), rtol=1e-6, atol=1e-8)
    assert (10**ours).sum() == pytest.approx(1)

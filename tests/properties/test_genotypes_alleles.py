"""Laws of many alleles: they are judged on the samples' own vectors as on expanded ones, and all accounted for."""

import numpy as np
import pyarrow.compute as pc
import pytest
from hypothesis import given
from hypothesis import strategies as st

from genocloud import genotypes, sites
from genocloud.genotypes.allele_outcomes import KEPT, SPURIOUS, TOO_MANY, UNLIKELY
from genocloud.kernels import fixed_point, key_vectors, merged_likelihoods
from genocloud.regions import Region
from tests.support import genotypes as twin
from tests.support.examples import examples
from tests.support.joint_cohorts import CONTIGS, cohort
from tests.support.joint_path import batch_of
from tests.support.kernel_twins import both

MOST = 12
"""Merged alleles at most: what the slow twin expands for a tetraploid takes it a while."""


@st.composite
def vectors(draw):
    """(ploidy, own number of each merged allele, own PL), as of a sample that tells few of the alleles apart."""
    ploidy, own_alleles = draw(st.integers(1, 4)), draw(st.integers(2, 4))
    own = [0, *draw(st.lists(st.integers(0, own_alleles - 1), min_size=1, max_size=MOST - 1))]
    size = len(twin.genotypes(own_alleles, ploidy))
    return ploidy, own, draw(st.lists(st.sampled_from([0, 0, 3, 40, 900]), min_size=size, max_size=size))


def expanded(ploidy, own, pl):
    """The likelihoods of all merged genotypes."""
    place = {genotype: number for number, genotype in enumerate(twin.genotypes(max(own) + 1, ploidy))}
    every = twin.genotypes(len(own), ploidy)
    return [pl[place[tuple(sorted(own[a] for a in genotype))]] for genotype in every]


def scores_of(words):
    return fixed_point.sums_of(words[:, 0], words[:, 1])


@both(key_vectors.likelihood_gains)
@given(samples=st.lists(st.tuples(vectors(), st.integers(1, 9)), min_size=1, max_size=4))
@examples(60)
def test_scores_are_those_of_expanded_vectors(run, samples):
    alleles = min(len(own) for (_, own, _), _ in samples)
    keys = [[ploidy, *own[:alleles], *pl] for (ploidy, own, pl), _ in samples]
    offsets = np.cumsum([0, *map(len, keys)]).astype(np.int64)
    counts = np.array([count for _, count in samples], np.int64)
    gains = run(offsets, np.array([value for key in keys for value in key], np.int32), counts, alleles)
    whole = [(ploidy, expanded(ploidy, own[:alleles], pl), count) for (ploidy, own, pl), count in samples]
    assert scores_of(gains).tolist() == twin.scores(whole, alleles)


@both(merged_likelihoods.is_flat)
@given(vector=vectors())
@examples(60)
def test_flatness_is_that_of_expanded_vectors(run, vector):
    ploidy, own, pl = vector
    flat = run(np.array([7, *pl], np.int32), 1, np.array(own, np.int32), len(own), ploidy)
    assert flat == (not any(expanded(ploidy, own, pl)))


@pytest.mark.parametrize("ploidy", [1, 2, 4, 6])
@pytest.mark.parametrize("alleles", [60, 201])
def test_many_alleles_take_no_more_than_the_samples_own_vectors(alleles, ploidy):
    """Expanded, the largest of these would take 10^11 likelihoods."""
    keys = [[ploidy, 0, *([2] * (alleles - 2)), 1, *range(900, 900 - len(twin.genotypes(3, ploidy)), -1)]]
    offsets, values = np.array([0, len(keys[0])], np.int64), np.array(keys[0], np.int32)
    scores = scores_of(key_vectors.likelihood_gains(offsets, values, np.array([5], np.int64), alleles))
    assert np.flatnonzero(scores).tolist() == [1]
    assert scores[1] == pytest.approx((len(twin.genotypes(3, ploidy)) - 1) / 2)


def test_sums_that_are_equal_on_paper_are_decided_as_doubles():
    """GATK 4.6.2.0 kept the second of these ALTs (25.5 + 33.6 > 25.2 + 33.9 in doubles)."""
    keys = [[2, 0, own, 3 - own, gain, 0, 900, 900, 900, 900] for own, gain in ((1, 252), (1, 339), (2, 255), (2, 336))]
    offsets = np.cumsum([0, *map(len, keys)]).astype(np.int64)
    values = np.array([value for key in keys for value in key], np.int32)
    scores = scores_of(key_vectors.likelihood_gains(offsets, values, np.ones(4, np.int64), 3))
    assert key_vectors.best_alleles(scores, 1).tolist() == [0, 2]


def outcomes_of(row, reason):
    """What became of a site's ALTs, one by one."""
    lost = {UNLIKELY: row["genotyped"] - row["likely"], TOO_MANY: len(row["alts"]) - row["genotyped"]}
    lost[SPURIOUS] = int(row["spurious"])
    if row["qual"] is None:
        return {reason: len(row["alts"])}
    return lost | {reason or KEPT: row["likely"] - row["spurious"]}


@given(seed=st.integers(0, 10_000), most=st.integers(1, 3), least=st.sampled_from([0.0, 30.0, 300.0]))
@examples(25)
def test_every_allele_that_was_seen_is_kept_or_has_a_reason(seed, most, least):
    model = genotypes.Model(max_alternate_alleles=most, stand_call_conf=least)
    variants, blocks = batch_of(list(cohort(seed, 6).values()))
    ranks, whole = np.arange(6, dtype=np.int32), Region(0, 0, CONTIGS[0].length)
    alleles = sites.unify(*([part] for part in sites.observe(variants, ranks, whole)))
    summary = genotypes.summarise(genotypes.align_rows(variants, blocks, ranks, alleles), alleles)
    settled = next(genotypes.settle([genotypes.estimate([summary], alleles, model)], model))
    outcomes = genotypes.allele_outcomes(settled)
    assert outcomes.total() == pc.sum(pc.list_value_length(alleles["alts"])).as_py()
    assert outcomes[KEPT] == (pc.sum(pc.list_value_length(settled["kept"])).as_py() or 0)
    counts_by_site = [outcomes_of(row, row["reason"]) for row in settled.to_pylist()]
    assert outcomes == {
        name: total for name in {*outcomes} if (total := sum(each.get(name, 0) for each in counts_by_site))
    }

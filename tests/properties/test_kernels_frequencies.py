"""Laws: the kernels of summaries, frequencies, calling and statistics agree with their slow twins."""

import math
from collections import Counter
from itertools import chain, pairwise

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from genocloud.kernels import fixed_point, frequencies, genotyping, key_tracks, key_vectors, site_statistics
from tests.support import genotypes as twin
from tests.support.examples import examples
from tests.support.kernel_twins import both

KEYS = st.lists(st.tuples(st.lists(st.integers(-1, 2), min_size=1, max_size=3), st.integers(1, 5)), max_size=12)


@both(key_tracks.merge_keys)
@given(sites=st.lists(KEYS, min_size=1, max_size=3))
@settings(deadline=None)
def test_equal_keys_are_added_up(run, sites):
    keys = [key for site in sites for key in site]
    out = run(
        len(sites),
        np.repeat(np.arange(len(sites), dtype=np.int32), [*map(len, sites)]),
        np.cumsum([0, *(len(key) for key, _ in keys)]).astype(np.int64),
        np.array([value for key, _ in keys for value in key], np.int32),
        np.array([count for _, count in keys], np.int64),
    )
    site_offsets, offsets, values, counts = out
    result = [(tuple(values[low:high]), count) for (low, high), count in zip(pairwise(offsets), counts, strict=True)]
    assert [result[low:high] for low, high in pairwise(site_offsets)] == [twin.distinct(site) for site in sites]


@st.composite
def cohorts(draw, most=3):
    """(alleles, samples): samples of mixed ploidy with full likelihoods, some of them flat, sorted by ploidy."""
    count = draw(st.integers(2, most))
    samples = []
    for ploidy in sorted(draw(st.lists(st.integers(1, 6), min_size=1, max_size=5))):
        size = len(twin.genotypes(count, ploidy))
        highest = draw(st.sampled_from([0, 1, 600]))
        pl = draw(st.lists(st.integers(0, highest), min_size=size, max_size=size))
        samples.append((ploidy, [value - min(pl) for value in pl], draw(st.integers(1, 40))))
    return count, samples


def arrays(samples):
    """Samples as `sum_copies` takes them."""
    ploidies = np.array([ploidy for ploidy, _, _ in samples], np.int64)
    at = np.cumsum([0, *(len(pl) for _, pl, _ in samples)]).astype(np.int64)
    likelihoods = np.array([value for _, pl, _ in samples for value in pl], np.int32)
    counts = np.array([count for *_, count in samples], np.int64)
    alleles = next(n for n in range(1, 9) if len(twin.genotypes(n, samples[0][0])) == len(samples[0][1]))
    table = frequencies.genotype_counts(alleles, samples[0][0])
    return ploidies, at, frequencies.with_ratios(likelihoods), counts, table


def keys_of(samples, alleles):
    """Samples as keys whose own alleles are the merged ones."""
    keys = [[ploidy, *range(alleles), *pl] for ploidy, pl, _ in samples]
    offsets = np.cumsum([0, *map(len, keys)]).astype(np.int64)
    return (
        offsets,
        np.array(list(chain.from_iterable(keys)), np.int32),
        np.array([count for *_, count in samples], np.int64),
    )


@pytest.mark.slow
@both(frequencies.estimate_counts)
@given(cohort=cohorts())
@examples(40)
def test_expected_copies(run, cohort):
    alleles, samples = cohort
    prior = [10.0, 0.01, 0.00125][:alleles]
    start = frequencies.sum_copies(*arrays(samples), np.full(alleles, 1.0 / alleles))
    copies = run(*arrays(samples), np.array(prior), start)
    expected, wanted = twin.expected_copies(samples, prior)
    assert copies / fixed_point.UNIT == pytest.approx(expected, rel=1e-9, abs=1e-9)
    assert frequencies.frequencies_of(copies, np.array(prior)) == pytest.approx(wanted, rel=1e-9)


@both(frequencies.sum_absence)
@given(cohort=cohorts(), star=st.sampled_from([-1, 1]))
@examples(40)
def test_absence(run, cohort, star):
    alleles, samples = cohort
    shares = np.array([0.9, 0.09, 0.01][:alleles])
    variant, absent = frequencies.absence(run(*arrays(samples), shares / shares.sum(), star), star)
    expected, each = twin.absence(samples, (shares / shares.sum()).tolist(), star)
    assert variant == pytest.approx(expected, rel=1e-9, abs=1e-9)
    assert absent == pytest.approx(each, rel=1e-9, abs=1e-9)


def test_many_diploids_together_are_as_one_after_the_other():
    """More keys than are computed together, unlikely ones among them."""
    rng = np.random.default_rng(5)
    pl = rng.choice([0, 1, 20, 99, 3_000, 2_000_000_000], size=(frequencies.CHUNK * 2 + 7, 3)).astype(np.int32)
    pl -= pl.min(axis=1, keepdims=True)
    samples = [(2, row, count) for row, count in zip(pl.tolist(), rng.integers(1, 9, len(pl)).tolist(), strict=True)]
    shares = np.array([1 - 1e-250, 1e-250])
    copies = sum(frequencies.sum_copies(*arrays([sample]), shares) for sample in samples)
    words = sum(frequencies.sum_absence(*arrays([sample]), shares, -1) for sample in samples)
    assert np.array_equal(frequencies.sum_copies(*arrays(samples), shares), copies)
    assert np.array_equal(frequencies.sum_absence(*arrays(samples), shares, -1), words)


def test_the_largest_likelihoods_give_a_finite_quality():
    """GATK 4.6.2.0 prints QUAL 1999999986.06 for the first (run)."""
    for pl, low, high in (((2_000_000_000, 2_000_000_000, 0), 1.9e8, 2.1e8), ((0, 0, 0), 0.0, 1.0)):
        sample, prior = arrays([(2, pl, 1)]), np.array([10.0, 0.01])
        start = frequencies.sum_copies(*sample, np.full(2, 0.5))
        shares = frequencies.frequencies_of(frequencies.estimate_counts(*sample, prior, start), prior)
        variant, absent = frequencies.absence(frequencies.sum_absence(*sample, shares, -1), -1)
        assert np.isfinite([variant, *absent, *shares]).all()
        assert low <= -variant <= high


@both(key_vectors.likelihood_gains)
@given(cohort=cohorts(4))
@settings(deadline=None)
def test_likelihood_gains(run, cohort):
    alleles, samples = cohort
    words = run(*keys_of(samples, alleles), alleles)
    assert fixed_point.sums_of(words[:, 0], words[:, 1]).tolist() == twin.scores(samples, alleles)


@both(fixed_point.add_words)
@given(tenths=st.lists(st.integers(0, 2**31 - 1), min_size=2, max_size=2))
@settings(deadline=None)
def test_two_doubles_in_words_add_up_as_doubles_do(run, tenths):
    words = np.zeros((1, 2), np.int64)
    for value in tenths:
        run(value / 10.0, 1, words, 0)
    assert fixed_point.sums_of(words[:, 0], words[:, 1]).tolist() == [tenths[0] / 10.0 + tenths[1] / 10.0]


@both(fixed_point.add_words)
@given(values=st.lists(st.tuples(st.floats(0, 1e8), st.integers(1, 1000)), max_size=8), random=st.randoms())
@settings(deadline=None)
def test_words_do_not_show_how_they_were_added_up(run, values, random):
    together, apart = np.zeros((1, 2), np.int64), np.zeros((3, 2), np.int64)
    for value, count in values:
        run(value, count, together, 0)
        for _ in range(min(count, 3)):
            run(value, 1, apart, random.randrange(3))
        run(value, max(count - 3, 0), apart, random.randrange(3))
    assert np.array_equal(apart.sum(axis=0, keepdims=True), together)
    exact = math.fsum(value * count for value, count in values)
    assert fixed_point.sums_of(together[:, 0], together[:, 1])[0] == pytest.approx(exact, rel=1e-15, abs=1e-12)


@both(key_vectors.expand_keys)
@given(cohort=cohorts(4), data=st.data())
@settings(deadline=None)
def test_expanded_keys(run, cohort, data):
    alleles, samples = cohort
    chosen = [0, *sorted(data.draw(st.sets(st.integers(1, alleles - 1), min_size=1)))]
    offsets, values, _ = keys_of(samples, alleles)
    ploidies, at, out = run(offsets, values, alleles, np.array(chosen))
    for n, (ploidy, pl, _) in enumerate(samples):
        expected = twin.project(pl, chosen, ploidy)
        assert ploidies[n] == ploidy
        assert out[at[n] : at[n + 1]].tolist() == [value - min(expected) for value in expected]


@both(key_vectors.best_alleles)
@given(gains=st.lists(st.integers(0, 9), max_size=12), most=st.integers(1, 6))
@settings(deadline=None)
def test_best_alleles(run, gains, most):
    assert run(np.array([0, *gains], np.float64), most).tolist() == twin.best_alleles([0, *gains], most)


@both(genotyping.choose_genotype)
@given(data=st.data(), alleles=st.integers(2, 4), ploidy=st.integers(1, 3), small=st.booleans())
@settings(deadline=None)
def test_choose_genotype(run, data, alleles, ploidy, small):
    size = len(twin.genotypes(alleles, ploidy))
    pl = data.draw(st.lists(st.integers(0, 2 if small else 5000), min_size=size, max_size=size))
    gt, shifted = np.full(ploidy + 1, 9, np.int8), np.array([5, *pl], np.int32)
    called, second = run(shifted, 1, size, ploidy, gt, 1)
    genotype, gq, likelihoods = twin.choose(pl, alleles, ploidy)
    assert (gt[1:].tolist() if called else None) == genotype
    assert math.floor(-10.0 * second + 0.5) == gq
    assert shifted[1:].tolist() == likelihoods


def test_the_edge_of_flatness_is_decided_in_doubles():
    """Puzzle 10: 30,31 is called, 70,71 is not, though both differ by 1."""
    for low, expected in ((30, [0, 0]), (70, [-1, -1])):
        gt = np.zeros(2, np.int8)
        assert genotyping.choose_genotype(np.array([low, low + 1, 900], np.int32), 0, 3, 2, gt, 0)[0]
        assert gt.tolist() == expected


SHARES = st.lists(
    st.tuples(st.one_of(st.floats(0, 1), st.integers(0, 3300).map(lambda pl: 10 ** (pl / -10))), st.integers(1, 9)),
    min_size=1,
    max_size=9,
)


def share_sum(shares):
    """A sum of (share, times), as `add_share` has it."""
    row = np.zeros(fixed_point.SHARE_SUM, np.int64)
    for share, times in shares:
        fixed_point.add_share(row, 0, share, times)
    return row


@both(fixed_point.add_share_sums)
@given(shares=SHARES, data=st.data())
@settings(deadline=None)
def test_sums_of_shares_do_not_depend_on_order_or_grouping(run, shares, data):
    mixed = data.draw(st.permutations(shares))
    cuts = sorted(data.draw(st.lists(st.integers(0, len(mixed)), max_size=3)))
    parts = [mixed[low:high] for low, high in pairwise([0, *cuts, len(mixed)])]
    together = run(np.stack([share_sum(part) for part in parts])[:, None, :])[0]
    assert together.tolist() == share_sum(shares).tolist()
    once = np.zeros(fixed_point.SHARE_SUM, np.int64)
    for share, times in shares:  # as many samples share a genotype
        fixed_point.add_share_sum(once, 0, share_sum([(share, 1)]), 0, times)
    assert once.tolist() == together.tolist()


@both(fixed_point.share_sums)
@given(shares=SHARES)
@settings(deadline=None)
def test_sums_of_shares_are_as_exact_however_small_all_are(run, shares):
    exact = math.fsum(share for share, times in shares for _ in range(times))
    smallest = 5e-324  # of which some doubles here are a few
    assert run(share_sum(shares)[None, :])[0, 0] == pytest.approx(exact, rel=1e-11, abs=9 * smallest)


@pytest.mark.parametrize(
    ("refs", "hets", "gatk"), [(1e-300, 1e-150, -0.0), (0.0, 3e-60, -0.0), (1e-30, 1e-60, 1.0), (0.0, 0.0, math.nan)]
)
def test_inbreeding_of_hom_alts_depends_on_how_unlikely_the_others_are(refs, hets, gatk):
    """GATK 4.6.2.0 on twelve people who are all 1/1."""
    coefficient = site_statistics.inbreeding_coefficient(refs, hets, 12)
    assert coefficient == pytest.approx(gatk, abs=1e-12, nan_ok=True)


@pytest.mark.parametrize(("hets", "gatk"), [(12, 28.1967), (56, 157.3404), (59, 166.2585), (60, 160.0), (1000, 160.0)])
def test_excess_het_where_everybody_is_het(hets, gatk):
    """GATK 4.6.2.0's values."""
    assert site_statistics.excess_het(0, hets, 0) == pytest.approx(gatk, abs=5e-5)


TABLES = st.lists(st.integers(0, 60), min_size=4, max_size=4)


FACTORIALS = site_statistics.log_factorials(site_statistics.STRAND_LIMIT + 1)


@both(site_statistics.fisher_strand)
@given(table=TABLES)
@settings(deadline=None)
def test_fisher_strand(run, table):
    expected = abs(-10 * math.log10(max(twin.fisher_p(table), 1e-320)))
    assert run(np.array(table, np.int64), FACTORIALS) == pytest.approx(expected, rel=1e-9, abs=1e-9)


@both(site_statistics.strand_odds_ratio)
@given(table=TABLES)
@settings(deadline=None)
def test_strand_odds_ratio(run, table):
    assert run(np.array(table, np.int64)) == pytest.approx(twin.odds_ratio(table), rel=1e-12, abs=1e-12)


@both(site_statistics.excess_het)
@given(refs=st.integers(0, 60), hets=st.integers(0, 60), homs=st.integers(0, 60))
@settings(deadline=None)
def test_excess_het(run, refs, hets, homs):
    assume(refs + hets + homs > 0)
    p = float(twin.excess_het_p(refs, hets, homs))
    assume(p > 1e-12)  # beyond it the recursion has dropped what it calls negligible
    assert run(refs, hets, homs) == pytest.approx(abs(-10 * math.log10(p)), rel=1e-3, abs=1e-6)


@both(site_statistics.genotype_weights)
@given(data=st.data(), alleles=st.integers(2, 4))
@settings(deadline=None)
def test_genotype_weights(run, data, alleles):
    every = twin.genotypes(alleles, 2)
    pl = data.draw(st.lists(st.integers(0, 90), min_size=len(every), max_size=len(every)))
    best = every[pl.index(min(pl))]
    result = run(np.array([3, *pl], np.int32), 1, alleles)
    if alleles > 2 and 0 not in best:
        assert result == (0.0, 0.0, 1.0)
        return
    het = min(range(1, alleles), key=lambda b: pl[every.index((0, b))])
    weights = [10 ** (-pl[every.index(genotype)] / 10) for genotype in ((0, 0), (0, het), (het, het))]
    assert result == pytest.approx([weight / sum(weights) for weight in weights], rel=1e-9)


RUNS = st.lists(st.lists(st.lists(st.integers(-3, 3), max_size=5), min_size=2, max_size=2), min_size=1, max_size=4)


def runs_of(cells):
    """Slices of counts and values: each cell's distinct values, ascending."""
    counted = [sorted(Counter(cell).items()) for cell in cells]
    at = np.cumsum([0, *map(len, counted)]).astype(np.int64)
    pairs = list(chain.from_iterable(counted))
    return at, np.array([n for _, n in pairs], np.int32), np.array([v for v, _ in pairs], np.float32)


@both(site_statistics.merge_runs)
@given(parts=RUNS)
@settings(deadline=None)
def test_runs_add_up_to_the_runs_of_all_values(run, parts):
    made = [runs_of(cells) for cells in parts]
    before = np.cumsum([0, *(len(runs) for _, runs, _ in made[:-1])])
    run_at = np.stack([at + first for (at, _, _), first in zip(made, before, strict=True)])
    result = run(run_at, np.concatenate([runs for _, runs, _ in made]), np.concatenate([each[2] for each in made]))
    expected = runs_of([list(chain.from_iterable(cells)) for cells in zip(*parts, strict=True)])
    assert [part.tolist() for part in result] == [part.tolist() for part in expected]


@both(site_statistics.medians)
@given(cells=st.lists(st.lists(st.integers(-3, 3), max_size=6), max_size=4))
@settings(deadline=None)
def test_the_median_is_the_upper_one(run, cells):
    result = run(*runs_of(cells)).tolist()
    expected = [sorted(cell)[len(cell) // 2] if cell else None for cell in cells]
    assert [None if math.isnan(value) else value for value in result] == expected

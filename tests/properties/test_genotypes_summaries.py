"""Laws: what changes from site to site stands for every site's keys, and merging, cutting and storing keep it so."""

from collections import Counter
from itertools import pairwise

import numpy as np
import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from genocloud import genotypes, sites
from genocloud.genotypes import LikelihoodCounts, aligned_rows, likelihood_counts
from genocloud.kernels import key_tracks, likelihood_keys, merged_likelihoods
from genocloud.kernels.cell_runs import fill_cells
from genocloud.kernels.key_tracks import add_changes
from tests.support.cohort_strategies import PLACES, SAMPLES, SEEDS, WHOLE, batches_of
from tests.support.examples import examples
from tests.support.joint_cohorts import cohort, rows_of
from tests.support.joint_path import batch_of
from tests.support.kernel_twins import both

MODEL = genotypes.Model(stand_call_conf=10.0, max_alternate_alleles=3)


def aligned_batches(seed, places, random):
    """Each batch's rows, aligned to the sites (ALLELES) of all."""
    rows = list(cohort(seed, SAMPLES).values())
    batches = [(batch_of([rows[n] for n in batch]), np.array(batch, np.int32)) for batch in batches_of(places, random)]
    seen = [sites.observe(table[0], ranks, WHOLE) for table, ranks in batches]
    alleles = sites.unify([each[0] for each in seen], [each[1] for each in seen])
    return [genotypes.align_rows(*table, ranks, alleles) for table, ranks in batches], alleles


def summaries_of(seed, places, random):
    aligned, alleles = aligned_batches(seed, places, random)
    return [genotypes.summarise(rows, alleles) for rows in aligned], alleles


def split(offsets, values):
    return [tuple(values[low:high].tolist()) for low, high in pairwise(offsets)]


def keys_by_site(summary):
    """Every site's keys with their numbers of samples, from the changes and the site's own keys."""
    track, site_keys, out, counts = summary.track, summary.site_keys, [], Counter()
    shared, others = split(track.offsets, track.values), split(site_keys.offsets, site_keys.values)
    for site in range(len(summary.totals)):
        for change in range(track.at[site], track.at[site + 1]):
            counts[shared[track.keys[change]]] += int(track.steps[change])
        counts = +counts
        own = range(site_keys.at[site], site_keys.at[site + 1])
        out.append(counts + Counter({others[n]: int(site_keys.counts[n]) for n in own}))
        assert len(out[-1]) == len(counts) + len(own)
    return out


def keys_of_cells(rows, alleles):
    """The same from each sample's row at each site, blocks too judged at every site."""
    arrays, out, totals = aligned_rows.site_arrays(alleles), [], []
    cells = np.empty((len(alleles), int(np.sum(rows.ranks >= 0))), np.int32)
    fill_cells(rows.at_sites(alleles).cover, 0, cells)
    for site, covering in enumerate(cells):
        counts, total = Counter(), np.zeros(3, np.int64)
        for fact in rows.facts[covering[covering >= 0]]:
            count, key = arrays.alleles[site], np.zeros(5000, np.int32)
            own = np.zeros(count + 1, np.int32)
            merged_likelihoods.own_alleles(fact, rows.own, arrays.positions[site], count, arrays.stars[site], own)
            if end := likelihood_keys.add_sample(fact, rows.pl, own, count, total, key, 0):
                counts[tuple(key[:end].tolist())] += 1
        out.append(counts)
        totals.append(total.tolist())
    return out, totals


def same(a: LikelihoodCounts, b: LikelihoodCounts) -> bool:
    parts = [(*each.track, *each.site_keys, each.totals) for each in (a, b)]
    return all(x.dtype == y.dtype and np.array_equal(x, y) for x, y in zip(*parts, strict=True))


def is_canonical(summary):
    """Whether keys are sorted, distinct and used, and changes are in order and not 0."""
    track = summary.track
    keys = split(track.offsets, track.values)
    in_order = all(
        list(numbers) == sorted(set(numbers))
        for numbers in (track.keys[low:high].tolist() for low, high in pairwise(track.at))
    )
    return (
        keys == sorted(set(keys))
        and set(track.keys.tolist()) == set(range(len(keys)))
        and in_order
        and track.steps.all()
    )


@given(seed=SEEDS, places=PLACES, random=st.randoms())
@examples(60)
def test_changes_stand_for_every_sites_keys(seed, places, random):
    aligned, alleles = aligned_batches(seed, places, random)
    for rows in aligned:
        summary = genotypes.summarise(rows, alleles)
        assert (keys_by_site(summary), summary.totals.tolist()) == keys_of_cells(rows, alleles)
        assert is_canonical(summary)


@given(seed=SEEDS, places=PLACES, random=st.randoms())
@examples(40)
def test_summaries_merge_in_any_order_and_grouping(seed, places, random):
    parts, _ = summaries_of(seed, places, random)
    tree = list(parts)
    while len(tree) > 1:
        random.shuffle(tree)
        tree = [genotypes.merge(tree[:2]), *tree[2:]]
    merged = genotypes.merge(parts)
    assert same(tree[0], merged)
    assert is_canonical(merged)
    sums = [sum(site, Counter()) for site in zip(*map(keys_by_site, parts), strict=True)]
    assert keys_by_site(merged) == sums
    for keys, total in zip(sums, merged.totals, strict=True):
        assert SAMPLES >= keys.total() >= total[1]


@given(seed=SEEDS, places=PLACES, random=st.randoms())
@examples(40)
def test_what_is_taken_off_a_sum_was_never_in_it(seed, places, random):
    parts, _ = summaries_of(seed, places, random)
    left = genotypes.subtract(genotypes.merge(parts), parts[0])
    assert is_canonical(left)
    if len(parts) > 1:
        assert same(left, genotypes.merge(parts[1:]))
    else:
        assert not any(keys_by_site(left))
        assert not left.totals.any()


@given(seed=SEEDS, places=PLACES, random=st.randoms())
@examples(20)
def test_sites_of_two_summaries_are_put_together(seed, places, random):
    parts, alleles = summaries_of(seed, places, random)
    whole = genotypes.merge(parts)
    of_other = np.array([random.random() < 0.5 for _ in range(len(alleles))], bool)
    none = np.zeros(len(alleles), np.int64)
    two = [likelihood_counts.select([whole], none[mask], np.flatnonzero(mask)) for mask in (~of_other, of_other)]
    assert same(genotypes.interleave(*two, of_other), whole)
    assert same(genotypes.interleave(whole, two[1], of_other, np.flatnonzero(~of_other)), whole)


@given(seed=SEEDS, places=PLACES, first=st.integers(0, 60), random=st.randoms())
@examples(20)
def test_a_summary_may_be_cut_by_sites(seed, places, first, random):
    parts, alleles = summaries_of(seed, places, random)
    whole, first = genotypes.merge(parts), min(first, len(alleles))
    pieces = [(0, first), (first, len(alleles) - first)]
    cut_up = [genotypes.cut(whole, *piece) for piece in pieces]
    assert [site for part in cut_up for site in keys_by_site(part)] == keys_by_site(whole)
    assert all(map(is_canonical, cut_up))
    estimates = [
        genotypes.estimate([part], alleles.slice(*piece), MODEL) for part, piece in zip(cut_up, pieces, strict=True)
    ]
    of_all = genotypes.estimate([whole], alleles, MODEL).to_pylist()
    assert pa.concat_tables(estimates).to_pylist() == of_all
    for site in range(len(alleles)):  # a site's keys have been summed up along all sites before it
        (alone,) = genotypes.estimate([genotypes.cut(whole, site, 1)], alleles.slice(site, 1), MODEL).to_pylist()
        assert alone == of_all[site]


@given(seed=SEEDS, places=PLACES, random=st.randoms(), data=st.data())
@examples(40)
def test_a_summary_may_be_stored_in_pieces(seed, places, random, data):
    """Each piece has some sites; some of these are no longer wanted."""
    parts, alleles = summaries_of(seed, places, random)
    whole, count = genotypes.merge(parts), len(alleles)
    homes = np.array(data.draw(st.lists(st.integers(0, 2), min_size=count, max_size=count)), np.int64)
    wanted = np.array(data.draw(st.lists(st.booleans(), min_size=count, max_size=count)), bool)
    keys = np.array(random.sample(range(-1000, 1000), count), np.int64)
    tables = []
    for home in range(3):
        rows = np.flatnonzero(homes == home)
        piece = likelihood_counts.select([whole], np.zeros(len(rows), np.int64), rows)
        tables.append(genotypes.summary_table(piece).append_column("key", pa.array(keys[rows])))
        assert same(genotypes.summary_of(tables[-1]), piece)
    read = genotypes.summary_at(tables, keys[wanted])
    expected = likelihood_counts.select([whole], np.zeros(int(wanted.sum()), np.int64), np.flatnonzero(wanted))
    assert same(read, expected)
    assert keys_by_site(read) == [
        keys for keys, is_wanted in zip(keys_by_site(whole), wanted, strict=True) if is_wanted
    ]


def test_a_record_that_says_the_same_at_many_sites_begins_and_ends_once(monkeypatch):
    """As a block with AD, which is a row of VARIANTS."""
    block = ["chr1", "1", ".", "A", "<NON_REF>", ".", ".", "END=40", "GT:AD:DP:GQ:PL", "0/0:20,0:20:60:0,60,900"]
    snps = [
        ["chr1", str(pos), ".", "A", "C,<NON_REF>", ".", ".", "DP=9", "GT:DP:GQ:PL", "0/1:9:60:60,0,60,90,90,120"]
        for pos in range(1, 41)
    ]
    rows, ranks = batch_of([rows_of(snps), rows_of([block])]), np.array([0, 1], np.int32)
    alleles = sites.unify(*([each] for each in sites.observe(rows[0], ranks, WHOLE)))
    aligned, arrays = genotypes.align_rows(*rows, ranks, alleles), aligned_rows.site_arrays(alleles)
    seen = []
    monkeypatch.setattr(
        likelihood_keys, "add_changes", lambda *some: (seen.append(len(some[2])), add_changes(*some))[1]
    )
    likelihood_keys.summarise_rows.py_func(
        aligned.facts,
        aligned.pl,
        aligned.own,
        aligned.cover,
        arrays.positions,
        arrays.alleles,
        arrays.stars,
        aligned.first_shared,
    )
    assert len(alleles) == 40
    assert seen == [1]


KEYS = st.lists(st.lists(st.integers(-1, 2), min_size=1, max_size=3), max_size=12)


def packed(keys):
    return np.cumsum([0, *map(len, keys)]).astype(np.int64), np.array([n for key in keys for n in key], np.int32)


@both(key_tracks.unite_keys)
@given(keys=KEYS)
@settings(deadline=None)
def test_keys_are_numbered_in_order(run, keys):
    numbers, offsets, values = run(*packed(keys))
    distinct = sorted(set(map(tuple, keys)))
    assert split(offsets, values) == distinct
    assert [distinct[n] for n in numbers] == list(map(tuple, keys))


@both(key_tracks.add_changes)
@given(changes=st.lists(st.tuples(st.integers(0, 3), st.integers(0, 4), st.integers(-2, 2)), max_size=20))
@settings(deadline=None)
def test_changes_are_added_up(run, changes):
    columns = np.array(changes, np.int32).reshape(-1, 3).T.copy()
    at, keys, steps = run(4, 5, *columns)
    sums = Counter()
    for site, key, step in changes:
        sums[site, key] += step
    site = np.repeat(np.arange(4), np.diff(at))
    expected = sorted((*place, step) for place, step in sums.items() if step)
    assert list(zip(site.tolist(), keys.tolist(), steps.tolist(), strict=True)) == expected


def steps_of(two):
    """What changes from one site's numbers of samples to the next one's: (key, step)."""
    return [(key, b - a) for key, (a, b) in enumerate(zip(*two, strict=True)) if a != b]


@both(key_tracks.join_tracks)
@given(data=st.data())
@settings(deadline=None)
def test_tracks_are_joined_by_what_each_site_has(run, data):
    """Against each track's numbers of samples of three keys, written out."""
    table = st.lists(st.lists(st.integers(0, 3), min_size=3, max_size=3), max_size=5)
    tracks = data.draw(st.lists(table, min_size=1, max_size=3))
    places = [[(track, row) for row in range(len(rows))] for track, rows in enumerate(tracks)]
    left = [[place for place in each if data.draw(st.booleans())] for each in places]
    order = []
    while any(left):
        order.append(data.draw(st.sampled_from([each for each in left if each])).pop(0))

    rows = [steps_of(two) for track in tracks for two in pairwise([[0] * 3, *track])]
    bounds = np.cumsum([0, *map(len, tracks)]).astype(np.int64)
    at = np.cumsum([0, *map(len, rows)]).astype(np.int64)
    keys, steps = (np.array([change[n] for row in rows for change in row], np.int32) for n in range(2))
    joined = key_tracks.KeyTrack(*packed([[0], [1], [2]]), at, keys, steps)
    which = np.array([track for track, _ in order], np.int64)
    out_at, out_keys, out_steps = run(joined, bounds, which, np.array([bounds[t] + row for t, row in order], np.int64))
    expected = [steps_of(two) for two in pairwise([[0] * 3, *(tracks[track][row] for track, row in order)])]
    changes = list(zip(out_keys.tolist(), out_steps.tolist(), strict=True))
    assert [changes[low:high] for low, high in pairwise(out_at)] == expected


@both(key_tracks.shortest_rows)
@given(table=st.lists(st.lists(st.integers(0, 2), min_size=4, max_size=4), max_size=6))
@settings(deadline=None)
def test_rows_are_of_changes_or_of_all_keys(run, table):
    """Against the numbers of samples of four keys, written out; and back."""
    changes = [steps_of(two) for two in pairwise([[0] * 4, *table])]
    held = [steps_of(([0] * 4, row)) for row in table]
    at = np.cumsum([0, *map(len, changes)]).astype(np.int64)
    keys, steps = (np.array([change[n] for row in changes for change in row], np.int32) for n in range(2))
    track = key_tracks.KeyTrack(*packed([[0], [1], [2], [3]]), at, keys, steps)
    whole, *rows = run(track)
    assert whole.tolist() == [len(b) < len(a) for a, b in zip(changes, held, strict=True)]
    pairs = list(zip(rows[1].tolist(), rows[2].tolist(), strict=True))
    assert [pairs[low:high] for low, high in pairwise(rows[0])] == [
        b if is_whole else a for a, b, is_whole in zip(changes, held, whole, strict=True)
    ]
    reverse = key_tracks.changes_of_rows if run is key_tracks.shortest_rows else key_tracks.changes_of_rows.py_func
    back = reverse(whole, key_tracks.KeyTrack(track.offsets, track.values, *rows))
    assert all(np.array_equal(a, b) for a, b in zip(back, (at, keys, steps), strict=True))


@both(key_tracks.take_sites)
@given(data=st.data())
@settings(deadline=None)
def test_the_keys_of_some_sites_are_taken(run, data):
    every = data.draw(st.lists(KEYS, min_size=1, max_size=4))
    order = data.draw(st.lists(st.integers(0, len(every) - 1), max_size=6))
    keys = [key for site in every for key in site]
    at = np.cumsum([0, *map(len, every)]).astype(np.int64)
    site_keys = key_tracks.SiteKeys(at, *packed(keys), np.arange(len(keys)))
    out = run(site_keys, np.array(order, np.int64))
    assert split(out[1], out[2]) == [tuple(key) for site in order for key in every[site]]
    assert out[3].tolist() == [n for site in order for n in range(at[site], at[site + 1])]
    assert np.diff(out[0]).tolist() == [len(every[site]) for site in order]

"""Counts of gnomAD's table cross and add up; sketches keep what they sketch."""

from itertools import pairwise

import numpy as np
import pytest

from genocloud.federation import pack, unpack
from genocloud.genotypes import Runs
from genocloud.pipeline.gnomad.people import admit_from, table_people
from genocloud.pipeline.gnomad.rank_sketches import K, sketch, sketches
from genocloud.pipeline.gnomad.shard_counts import TableCounts, counts_of, counts_table, shard_counts
from tests.support import small_callset


def as_values(total: TableCounts) -> list[object]:
    counts = total.counts
    arrays = [*counts.of_sites.items(), *counts.of_alts.items(), *zip("acv", total.rank_sums, strict=True)]
    return [(name, each.tolist()) for name, each in arrays] + [repr(counts.balance.tolist())]


@pytest.mark.parametrize("seed", range(1, 5))
def test_counts_cross_whole_and_batches_add_up(tmp_path, seed):
    made = small_callset.write(f"memory://gnomad-{seed}", seed=seed)
    labels = tmp_path / "labels.tsv"
    labels.write_text("sample\tsex\tage\tgen_anc\nann\tF\t44\tafr\nbob\tM\t50\teur\ncat\tF\t51\teur\n")
    everybody = table_people(str(labels), made.samples, admit_from(1))
    for shard in made.shards:
        alts = np.array([len(each) for each in made.of_shard(shard).sites()["alts"].to_pylist()], np.int32)
        whole = list(shard_counts(made, shard, everybody))
        parts = []
        for names in (["ann", "cat"], ["bob"]):
            own = table_people(str(labels), names, admit_from(1))
            for total in shard_counts(made.of_samples(names), shard, own):
                message = pack("gnomad counts", counts_table(total, alts))
                back = counts_of(unpack(message, "gnomad counts"), alts, len(own.groups))
                assert as_values(back) == as_values(total)
                parts.append(back.in_groups(own.groups, list(everybody.groups)))
        assert len(whole) == bool(len(alts))
        if whole:
            assert as_values(parts[0] + parts[1]) == as_values(parts[1] + parts[0])
            assert as_values(parts[0] + parts[1])[:6] == as_values(whole[0])[:6]
            with pytest.raises((ValueError, LookupError)):
                counts_of(counts_table(whole[0], alts), alts[:-1], len(everybody.groups))


@pytest.mark.parametrize("count", [0, 1, 2, K, K + 1, 401, 5_000, 77_777])
def test_a_sketch_has_the_weight_and_the_quantiles_of_its_values(count):
    values = np.sort(np.random.default_rng(count).normal(size=count))
    levels, items, compactions = sketch(values)
    assert (levels[0], levels[-1]) == (0, len(items))
    assert len(compactions) == len(levels) - 1
    assert compactions == [1] * (len(compactions) - 1) + [0]
    assert set(items) <= set(values.tolist())
    weights = np.concatenate([np.full(b - a, 1 << n) for n, (a, b) in enumerate(pairwise(levels))])
    assert weights.sum() == count
    assert len(items) <= K + len(levels)
    if count:
        order = np.argsort(items)
        ranks = np.cumsum(weights[order]) - weights[order] / 2
        true = np.searchsorted(values, np.array(items)[order])
        assert np.abs(ranks - true).max() <= max(1, 2 * count / K)


def test_sketches_are_of_multisets_in_their_unit():
    runs = Runs(np.array([0, 2, 2, 3]), np.array([2, 1, 1], np.int32), np.array([-5, 7, 1], np.float32))
    rows = sketches(runs, np.array([0, -1, 1, 2]), 0.5).to_pylist()
    assert [row and row["items"] for row in rows] == [[-2.5, -2.5, 3.5], None, [], [0.5]]
    assert [row and row["levels"] for row in rows] == [[0, 3], None, [0, 0], [0, 1]]

"""Laws: forced alleles join a shard's sites as those of a sample behind all others would, and change no other site."""

import numpy as np
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from genocloud import schema, sites
from tests.support.cohort_strategies import SAMPLES, SEEDS, WHOLE, forced_alleles
from tests.support.examples import examples
from tests.support.joint_cohorts import cohort
from tests.support.joint_path import batch_of


def observed_last(forced):
    """Forced alleles as observations of one more sample."""
    columns = {name: forced[name] for name in ("contig", "start", "ref", "alt")}
    starts = schema.numbers(forced["start"])
    columns["rank"] = np.full(len(forced), SAMPLES, np.int32)
    columns["order"] = (np.arange(len(forced)) - np.searchsorted(starts, starts)).astype(np.int16)
    columns["observed"] = np.zeros(len(forced), np.int32)
    return pa.table([columns[name] for name in schema.OBSERVATIONS.names], schema.OBSERVATIONS)


@given(seed=SEEDS, random=st.randoms())
@examples(100)
def test_forced_alleles_join_as_those_of_a_last_sample(seed, random):
    forced = forced_alleles(seed, random)
    variants, _ = batch_of(list(cohort(seed, SAMPLES).values()))
    observations, spans = sites.observe(variants, np.arange(SAMPLES, dtype=np.int32), WHOLE)
    plain = sites.unify([observations], [spans])
    made = sites.with_forced_alleles(plain, forced, [spans])
    together = sites.unify([observations, observed_last(forced)], [spans])
    assert made.drop_columns("forced_alts").equals(together.drop_columns("forced_alts"))
    assert sites.with_forced_alleles(made, forced, [spans]).equals(made)
    _, stretches = sites.location_sites([], [spans])
    assert sites.with_forced_alleles(plain, forced, [stretches]).equals(made)
    named = {
        (site["start"], site["alts"][number - 1]): site["ref"]
        for site in made.to_pylist()
        for number in site["forced_alts"]
    }
    assert len(named) == len(forced)
    for _, start, ref, alt, _ in zip(*forced.to_pydict().values(), strict=True):
        whole = next(text for (place, _), text in named.items() if place == start)
        assert named[start, alt + whole[len(ref) :]] == whole


def test_an_empty_shard_gets_its_forced_alleles():
    forced = pa.table([[0, 0], [5, 9], ["A", "C"], ["G", "CT"], [1, 2]], schema.FORCED_ALLELES)
    made = sites.with_forced_alleles(schema.ALLELES.empty_table(), forced, [schema.SPANS.empty_table()])
    assert [(site["start"], site["alts"], site["forced_alts"]) for site in made.to_pylist()] == [
        (5, ["G"], [1]),
        (9, ["CT"], [1]),
    ]

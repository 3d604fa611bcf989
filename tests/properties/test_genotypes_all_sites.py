"""Laws of sites that are emitted whatever the evidence: neither cuts nor batches show; variants stay what they were."""

import numpy as np
import pyarrow.compute as pc
from hypothesis import given
from hypothesis import strategies as st

from genocloud import genotypes, schema, sites
from genocloud.regions import Region
from tests.support.cohort_strategies import PLACES, SAMPLES, SEEDS, WHOLE, batches_of
from tests.support.examples import examples
from tests.support.joint_cohorts import CONTIGS, cohort, cohort_records
from tests.support.joint_path import cut, joint

MODEL = genotypes.Model(max_alternate_alleles=3, annotation_groups=("StandardAnnotation", "AS_StandardAnnotation"))
CUTS = st.sets(st.integers(1, WHOLE.end - 1), max_size=8)


def all_sites(seed, shards, batches):
    reference, _ = cohort_records(seed, SAMPLES)
    return joint(cohort(seed, SAMPLES), CONTIGS, shards, batches, MODEL, reference)


@given(seed=SEEDS, places=PLACES, cuts=CUTS, random=st.randoms())
@examples(12)
def test_cuts_change_nothing(seed, places, cuts, random):
    whole = all_sites(seed, [WHOLE], [list(range(SAMPLES))])
    cut_up = all_sites(seed, cut(WHOLE, sorted(cuts)), batches_of(places, random))
    for one, other in zip(whole[:2], cut_up[:2], strict=True):
        assert repr(one.to_pylist()) == repr(other.to_pylist())  # as text, in which NaN equals itself
    assert whole[2] == cut_up[2]


@given(seed=SEEDS)
@examples(12)
def test_every_base_that_has_a_row_gives_a_site_unless_it_cannot_be_genotyped(seed):
    emitted, _, dropped = all_sites(seed, [WHOLE], [list(range(SAMPLES))])
    covered = np.zeros(WHOLE.end, bool)
    for rows in cohort(seed, SAMPLES).values():
        for table in rows:
            for start, stop in zip(table["start"].to_pylist(), table["stop"].to_pylist(), strict=True):
                covered[start:stop] = True
    assert set(emitted["pos"].to_pylist()) <= set((np.flatnonzero(covered) + 1).tolist())
    assert np.count_nonzero(covered) == len(emitted) + dropped.total()
    assert set(dropped) <= {"a carrier has no likelihoods", "no sample has likelihoods"}


@given(seed=SEEDS)
@examples(12)
def test_variants_without_spanning_deletions_are_those_of_a_plain_run(seed):
    """`*` may stay where it went before: force-output sites emit deletions that are too weak elsewhere."""
    plain, _, _ = joint(cohort(seed, SAMPLES), CONTIGS, [WHOLE], [list(range(SAMPLES))], MODEL)
    every, _, _ = all_sites(seed, [WHOLE], [list(range(SAMPLES))])
    by_pos = {row["pos"]: row for row in every.to_pylist()}
    for row in plain.to_pylist():
        if "*" not in by_pos[row["pos"]]["alts"]:
            assert repr(by_pos[row["pos"]]) == repr(row)


@given(seed=SEEDS, places=PLACES, cuts=CUTS, random=st.randoms())
@examples(12)
def test_genotypes_of_nonvariant_sites_have_rgq_and_no_gq(seed, places, cuts, random):
    table, called, _ = all_sites(seed, cut(WHOLE, sorted(cuts)), batches_of(places, random))
    quiet = table.filter(pc.equal(pc.list_value_length(table["alts"]), 0))["pos"]
    inside = pc.is_in(called["pos"], value_set=quiet.combine_chunks())
    without, others = called.filter(inside), called.filter(pc.invert(inside))
    assert all(without[name].null_count == len(without) for name in ("GQ", "PL"))
    assert set(pc.replace_substring_regex(without["GT"], r"[/|]", "").to_pylist()) <= {"0" * n for n in (1, 2, 3)} | {
        "." * n for n in (1, 2, 3)
    }
    variant = table.filter(table["AC"].is_valid())["pos"]
    at_variants = others.filter(pc.is_in(others["pos"], value_set=variant.combine_chunks()))
    assert len(at_variants) == len(variant) * SAMPLES
    assert at_variants["RGQ"].null_count == len(at_variants)
    assert set(others["GQ"].filter(others["RGQ"].is_valid()).to_pylist()) <= {None}


@given(
    spans=st.lists(st.tuples(st.integers(1, 58), st.integers(1, 9)), max_size=8),
    inside=st.lists(st.tuples(st.integers(0, 59), st.integers(1, 9)), min_size=1, max_size=3),
)
@examples(200)
def test_what_decides_is_linked_by_deletions(spans, inside):
    """The slow way: from the bases inside, along every deletion that covers a base already reached."""
    columns = [[0] * len(spans), [at for at, _ in spans], [at + size for at, size in spans], [0] * len(spans)]
    table = schema.SPANS.empty_table().from_arrays([np.array(each, np.int32) for each in columns], schema=schema.SPANS)
    wanted = sites.within([Region(0, at, min(60, at + size)) for at, size in inside], WHOLE)
    reached, before = set(np.flatnonzero(wanted).tolist()), set()
    while reached != before:
        before = set(reached)
        for at, size in spans:
            bases = set(range(at - 1, min(60, at + size)))
            reached |= bases if bases & reached else set()
    deciding = set(np.flatnonzero(sites.deciding(wanted, [table], WHOLE)).tolist())
    assert deciding >= reached

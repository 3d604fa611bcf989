"""Laws: sites, genotypes and annotations depend neither on batches, nor on shard cuts, nor on the order of merging."""

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from genocloud import genotypes, schema, sites
from genocloud.genotypes import (
    aligned_rows,
    allele_specific,
    annotation,
    calling,
    likelihood_counts,
    raw_annotations,
    runs,
)
from genocloud.genotypes.allele_outcomes import KEPT
from genocloud.kernels import site_estimates, site_selection, site_statistics
from genocloud.sites import merging
from tests.support import joint_sites
from tests.support.cohort_strategies import PLACES, SAMPLES, SEEDS, WHOLE, batches_of, forced_alleles
from tests.support.examples import examples
from tests.support.joint_cohorts import CONTIGS, cohort
from tests.support.joint_path import batch_of, cut, joint

GROUPS = "StandardAnnotation", "AS_StandardAnnotation"
MODEL = genotypes.Model(stand_call_conf=10.0, max_alternate_alleles=3, annotation_groups=GROUPS)


@given(seed=SEEDS, places=PLACES, cuts=st.sets(st.integers(1, WHOLE.end - 1), max_size=8), random=st.randoms())
@examples(60)
def test_cuts_change_nothing(seed, places, cuts, random):
    rows = cohort(seed, SAMPLES)
    whole = joint(rows, CONTIGS, [WHOLE], [list(range(SAMPLES))], MODEL)
    cut_up = joint(rows, CONTIGS, cut(WHOLE, sorted(cuts)), batches_of(places, random), MODEL)
    assert repr(cut_up[0].to_pylist()) == repr(whole[0].to_pylist())  # NaN is NaN
    assert cut_up[1].to_pylist() == whole[1].to_pylist()
    assert cut_up[2] == whole[2]


@given(seed=SEEDS, places=PLACES, random=st.randoms())
@examples(40)
def test_reference_records_have_the_genotype_that_each_site_alone_gives_them(seed, places, random):
    rows, batches = cohort(seed, SAMPLES), batches_of(places, random)
    shared = joint(rows, CONTIGS, [WHOLE], batches, MODEL)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(aligned_rows, "_are_reference", lambda variants, facts, pl: np.zeros(len(facts), bool))
        alone = joint(rows, CONTIGS, [WHOLE], batches, MODEL)
    assert [repr(table.to_pylist()) for table in shared[:2]] == [repr(table.to_pylist()) for table in alone[:2]]
    assert shared[2] == alone[2]


COMPOSED = (
    (aligned_rows, "cover_sites"),
    (aligned_rows, "number_blocks"),
    (aligned_rows, "match_alleles"),
    (aligned_rows, "spanning_alleles"),
    (aligned_rows, "any_other_alleles"),
    (aligned_rows, "complete_vectors"),
    (aligned_rows, "genotype_states"),
    (likelihood_counts, "summarise_rows"),
    (likelihood_counts, "add_changes"),
    (likelihood_counts, "merge_keys"),
    (site_estimates, "estimate_sites"),
    (calling, "call_sites"),
    (raw_annotations, "sum_cells"),
    (raw_annotations, "weigh_genotypes"),
    (allele_specific, "sum_cells"),
    (allele_specific.kernels, "weigh_shared"),
    (site_statistics, "strand_biases"),
    (site_statistics, "excess_hets"),
    (site_statistics, "inbreeding_coefficients"),
    (runs, "merge_runs"),
    (allele_specific.kernels, "read_raw"),
    (allele_specific.kernels, "add_genotypes"),
    (allele_specific.kernels, "sum_in_order"),
    (allele_specific.kernels, "median_bins"),
    (annotation, "medians"),
    (site_selection, "settle_sites"),
    (merging, "first_ranks"),
    (merging, "unify_sites"),
)


@pytest.mark.parametrize("seed", range(4))
def test_composed_kernels_say_the_same_in_python(seed, monkeypatch):
    rows, batches = cohort(seed, SAMPLES), [list(range(4)), list(range(4, SAMPLES))]
    compiled = joint(rows, CONTIGS, [WHOLE], batches, MODEL)
    for module, name in COMPOSED:
        monkeypatch.setattr(module, name, getattr(module, name).py_func)
    with np.errstate(over="ignore"):  # hashes
        plain = joint(rows, CONTIGS, [WHOLE], batches, MODEL)
    assert len(compiled[0]) > 0
    assert [repr(table.to_pylist()) for table in plain[:2]] == [repr(table.to_pylist()) for table in compiled[:2]]


def summaries_of(seed, places, random):
    rows = list(cohort(seed, SAMPLES).values())
    batches = [(batch_of([rows[n] for n in batch]), np.array(batch, np.int32)) for batch in batches_of(places, random)]
    seen = [sites.observe(table[0], ranks, WHOLE) for table, ranks in batches]
    alleles = sites.unify([each[0] for each in seen], [each[1] for each in seen])
    return [
        genotypes.summarise(genotypes.align_rows(*table, ranks, alleles), alleles) for table, ranks in batches
    ], alleles


@given(seed=SEEDS, places=PLACES, random=st.randoms())
@examples(40)
def test_sites_are_those_of_the_slow_twins(seed, places, random):
    rows = list(cohort(seed, SAMPLES).values())
    seen = [
        sites.observe(batch_of([rows[n] for n in batch])[0], np.array(batch, np.int32), WHOLE)
        for batch in batches_of(places, random)
    ]
    observations, spans = [each[0] for each in seen], [each[1] for each in seen]
    alleles = sites.unify(observations, spans)
    assert alleles.to_pylist() == joint_sites.unify(observations, spans)
    parts, alleles = summaries_of(seed, places, random)
    estimates = genotypes.estimate(parts, alleles, MODEL)
    cuts = random.randint(0, len(estimates))
    shards = [estimates.slice(0, cuts), estimates.slice(cuts)]
    settled = [row for table in genotypes.settle(shards, MODEL) for row in table.to_pylist()]
    assert settled == joint_sites.settle(shards, MODEL)


@given(seed=SEEDS, places=PLACES, random=st.randoms())
@examples(40)
def test_forced_alleles_are_settled_as_by_the_slow_twin(seed, places, random):
    rows = list(cohort(seed, SAMPLES).values())
    batches = [(batch_of([rows[n] for n in batch]), np.array(batch, np.int32)) for batch in batches_of(places, random)]
    seen = [sites.observe(table[0], ranks, WHOLE) for table, ranks in batches]
    spans = [each[1] for each in seen]
    alleles = sites.with_forced_alleles(
        sites.unify([each[0] for each in seen], spans), forced_alleles(seed, random), spans
    )
    parts = [genotypes.summarise(genotypes.align_rows(*table, ranks, alleles), alleles) for table, ranks in batches]
    estimates = genotypes.estimate(parts, alleles, MODEL)
    (settled,) = genotypes.settle([estimates], MODEL)
    expected = joint_sites.settle([estimates], MODEL)
    qualities = [np.nan if (qual := row.pop("qual")) is None else qual for row in expected]
    assert schema.numbers(settled["qual"]) == pytest.approx(qualities, rel=1e-6, nan_ok=True)
    assert settled.drop_columns("qual").to_pylist() == expected
    outcomes = genotypes.allele_outcomes(settled)
    assert outcomes.total() == sum(map(len, alleles["alts"].to_pylist()))
    assert outcomes[KEPT] == sum(map(len, settled["kept"].to_pylist()))


@given(seed=SEEDS, places=PLACES, random=st.randoms())
@examples(40)
def test_observations_unify_in_any_order(seed, places, random):
    rows = list(cohort(seed, SAMPLES).values())
    seen = [
        sites.observe(batch_of([rows[n] for n in batch])[0], np.array(batch, np.int32), WHOLE)
        for batch in batches_of(places, random)
    ]
    together = sites.observe(batch_of(rows)[0], np.arange(SAMPLES, dtype=np.int32), WHOLE)
    apart = sites.unify([each[0] for each in seen], [each[1] for each in seen])
    assert apart.equals(sites.unify([together[0]], [together[1]]))
    assert pa.compute.sum(apart["observed"]) == pa.compute.sum(together[0]["observed"])

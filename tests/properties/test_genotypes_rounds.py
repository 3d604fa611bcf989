"""Laws: estimates in rounds are those in one go, bit for bit, however the samples are spread over sources."""

from itertools import pairwise

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from genocloud import genotypes, schema, sites
from genocloud.kernels import site_estimates
from genocloud.regions import Region
from tests.support.examples import examples
from tests.support.joint_cohorts import CONTIGS, cohort
from tests.support.joint_path import batch_of

WHOLE, SAMPLES = Region(0, 0, CONTIGS[0].length), 7
MODELS = st.builds(
    genotypes.Model,
    stand_call_conf=st.sampled_from([0.0, 10.0, 30.0]),
    max_alternate_alleles=st.sampled_from([1, 2, 6]),
    heterozygosity=st.sampled_from([0.001, 0.3]),
)


def sources_of(seed, places):
    """ALLELES of all samples, and a summary for each place, also for those without samples."""
    rows = list(cohort(seed, SAMPLES).values())
    seen, batches = [], []
    for place in range(max(places) + 2):
        here = [n for n in range(SAMPLES) if places[n] == place]
        empty = schema.VARIANTS.empty_table(), schema.BLOCKS.empty_table()
        batches.append((batch_of([rows[n] for n in here]) if here else empty, np.array(here, np.int32)))
        seen.append(sites.observe(batches[-1][0][0], batches[-1][1], WHOLE))
    alleles = sites.unify([each[0] for each in seen], [each[1] for each in seen])
    lined = [genotypes.align_rows(*rows, ranks, alleles) for rows, ranks in batches]
    return alleles, [genotypes.summarise(lines, alleles) for lines in lined]


def in_rounds(alleles, sources, model):
    """(ESTIMATES, questions) by rounds over the sources."""
    starts = [genotypes.initial_sums(source, alleles, model) for source in sources]
    rounds, questions = genotypes.FederatedEM(alleles, starts, model), []
    while (question := rounds.questions) is not None:
        questions.append(question)
        rounds.add_answers([genotypes.answer_questions(source, alleles, question, model) for source in sources])
    return rounds.estimates(), questions


ROUNDS = "start_sites", "answer_sites", "absences"


@pytest.mark.parametrize("seed", range(3))
def test_kernels_of_rounds_say_the_same_in_python(seed, monkeypatch):
    alleles, sources = sources_of(seed, [0, 1, 0, 1, 0, 1, 2])
    model = genotypes.Model(max_alternate_alleles=2)
    compiled = in_rounds(alleles, sources, model)
    for name in ROUNDS:
        monkeypatch.setattr(site_estimates, name, getattr(site_estimates, name).py_func)
    plain = in_rounds(alleles, sources, model)
    assert repr(plain[0].to_pylist()) == repr(compiled[0].to_pylist())
    assert [each.to_pylist() for each in plain[1]] == [each.to_pylist() for each in compiled[1]]


SEEDS = st.integers(0, 1 << 30)
PLACES = st.lists(st.integers(0, 3), min_size=SAMPLES, max_size=SAMPLES)


@given(seed=SEEDS, places=PLACES, model=MODELS, random=st.randoms())
@examples(150)
def test_rounds_give_what_one_go_gives(seed, places, model, random):
    alleles, sources = sources_of(seed, places)
    at_once = genotypes.estimate(sources, alleles, model)
    random.shuffle(sources)
    estimates, _ = in_rounds(alleles, sources, model)
    assert repr(estimates.to_pylist()) == repr(at_once.to_pylist())
    assert estimates.schema.equals(schema.ESTIMATES, check_metadata=True)


@given(seed=SEEDS, places=PLACES, model=MODELS)
@examples(40)
def test_what_crosses_is_what_the_schema_says(seed, places, model):
    alleles, sources = sources_of(seed, places)
    starts = [genotypes.initial_sums(source, alleles, model) for source in sources]
    _, questions = in_rounds(alleles, sources, model)
    answers = [
        genotypes.answer_questions(source, alleles, question, model) for source in sources for question in questions
    ]
    for tables, kind in ((starts, schema.STARTS), (questions, schema.QUESTIONS), (answers, schema.ANSWERS)):
        assert all(table.schema.equals(kind, check_metadata=True) for table in tables)
    for before, after in pairwise(questions):
        assert set(after["site"].to_pylist()) <= set(before["site"].to_pylist())


def test_sites_that_cannot_be_genotyped_have_no_questions():
    alleles, sources = sources_of(3, [0] * SAMPLES)
    starts = [genotypes.initial_sums(source, alleles, genotypes.Model()) for source in sources]
    bare = np.full(len(alleles), site_estimates.GENOTYPED | site_estimates.BARE_CARRIER, np.int8)
    starts[0] = schema.with_column(starts[0], "known", pa.array(bare))
    rounds = genotypes.FederatedEM(alleles, starts, genotypes.Model())
    assert rounds.questions is None
    assert set(rounds.estimates()["reason"].to_pylist()) == {"a carrier has no likelihoods"}


def test_no_sites_need_no_rounds():
    alleles, sources = sources_of(3, [0] * SAMPLES)
    nothing = [genotypes.cut(source, 0, 0) for source in sources]
    estimates, questions = in_rounds(alleles.slice(0, 0), nothing, genotypes.Model())
    assert (len(estimates), questions) == (0, [])

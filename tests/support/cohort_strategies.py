"""Hypothesis strategies of generated cohorts: seeds, and places where batches are cut."""

from hypothesis import strategies as st

from genocloud.regions import Region
from tests.support.joint_cohorts import CONTIGS

WHOLE = Region(0, 0, CONTIGS[0].length)

SAMPLES = 7

SEEDS = st.integers(0, 1 << 30)

PLACES = st.lists(st.integers(0, 3), min_size=SAMPLES, max_size=SAMPLES)


def batches_of(places, random):
    """Samples by batch number, each batch and the batches in random order."""
    batches = [[rank for rank, place in enumerate(places) if place == batch] for batch in set(places)]
    for batch in batches:
        random.shuffle(batch)
    random.shuffle(batches)
    return batches

"""Hypothesis strategies of generated cohorts: seeds, and places where batches are cut."""

import pyarrow as pa
from hypothesis import strategies as st

from genocloud import schema
from genocloud.regions import Region
from tests.support.joint_cohorts import CONTIGS, cohort_records

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


def forced_alleles(seed, random):
    """FORCED_ALLELES of a cohort's contig: SNPs, deletions and insertions, some of which its samples have."""
    reference, _ = cohort_records(seed, SAMPLES)
    chosen = {}
    for start in random.choices(range(WHOLE.end - 6), k=random.randint(1, 12)):
        ref = reference[start : start + random.choice((1, 1, 3))]
        alts = {ref[0]} if len(ref) > 1 else ({"A", "C", "G", "T"} - {ref}) | {ref + "T", ref + "GG"}
        chosen[start, ref, random.choice(sorted(alts))] = None
    rows = [(0, *allele, 1) for allele in sorted(chosen, key=lambda allele: allele[0])]
    return pa.table([list(column) for column in zip(*rows, strict=True)], schema.FORCED_ALLELES)

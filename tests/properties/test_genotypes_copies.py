"""Diploid records of samples with one copy, or none, held to a slow twin, and to the same records written haploid."""

from itertools import combinations_with_replacement, pairwise
from random import Random

import numpy as np
from hypothesis import example, given
from hypothesis import strategies as st

from genocloud import genotypes, schema
from genocloud.genotypes import Model, SampleCopies
from tests.support.cohort_strategies import PLACES, SAMPLES, SEEDS, WHOLE, batches_of
from tests.support.deepvariant_cohorts import cohort
from tests.support.examples import examples
from tests.support.gvcf_reader import to_table
from tests.support.joint_cohorts import CONTIGS
from tests.support.joint_path import batch_of, cut, joint

MODEL = Model(name="deepvariant")
FILLER = 990


@st.composite
def sample_copies(draw):
    """Stretches of the contig, each with some copies of each sample."""
    starts = sorted(draw(st.sets(st.integers(1, WHOLE.end - 1), max_size=4)) | {0})
    own = st.lists(st.sampled_from((0, 1, 1, 2)), min_size=SAMPLES, max_size=SAMPLES)
    table = [draw(own) for _ in starts]
    return SampleCopies(np.array(starts, np.int64), np.array(table, np.int8))


def copies_at(copies, sample, base):
    return [
        of[sample] for start, of in zip(copies.starts.tolist(), copies.copies.tolist(), strict=True) if start <= base
    ][-1]


def haploid_variant(row):
    """A diploid record with the likelihoods of its two equal alleles alone."""
    alleles = len(row["alts"]) + 1
    every = sorted(combinations_with_replacement(range(alleles), 2), key=lambda each: each[::-1])
    out = row | {"phased": False, "pgt": None, "pid": None, "ps": None}
    first, second = row["gt"]
    if row["pl"] is None or len(row["pl"]) != len(every) or None in row["pl"]:
        allele = first if first == second else -1
        return out | {"gt": [allele], "pl": None, "gq": row["gq"] if allele >= 0 else None}
    single = [pl for (one, other), pl in zip(every, row["pl"], strict=True) if one == other]
    unnamed = [number for number, alt in enumerate(row["alts"], 1) if alt == "<*>"]
    known = [number for number in range(alleles) if not (number in unnamed and single[number] == FILLER)]
    best, *rest = sorted(single[number] for number in known)
    likeliest = min((number for number in range(alleles) if number not in unnamed), key=lambda number: single[number])
    return out | {
        "gt": [-1 if first == second == -1 else likeliest],
        "pl": [pl - best if number in known else pl for number, pl in enumerate(single)],
        "gq": min(rest[0] - best, 99) if rest else row["gq"],
    }


def haploid_block(row):
    out = row | {"ploidy": 1, "pl0": None, "pl1": None, "pl2": None}
    ref, other = row["pl0"], row["pl2"]
    if None in (ref, row["pl1"], other):
        return out
    least = min(ref, other)
    return out | {"pl0": ref - least, "pl1": other - least, "gq": min(abs(ref - other), 99)}


def pieces(row, copies, sample):
    """A block by the copies of each of its bases."""
    bases = range(row["start"], row["stop"])
    edges = [
        base
        for base in bases
        if base == row["start"] or copies_at(copies, sample, base) != copies_at(copies, sample, base - 1)
    ]
    return [row | {"start": start, "stop": stop} for start, stop in pairwise([*edges, row["stop"]])]


def converted(tables, copies, sample):
    """A sample's rows as its copies have them, row by row."""
    variants, blocks = (table.to_pylist() for table in tables)
    blocks = [piece for row in blocks for piece in pieces(row, copies, sample)]
    out = []
    for rows, ploidy, haploid in (
        (variants, lambda row: len(row["gt"]), haploid_variant),
        (blocks, lambda row: row["ploidy"], haploid_block),
    ):
        there = [(row, copies_at(copies, sample, row["start"])) for row in rows]
        out.append([haploid(row) if count == 1 and ploidy(row) == 2 else row for row, count in there if count])
    return to_table(out[0], schema.VARIANTS), to_table(out[1], schema.BLOCKS)


def has_record(tables, base):
    return any(row["start"] <= base < row["stop"] for table in tables for row in table.to_pylist())


@given(seed=SEEDS, copies=sample_copies())
@examples(80)
def test_rows_are_those_that_a_slow_twin_makes(seed, copies):
    rows = cohort(seed)
    expected = batch_of([converted(tables, copies, sample) for sample, tables in enumerate(rows.values())])
    made = genotypes.with_copies(*batch_of(list(rows.values())), copies, FILLER)
    for own, others in zip(made, expected, strict=True):
        assert own.to_pylist() == others.to_pylist()
        assert own.schema.equals(others.schema)


@given(
    seed=SEEDS,
    copies=sample_copies(),
    places=PLACES,
    cuts=st.sets(st.integers(1, WHOLE.end - 1), max_size=8),
    random=st.randoms(),
)
@example(  # the last of the samples has two copies, and a haploid block that makes a no-call
    seed=6672331,
    copies=SampleCopies(np.zeros(1, np.int64), np.array([[0, 0, 0, 0, 0, 1, 2]], np.int8)),
    places=[0] * SAMPLES,
    cuts=set(),
    random=Random(0),
)
@examples(40)
def test_calls_are_those_of_the_records_written_haploid(seed, copies, places, cuts, random):
    rows = cohort(seed)
    haploid = {name: converted(tables, copies, sample) for sample, (name, tables) in enumerate(rows.items())}
    batches = [list(range(SAMPLES))]
    sites, cells, _ = joint(rows, CONTIGS, cut(WHOLE, sorted(cuts)), batches_of(places, random), MODEL, copies=copies)
    expected_sites, expected, _ = joint(haploid, CONTIGS, [WHOLE], batches, MODEL)
    seen = ["seen", "genotyped"]  # of ALTs, also those of people who have no copy
    assert repr(sites.drop_columns(seen).to_pylist()) == repr(expected_sites.drop_columns(seen).to_pylist())
    for own, other in zip(cells.to_pylist(), expected.to_pylist(), strict=True):
        base = own["pos"] - 1
        if has_record(haploid[own["sample"]], base):
            assert own == other
        else:  # ploidy is that of the copies
            ploidy = max(1, copies_at(copies, list(rows).index(own["sample"]), base))
            assert own == other | {"GT": "/".join("." * ploidy)}


def test_two_copies_everywhere_change_nothing():
    tables = batch_of(list(cohort(3).values()))
    copies = SampleCopies(np.zeros(1, np.int64), np.full((1, SAMPLES), 2, np.int8))
    for made, own in zip(genotypes.with_copies(*tables, copies, FILLER), tables, strict=True):
        assert made.to_pylist() == own.to_pylist()

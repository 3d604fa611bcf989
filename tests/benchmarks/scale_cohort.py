"""A cohort of very many invented people, written as ingest would have stored their gVCFs, without any gVCF.

Blocks and variants are drawn from the statistics of real gVCFs (gvcf_statistics.yaml), alleles from the spectrum of
frequencies of a growing population. A person's rows depend on the seed, the region's length and the person's number
alone: ten thousand people are the first of a hundred thousand, and batches may be made in any order.
"""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache, cached_property, partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import yaml
from numba import njit

from genocloud import cohort, schema
from genocloud.gvcf import Rows
from genocloud.regions import Contig
from genocloud.scatter.executors import Scatter
from genocloud.storage import open_store

Array = npt.NDArray[Any]

CONTIG = "chr1"
ANY_OTHER = "<NON_REF>"

POWER, RARE, COMMON = 0.4583, 1.918e-4, 6.519e-4
"""A base has RARE * f^(-1 - POWER) df alleles of frequency f, and COMMON / f df more where f is COMMON_FROM at least.

Solved for three published numbers, a genome having 3.1e9 bases: 125 million variants in 3,202 people and 644 million in
150,119 (sources: pipeline/planning/whole_genomes.py), and 4.8 million sites at which a person differs from the
reference. The first term is what gives a power of the number of people; the second is the spectrum of a population of
constant size, which ours was when its common alleles arose.
"""

RAREST, COMMON_FROM, MOST_COMMON = 1e-7, 0.01, 0.999

INDELS = 0.115
"""The share of insertions and deletions: 14.4 of 125 million (1000 Genomes at 30x: Cell 185, 3426 (2022))."""

INDEL_STOP, LONGEST_INDEL = 0.35, 40
"""An indel ends at each base with this probability."""

TRANSITION_SHARE = 2 / 3
"""The share of single-base changes that are A to G, C to T or the reverse."""

SHARED = 0.05
"""The share of alleles that lie at the base of another one: then 1% of variant records have two ALTs, as in the
statistics' first gVCF, where 1.3% have a GT of two ALTs."""

TRANSITION = {"A": "G", "G": "A", "C": "T", "T": "C"}
"""The other base of a transition."""

STRETCH = 2.25
"""By how much blocks of GQ 40 and more are longer than in the statistics, whose file covers short targets only: with it
a genome has the 20 million records of pipeline/planning/whole_genomes.py."""

PHASED_BP = 50
"""A variant no further than this from a person's previous one is phased with it: then 15% are, as in the statistics."""

EDGE = 100
"""Bases at both ends of the contig without alleles."""

STATISTICS = Path(__file__).with_name("gvcf_statistics.yaml")

BLOCK = ("start", "stop", "dp", "min_dp", "pl1", "pl2")
VARIANT = ("first", "second", "gt0", "gt1", *(f"ad{n}" for n in range(4)), *(f"pl{n}" for n in range(10)), "gq")
VARIANT += ("ref_forward", "ref_reverse", "alt_forward", "alt_reverse", "anchor", "base_q", "mapping_q", "place", "mq")
"""Columns of what a kernel writes: alleles by number, -1 for none; z scores in thousandths."""

SECOND, GT, AD, PL, GQ, SB, ANCHOR, RANKS, MQ = (
    VARIANT.index(name) for name in ("second", "gt0", "ad0", "pl0", "gq", "ref_forward", "anchor", "base_q", "mq")
)


@dataclass(frozen=True, kw_only=True)
class Alleles:
    """The population's alleles, sorted by position.

    start  (alleles,) int32; ref, alt  (alleles,) strings; frequency  (alleles,) float64
    """

    start: Array
    ref: pa.Array
    alt: pa.Array
    frequency: Array


@dataclass(frozen=True)
class ScaleCohort:
    """The people of a region of so many bases."""

    length: int
    seed: int = 1

    @property
    def layout(self) -> cohort.Layout:
        """One contig, and windows as ingest cuts them."""
        return cohort.Layout((Contig(CONTIG, self.length),))

    @cached_property
    def alleles(self) -> Alleles:
        """Everybody's alleles."""
        rng = np.random.default_rng([self.seed, self.length])
        frequency = draw_frequencies(self.length - 2 * EDGE, rng)
        starts = rng.integers(EDGE, self.length - EDGE, len(frequency))
        shared = np.flatnonzero(rng.random(len(starts)) < SHARED)
        starts[shared] = starts[shared - 1]  # the one before it is rare or common as it is
        bases = "".join(rng.choice(list("ACGT"), self.length))
        words = [_allele(bases, start, rng) for start in starts.tolist()]
        kept = {(start, *word): number for number, (start, word) in enumerate(zip(starts.tolist(), words, strict=True))}
        ordered = sorted(kept)
        return Alleles(
            start=np.array([start for start, _, _ in ordered], np.int32),
            ref=pa.array([ref for _, ref, _ in ordered], pa.string()),
            alt=pa.array([alt for _, _, alt in ordered], pa.string()),
            frequency=frequency[[kept[each] for each in ordered]],
        )

    def write(self, url: str, people: int, scatter: Scatter, batch_size: int = cohort.BATCH_SIZE) -> cohort.Cohort:
        """Store so many people in batches; those that are there already stay."""
        batches = [range(first, min(first + batch_size, people)) for first in range(0, people, batch_size)]
        receipts = scatter.run(partial(self._write_batch, url), batches, lambda _: None)
        return cohort.append(open_store(url), receipts, self.layout, {"contigs": f"scale:{self.length}:{self.seed}"})

    def rows(self, people: range) -> list[Rows]:
        """Each person's rows, as read from a gVCF."""
        blocks, variants, block_ends, variant_ends = draw(self, people)
        block_rows, variant_rows = _blocks(blocks), _variants(variants, self.alleles)
        each = zip(_slices(block_rows, block_ends), _slices(variant_rows, variant_ends), people, strict=True)
        return [
            Rows(variants=called, blocks=passed, read=called.num_rows + passed.num_rows, dropped={}, checksum=person)
            for passed, called, person in each
        ]

    def _write_batch(self, url: str, people: range) -> cohort.BatchReceipt:
        made: list[Rows] = []

        def rows(place: int) -> Iterator[Rows]:
            if not made:
                made.extend(self.rows(people))
            yield made[place]

        sources = [
            cohort.Source(
                sample=f"S{person:06d}",
                fingerprint=hashlib.sha256(f"{self.seed} {self.length} {person}".encode()).hexdigest(),
                rows=rows(place),
                caller="gatk",
            )
            for place, person in enumerate(people)
        ]
        return cohort.write_batch(open_store(url), sources, self.layout)


def draw_frequencies(bases: int, rng: np.random.Generator) -> Array:
    """Frequencies of a region's alleles, by inversion of both terms of their density."""
    highest = RAREST**-POWER
    rare = rng.random(rng.poisson(bases * RARE * (highest - 1) / POWER))
    common = rng.random(rng.poisson(-bases * COMMON * np.log(COMMON_FROM)))
    each = np.concatenate([(highest - rare * (highest - 1)) ** (-1 / POWER), COMMON_FROM ** (1 - common)])
    return np.minimum(each, MOST_COMMON)


def _allele(bases: str, start: int, rng: np.random.Generator) -> tuple[str, str]:
    """REF and ALT of an allele that begins at a base."""
    ref = bases[start]
    if rng.random() < INDELS:
        count = min(LONGEST_INDEL, int(rng.geometric(INDEL_STOP)))
        if rng.random() < 0.5:
            return bases[start : start + count + 1], ref
        return ref, ref + "".join(rng.choice(list("ACGT"), count))
    if rng.random() < TRANSITION_SHARE:
        return ref, TRANSITION[ref]
    return ref, str(rng.choice([base for base in "ACGT" if base not in (ref, TRANSITION[ref])]))


@cache
def statistics() -> tuple[Array, Array, Array, Array]:
    """What kernels draw from: probabilities, what kinds of block follow (cumulated), quantiles of blocks and variants.

    after  (kinds, kinds); blocks  (kinds, 5, probabilities): length, pl1, pl2, min_dp, dp;
    variants  (5, probabilities): depth, het_share, het_loss, hom_ref_share, hom_loss
    """
    table = yaml.safe_load(STATISTICS.read_text())
    after = np.cumsum([kind["after"] for kind in table["blocks"]], axis=1)
    names = ("length", "pl1", "pl2", "min_dp", "dp")
    blocks = np.array([[kind[name] for name in names] for kind in table["blocks"]])
    blocks[-1, 0] *= STRETCH
    names = ("depth", "het_share", "het_loss", "hom_ref_share", "hom_loss")
    variants = np.array([table["variants"][name] for name in names])
    return np.array(table["probabilities"], float), after / after[:, -1:], blocks, variants


def draw(scale_cohort: ScaleCohort, people: range) -> tuple[Array, Array, Array, Array]:
    """Blocks and variants of some people as columns BLOCK and VARIANT, and where each person's rows end."""
    alleles = scale_cohort.alleles
    weights = np.cumsum(-2 * np.log1p(-alleles.frequency))
    spans = pc.binary_length(alleles.ref).to_numpy()
    sites = alleles.start, spans.astype(np.int32), alleles.frequency, weights
    most = len(people) * (scale_cohort.length // 4 + 64)
    blocks, variants = np.empty((most, len(BLOCK)), np.int32), np.empty((most // 4, len(VARIANT)), np.int32)
    ends = np.zeros((2, len(people)), np.int64)
    _draw_people(
        np.uint64(scale_cohort.seed), people.start, scale_cohort.length, sites, statistics(), (blocks, variants, ends)
    )
    return blocks[: ends[0, -1]], variants[: ends[1, -1]], ends[0], ends[1]


@njit(cache=True)
def _draw_people(seed, first, length, sites, numbers, out):
    blocks, variants, ends = out
    block = variant = 0
    for person in range(ends.shape[1]):
        state = np.empty(1, np.uint64)
        state[0] = seed * np.uint64(0x9E3779B97F4A7C15) ^ np.uint64(first + person + 1) * np.uint64(0xD1B54A32D192ED03)
        block, variant = _draw_person(state, length, sites, numbers, blocks, block, variants, variant)
        ends[0, person], ends[1, person] = block, variant


@njit(cache=True)
def _draw_person(state, length, sites, numbers, blocks, block, variants, variant):
    """The rows of a person, after those that are there; returns where they end."""
    starts, spans, frequencies, weights = sites
    before = variant  # no row of another person is phased with this one's
    reached, kind, left = 0, 4, 0
    carried = copies = -1
    x = 0.0
    while True:
        # Steps of a Poisson process over -2 ln(1 - f): an allele is hit with probability 1 - (1 - f)^2.
        allele, x = _next_allele(state, weights, x, carried)
        if carried >= 0:
            start, second = starts[carried], -1
            one_base = spans[carried] == 1 and allele < len(starts) and spans[allele] == 1
            if start >= reached and one_base and starts[allele] == start and copies == 1:
                second = allele
            if start >= reached and _draw_variant(state, carried, second, copies, spans, numbers, variants[variant]):
                _phase(variants, variant, before, starts)
                block, kind, left = _draw_blocks(state, reached, start, kind, left, numbers, blocks, block)
                variant += 1
                reached = start + spans[carried]
        if allele == len(starts):
            break
        frequency = frequencies[allele]
        carried, copies = allele, 2 if _uniform(state) < frequency / (2 - frequency) else 1
    block, kind, left = _draw_blocks(state, reached, length, kind, left, numbers, blocks, block)
    return block, variant


@njit(cache=True)
def _next_allele(state, weights, x, carried):
    """The next allele that a person carries (their number if there is none), and where the process is."""
    allele = carried
    while allele == carried:
        x -= np.log(1 - _uniform(state))
        allele = np.searchsorted(weights, x)
    return allele, x


@njit(cache=True)
def _draw_blocks(state, start, end, kind, left, numbers, blocks, block):
    """Blocks from start to end; the one that is `left` in part is continued after it."""
    probabilities, after, quantiles, _ = numbers
    while start < end:
        if left == 0:
            kind = min(np.searchsorted(after[kind], _uniform(state), side="right"), len(after) - 1)
            left = max(1, round(_quantile(state, probabilities, quantiles[kind, 0])))
        stop = min(end, start + left)
        pl1 = round(_quantile(state, probabilities, quantiles[kind, 1]))
        by = 1 if kind == 0 else pl1
        pl2 = round(by * _quantile(state, probabilities, quantiles[kind, 2]))
        least = round(by * _quantile(state, probabilities, quantiles[kind, 3]))
        depth = least + round(_quantile(state, probabilities, quantiles[kind, 4]))
        row = blocks[block]
        row[0], row[1], row[2], row[3], row[4], row[5] = start, stop, depth, least, pl1, pl2
        block += 1
        left -= stop - start
        start = stop
    return block, kind, left


@njit(cache=True)
def _draw_variant(state, first, second, copies, spans, numbers, row):
    """A person's record of one allele, or of two at a base; False where no read shows it, so that a block remains."""
    probabilities, _, _, quantiles = numbers
    depth = round(_quantile(state, probabilities, quantiles[0]))
    row[AD : AD + 4] = 0
    if second >= 0:
        row[AD + 1] = round(depth * _quantile(state, probabilities, quantiles[1]))
        row[AD + 2] = depth - row[AD + 1]
    elif copies == 2:
        row[AD] = round(depth * _quantile(state, probabilities, quantiles[3]))
        row[AD + 1] = depth - row[AD]
    else:
        row[AD + 1] = round(depth * _quantile(state, probabilities, quantiles[1]))
        row[AD] = depth - row[AD + 1]
    if row[AD + 1] == 0:
        return False
    row[0], row[SECOND] = first, second
    loss = _quantile(state, probabilities, quantiles[4 if copies == 2 else 2])
    _fill_likelihoods(row, 4 if second >= 0 else 3, loss)
    row[SB], row[SB + 2] = row[AD] * _uniform(state), (depth - row[AD]) * _uniform(state)
    row[SB + 1], row[SB + 3] = row[AD] - row[SB], depth - row[AD] - row[SB + 2]
    for rank in range(3):
        row[RANKS + rank] = 1000 * _normal(state)
    row[MQ] = 60 if _uniform(state) < 0.95 else 30 + 30 * _uniform(state)
    return True


@njit(cache=True)
def _fill_likelihoods(row, alleles, loss):
    """PL in VCF order, GT and GQ: a read costs nothing, 3.01 phred at a het, or `loss` if it has neither allele."""
    values = np.zeros(10)
    at = best = 0
    for b in range(alleles):
        for a in range(b + 1):
            for allele in range(alleles):
                cost = 0.0 if a == b == allele else 3.0103 if allele in (a, b) else loss
                values[at] += row[AD + allele] * cost
            if values[at] < values[best] - 1e-6:
                best, row[GT], row[GT + 1] = at, a, b
            elif at == 0:
                row[GT], row[GT + 1] = 0, 0
            at += 1
    least, quality = values[best], 1e9
    for number in range(10):
        row[PL + number] = round(values[number] - least) if number < at else 0
        if number < at and number != best:
            quality = min(quality, values[number] - least)
    row[GQ] = min(99, round(quality))


@njit(cache=True)
def _phase(variants, variant, before, starts):
    """Phase a record with the person's previous one, if that is near; `anchor` is the first allele of the phase set."""
    row = variants[variant]
    row[ANCHOR] = -1
    if variant > before and starts[row[0]] - starts[variants[variant - 1, 0]] <= PHASED_BP:
        if variants[variant - 1, ANCHOR] < 0:
            variants[variant - 1, ANCHOR] = variants[variant - 1, 0]
        row[ANCHOR] = variants[variant - 1, ANCHOR]


@njit(cache=True)
def _quantile(state, probabilities, values):
    """A number drawn from a distribution of which some quantiles are known, linear between them."""
    at = _uniform(state)
    right = np.searchsorted(probabilities, at, side="right")
    low, high = probabilities[right - 1], probabilities[right]
    return values[right - 1] + (values[right] - values[right - 1]) * (at - low) / (high - low)


@njit(cache=True)
def _uniform(state):
    """The next number of SplitMix64 (Steele, Lea, Flood 2014), in [0, 1)."""
    state[0] += np.uint64(0x9E3779B97F4A7C15)
    z = state[0]
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return float((z ^ (z >> np.uint64(31))) >> np.uint64(11)) / 9007199254740992.0


@njit(cache=True)
def _normal(state):
    return np.sqrt(-2 * np.log(1 - _uniform(state))) * np.cos(2 * np.pi * _uniform(state))


def _slices(rows: pa.RecordBatch, ends: Array) -> Iterator[pa.RecordBatch]:
    first = 0
    for end in ends.tolist():
        yield rows.slice(first, end - first)
        first = end


def _blocks(drawn: Array) -> pa.RecordBatch:
    columns = {name: np.ascontiguousarray(drawn[:, number]) for number, name in enumerate(BLOCK)}
    zeros = np.zeros(len(drawn), np.int32)
    columns |= {"contig": zeros, "sample": zeros, "pl0": zeros, "gq": np.minimum(99, columns["pl1"])}
    columns |= {"ploidy": np.full(len(drawn), 2, np.int8), "called": np.ones(len(drawn), bool)}
    return _batch(schema.BLOCKS, {name: pa.array(values) for name, values in columns.items()})


def _variants(drawn: Array, alleles: Alleles) -> pa.RecordBatch:
    """Rows of VARIANTS; what gVCFs of one sample without allele-specific annotations lack is null."""
    column = {name: np.ascontiguousarray(drawn[:, number]) for number, name in enumerate(VARIANT)}
    rows, two = len(drawn), column["second"] >= 0
    ref, first = alleles.ref.take(pa.array(column["first"])), alleles.start[column["first"]]
    deletes = pc.binary_length(ref).to_numpy(zero_copy_only=False)
    depth = drawn[:, AD : AD + 4].sum(axis=1).astype(np.int32)
    names = pa.concat_arrays([alleles.alt, pa.array([ANY_OTHER])])
    alts = np.column_stack([column["first"], column["second"], np.full(rows, len(names) - 1)])
    differs = pa.array(drawn[:, AD] == 0)  # no rank sums without reads of both
    phase = _phases(column["anchor"], alleles)
    zeros = np.zeros(rows, np.int32)
    columns: dict[str, Any] = {
        "contig": zeros,
        "start": first,
        "stop": first + deletes.astype(np.int32),
        "sample": zeros,
        "ref": ref,
        "alts": _lists(alts, np.column_stack([np.ones(rows, bool), two, np.ones(rows, bool)]), names),
        "qual": (np.maximum(drawn[:, PL], 0) + 0.6).astype(np.float32),
        "gt": _lists(drawn[:, GT : GT + 2].astype(np.int8), np.ones((rows, 2), bool)),
        "phased": column["anchor"] >= 0,
        "ad": _lists(drawn[:, AD : AD + 4], np.arange(4) < 3 + two[:, None]),
        "dp": depth,
        "gq": column["gq"],
        "pl": _lists(drawn[:, PL : PL + 10], np.arange(10) < 6 + 4 * two[:, None]),
        "sb": _lists(drawn[:, SB : SB + 4], np.ones((rows, 4), bool)),
        "pgt": pc.if_else(phase.is_valid(), pa.scalar("0|1"), None),
        "pid": phase,
        "ps": pa.array(alleles.start[column["anchor"]] + 1, mask=column["anchor"] < 0),
        "info_dp": depth,
        "excess_het": np.full(rows, 3.0103, np.float32),
        "raw_mq": depth * column["mq"].astype(np.int64) ** 2,
        "raw_mq_dp": depth.astype(np.int64),
    }
    ranks = {"base_q_rank_sum": "base_q", "mq_rank_sum": "mapping_q", "read_pos_rank_sum": "place"}
    for name, values in ranks.items():
        columns[name] = pc.if_else(differs, None, pa.array((column[values] / 1000).astype(np.float32)))
    arrays = {name: each if isinstance(each, pa.Array) else pa.array(each) for name, each in columns.items()}
    return _batch(schema.VARIANTS, arrays)


def _phases(anchors: Array, alleles: Alleles) -> pa.Array:
    """Names of phase sets as HaplotypeCaller makes them: position, REF and ALT of the first record."""
    used, places = np.unique(anchors[anchors >= 0], return_inverse=True)
    names = [f"{alleles.start[each] + 1}_{alleles.ref[int(each)]}_{alleles.alt[int(each)]}" for each in used]
    indices = np.zeros(len(anchors), np.int64)
    indices[anchors >= 0] = places
    return pa.array(names, pa.string()).take(pa.array(indices, mask=anchors < 0))


def _lists(values: Array, used: Array, words: pa.Array | None = None) -> pa.ListArray:
    """The used values of each row as a list; with `words`, these by number."""
    flat = pa.array(np.ascontiguousarray(values[used]))
    offsets = np.concatenate([[0], np.cumsum(used.sum(axis=1))]).astype(np.int32)
    return pa.ListArray.from_arrays(offsets, words.take(flat) if words is not None else flat)


def _batch(table: pa.Schema, columns: dict[str, pa.Array]) -> pa.RecordBatch:
    rows = len(columns["start"])
    arrays: Sequence[pa.Array] = [
        columns[field.name].cast(field.type) if field.name in columns else pa.nulls(rows, field.type) for field in table
    ]
    return pa.RecordBatch.from_arrays(arrays, schema=table)

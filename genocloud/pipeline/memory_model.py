"""What shards need in memory, told before they run from what the store holds; those that need too much are cut."""

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from genocloud.cohort import Cohort, Stored, stored_rows
from genocloud.errors import SettingError
from genocloud.pipeline.sharding import Derived, Shard, ShardPlan, alleles_in, derived, piece_of
from genocloud.regions import Region, extent_text
from genocloud.scatter.executors import Scatter, threads_each
from genocloud.schema import numbers

log = logging.getLogger(__name__)

SHARD_BYTES = 1_000_000_000
"""What a shard's task should need at most; halved until every thread's task fits, so that like budgets cut alike."""

# What follows was measured on 1,000 samples in 500 kb and on 10,000 in 40 kb (benchmarks B and D; 110 to 130 distinct
# keys a site), and rounded up, as a wide banding has more keys and Python returns memory late.

GROUP_COPIES = 3
"""A row group while it is read: packed columns, unpacked columns, and what is chosen of them."""

VARIANT_COPIES, VARIANT_BYTES = 2, 150
"""Rows of variants as they are read and lined up: copies of what they say, and each row's facts."""

BLOCK_BYTES = 100
"""A block as it is read and lined up: its 46 bytes, and what it says as numbers."""

CELL_BYTES = 80
"""A site of a sample while its batch is called: which row speaks, which genotype it has; its row in Parquet has 69."""

HELD_CELL_BYTES = 5
"""A site of a sample while its shard is rendered: the number of its genotype."""

KEY_BYTES = 200
"""An observed allele: the keys of its carriers in summaries that are being merged; 160 were measured."""

PAIR_BYTES = 12
"""A merged allele of a site for each carrier there: its number in the carrier's key, an int32 three times."""

SITE_SAMPLE_BYTES, SITE_SAMPLES = 60, 1000
"""A site for each sample, up to so many: keys of samples in blocks, of whom later ones repeat earlier ones' (23)."""

OBSERVATION_BYTES = 800
"""A row of variants while its shard is discovered: eight batches' observations are held before they are merged."""


class ShardTooHeavy(SettingError):
    """A shard of one site that no budget of this size can hold."""

    def __init__(self, shard: str, need: int, budget: int, remedy: str) -> None:
        self.shard, self.need, self.budget = shard, need, budget
        super().__init__(f"{shard}: about {need:,} bytes of memory needed for a task, {budget:,} there; {remedy}")


@dataclass(frozen=True)
class Load:
    """What the sites of a shard weigh, summed up to each of them: (sites + 1,) int64 each.

    positions  (sites,) int32, 0-based; observed: (sample, allele) observations; pairs: each times the alleles there
    """

    positions: npt.NDArray[np.int32]
    observed: npt.NDArray[np.int64]
    pairs: npt.NDArray[np.int64]

    @property
    def whole(self) -> "Weight":
        """What all sites weigh."""
        return self.between(0, len(self.positions))

    def within(self, region: Region) -> "Weight":
        """What the sites in a region weigh."""
        return self.between(*np.searchsorted(self.positions, (region.start, region.end)).tolist())

    def between(self, first: int, end: int) -> "Weight":
        """What sites first <= site < end weigh."""
        return Weight(end - first, *(int(sums[end] - sums[first]) for sums in (self.observed, self.pairs)))

    @classmethod
    def of(cls, alleles: pa.Table) -> "Load":
        """The load of ALLELES."""
        observed = numbers(alleles["observed"]).astype(np.int64)
        pairs = observed * alleles["alts"].combine_chunks().value_lengths().to_numpy()
        return cls(np.array(numbers(alleles["start"])), *(np.append(0, np.cumsum(each)) for each in (observed, pairs)))


@dataclass(frozen=True)
class Weight:
    """What some sites of a shard weigh."""

    sites: int
    observed: int
    pairs: int


def fit(opened: Cohort, cut: ShardPlan, scatter: Scatter) -> ShardPlan:
    """The cut with every shard's need, those too heavy cut into pieces at fixed places of the genome.

    The shards have been discovered. What comes out of a piece is what its shard would give there. Raises ShardTooHeavy
    where a single site needs more than there is.
    """
    tables = derived(opened, "alleles")
    threads = threads_each(scatter, len(cut.settled))
    most, memory = most_of(scatter), scatter.memory

    def fitted(shards: Sequence[Shard]) -> tuple[Shard, ...]:
        return tuple(piece for shard in shards for piece in pieces_of(opened, tables, shard, threads, most, memory))

    return replace(cut, owned=fitted(cut.owned), upstream=fitted(cut.upstream))


def most_of(scatter: Scatter) -> int:
    """What a shard's task may need at most where it runs."""
    most = SHARD_BYTES
    while most * scatter.threads > scatter.memory:
        most //= 2
    return most


def pieces_of(opened: Cohort, tables: Derived, shard: Shard, threads: int, most: int, memory: int) -> Iterator[Shard]:
    """A shard with its need, or pieces of it that need no more than `most`, of `memory`; `tables` have its ALLELES."""
    stored = stored_rows(opened, shard.region)
    counts = tables.counts(shard) or {}
    whole = Weight(counts.get("sites", 0), counts.get("observed", 0), counts.get("pairs", 0))
    need = need_of(stored, whole, whole, threads)
    if need <= most:
        yield replace(shard, need=need)
        return
    load = Load.of(alleles_in(tables, shard))
    cuts = list(_cuts(stored, load, shard.region, whole, threads, most))
    edges = [shard.region.start, *cuts, shard.region.end]
    for start, end in pairwise(edges):
        piece = piece_of(opened.layout, shard, Region(shard.region.contig, start, end))
        need = need_of(stored, load.within(piece.region), whole, threads)
        if need > memory:
            where = extent_text(piece.extent, opened.contigs)
            raise ShardTooHeavy(where, need, memory, "give more --memory, fewer threads, or smaller batches")
        yield replace(piece, need=need)
    if cuts:
        log.info("%s: too heavy for one task, cut into %d", extent_text(shard.extent, opened.contigs), len(edges) - 1)


def _cuts(
    stored: Sequence[Stored], load: Load, region: Region, whole: Weight, threads: int, most: int
) -> Iterator[int]:
    """Where a region is cut: in half, and each half again, until each piece needs no more than `most` or has one site.

    The places are the same whoever joins the cohort, so that what was derived for a piece can be used again.
    """
    weight = load.within(region)
    if weight.sites <= 1 or need_of(stored, weight, whole, threads) <= most:
        return
    middle = (region.start + region.end) // 2
    halves = Region(region.contig, region.start, middle), Region(region.contig, middle, region.end)
    yield from _cuts(stored, load, halves[0], whole, threads, most)
    if all(load.within(half).sites for half in halves):
        yield middle
    yield from _cuts(stored, load, halves[1], whole, threads, most)


def need_of(stored: Sequence[Stored], weight: Weight, whole: Weight, threads: int) -> int:
    """Bytes that estimating or calling some sites of a shard takes: so many batches at a time, and what they add up to.

    stored  what each batch's windows there hold; whole: all sites of the shard
    """
    share = weight.observed / max(whole.observed, 1)
    batch = max((_batch_need(each, weight.sites, share) for each in stored), default=0)
    samples = sum(each.samples for each in stored)
    merged = weight.observed * KEY_BYTES + weight.pairs * PAIR_BYTES
    merged += weight.sites * min(samples, SITE_SAMPLES) * SITE_SAMPLE_BYTES
    return int(threads * batch + merged + weight.sites * samples * HELD_CELL_BYTES)


def _batch_need(stored: Stored, sites: int, share: float) -> int:
    """A batch's rows that speak for the sites: each sample has one at each, and carriers stand where sites are."""
    cells = sites * stored.samples
    blocks = min(stored.blocks, cells)
    variants = min(stored.variants, cells, int(share * stored.variants) + stored.samples)
    row = stored.variant_bytes / max(stored.variants, 1) * VARIANT_COPIES + VARIANT_BYTES
    return int(stored.group_bytes * GROUP_COPIES + blocks * BLOCK_BYTES + variants * row + cells * CELL_BYTES)


def discovery_need(opened: Cohort, shard: Shard, threads: int) -> int:
    """Bytes that discovering a shard takes: a row group for each thread, and some batches' observations."""
    stored = stored_rows(opened, shard.region)
    group = max((each.group_bytes for each in stored), default=0) * GROUP_COPIES
    rows = max((each.variants for each in stored), default=0)
    return threads * group + rows * OBSERVATION_BYTES

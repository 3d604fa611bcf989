"""Estimate each shard's peak memory from stored row counts; split shards over the limit."""

import logging
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from genocloud.cohort import Cohort, Stored, stored_rows
from genocloud.errors import SettingError
from genocloud.pipeline.cached_tables import CachedTables, alleles_in, cached_tables
from genocloud.pipeline.sharding import Shard, ShardPlan, piece_of, written_pieces
from genocloud.regions import Region, extent_text
from genocloud.scatter.executors import Scatter, threads_each
from genocloud.schema import Alleles, numbers

log = logging.getLogger(__name__)

SHARD_BYTES = 1_000_000_000
"""The memory limit of a shard's task; halved until every thread's task fits, so that similar budgets cut alike."""

# What follows was measured on the scale cohort (batches of 200: 500 and 1,000 people on 200 and 500 kb, 2,000 and 4,000
# on 50 and 100 kb, 2,000 in batches of 1,000; one thread and two). Together with memory_limit.BASE_BYTES it bounds the
# process's PSS, in which is what Arrow and malloc keep of freed memory: up to three times what is alive.

GROUP_COPIES = 3
"""A row group while it is read: packed columns, unpacked columns, and the selected rows."""

VARIANT_COPIES, VARIANT_BYTES = 2, 150
"""Variant rows as they are read and aligned: copies of their columns, and fixed-width values of each row."""

BLOCK_BYTES = 100
"""A reference block as it is read and aligned: its 46 bytes, and its values as numbers."""

CELL_BYTES = 80
"""A genotype of its own under a block that has AD, as DRAGEN writes them, while its batch is called."""

STORING_COPIES = 2
"""A batch's rows while it is called for a callset: the aligned rows, and the genotypes and tables made of them."""

HELD_ROW_BYTES = 130
"""A row while its shard is written as VCF: its run, its share of the distinct genotypes, and what is made text of them;
34 to 45 bytes of it are alive before any text is made."""

HELD_CELL_BYTES = 200
"""A genotype of its own there, where 70 bytes are alive: a cell under a block that has AD."""

SHARE_BYTES = 300
"""An observed allele in raw annotations that are being merged, and in the table of their sum."""

KEY_BYTES = 160
"""An observed allele: its carriers' likelihood keys in counts that are being merged."""

PAIR_BYTES = 12
"""A merged allele of a site for each carrier there: its index in the carrier's key, an int32 three times."""

CHANGE_BYTES, SITE_CHANGES = 25, 1000
"""A block's beginning or end in counts that are being merged: a key, a number and a site; up to
SITE_CHANGES a site, as further samples' blocks have the same keys."""

MERGED_CELL_BYTES, MERGED_RUN_BYTES = 250, 32
"""Of a cell that a variant makes: its fields, the same by the kept alleles, its text; of a run, in two copies."""
OBSERVATION_BYTES = 800
"""A row of variants while its shard is discovered: eight batches' observations are held before they are merged."""


class ShardTooHeavy(SettingError):
    """A shard of one site that needs more memory than there is."""

    def __init__(self, shard: str, need: int, budget: int, remedy: str) -> None:
        self.shard, self.need, self.budget = shard, need, budget
        super().__init__(f"{shard}: about {need:,} bytes of memory needed for a task, {budget:,} available; {remedy}")


@dataclass(frozen=True)
class SiteLoad:
    """Cumulative counts over the sites of a shard: (sites + 1,) int64 each.

    positions  (sites,) int32, 0-based; observed: (sample, allele) observations; pairs: each times the alleles there
    """

    positions: npt.NDArray[np.int32]
    observed: npt.NDArray[np.int64]
    pairs: npt.NDArray[np.int64]

    @property
    def whole(self) -> "SiteCounts":
        """Counts of all sites."""
        return self.between(0, len(self.positions))

    def in_region(self, region: Region) -> "SiteCounts":
        """Counts of the sites in a region."""
        return self.between(*np.searchsorted(self.positions, (region.start, region.end)).tolist())

    def between(self, first: int, end: int) -> "SiteCounts":
        """Counts of sites first <= site < end."""
        return SiteCounts(end - first, *(int(sums[end] - sums[first]) for sums in (self.observed, self.pairs)))

    @classmethod
    def of(cls, alleles: Alleles) -> "SiteLoad":
        """From ALLELES."""
        observed = numbers(alleles["observed"]).astype(np.int64)
        pairs = observed * alleles["alts"].combine_chunks().value_lengths().to_numpy()
        return cls(np.array(numbers(alleles["start"])), *(np.append(0, np.cumsum(each)) for each in (observed, pairs)))


@dataclass(frozen=True)
class SiteCounts:
    """Sites of a shard, their (sample, allele) observations, and these times the alleles there."""

    sites: int
    observed: int
    pairs: int


@dataclass(frozen=True, kw_only=True)
class TaskLimits:
    """Threads of a shard's task, the bytes that it should need at most, and the bytes that there are.

    `holds_genotypes`: see need_of
    """

    threads: int
    max_task_bytes: int
    worker_bytes: int
    holds_genotypes: bool


def split_to_memory(
    cohort: Cohort, cut: ShardPlan, scatter: Scatter, written: Collection[str] = (), *, holds_genotypes: bool = False
) -> ShardPlan:
    """The plan with every shard's memory need, and shards over the limit split at fixed places of the genome.

    The shards have been discovered. A piece gives exactly what its shard would give there. A shard that an earlier run
    wrote in pieces, whose names are among the `written`, stays in these as far as they fit at all: with other memory or
    threads it would be cut otherwise, and nothing of that run could be used again. `holds_genotypes`: see need_of.
    Raises ShardTooHeavy where a single site needs more than there is.
    """
    tables = cached_tables(cohort, "alleles")
    limits = TaskLimits(
        threads=threads_each(scatter, len(cut.all_shards)),
        max_task_bytes=task_limit(scatter),
        worker_bytes=scatter.memory,
        holds_genotypes=holds_genotypes,
    )

    names = sorted(written)

    def fitted(shards: Sequence[Shard]) -> tuple[Shard, ...]:
        return tuple(piece for shard in shards for piece in pieces_of(cohort, tables, shard, limits, names))

    return replace(cut, owned=fitted(cut.owned), upstream=fitted(cut.upstream))


def task_limit(scatter: Scatter) -> int:
    """The memory limit of a shard's task in this executor."""
    limit = SHARD_BYTES
    while limit * scatter.threads > scatter.memory:
        limit //= 2
    return limit


def pieces_of(
    cohort: Cohort, tables: CachedTables, shard: Shard, limits: TaskLimits, written: Sequence[str] = ()
) -> Iterator[Shard]:
    """A shard with its need, or its pieces, each of which needs at most `max_task_bytes` or is a single site.

    `tables` hold ALLELES; `written` is sorted, see `split_to_memory`. Raises ShardTooHeavy where a piece does not fit
    `worker_bytes`.
    """
    stored = stored_rows(cohort, shard.region)
    counts = tables.counts(shard) or {}
    whole = SiteCounts(counts.get("sites", 0), counts.get("observed", 0), counts.get("pairs", 0))

    def need_at(sites: SiteCounts) -> int:
        return need_of(stored, sites, whole, limits.threads, holds_genotypes=limits.holds_genotypes)

    need = need_at(whole)
    earlier = written_pieces(cohort.layout, shard, written)
    most = limits.worker_bytes if earlier else limits.max_task_bytes
    if need <= most and len(earlier) <= 1:
        yield replace(shard, need=need)
        return
    load = SiteLoad.of(alleles_in(tables, shard))

    def need_in(region: Region) -> int:
        return need_at(load.in_region(region))

    def fits(region: Region) -> bool:
        return need_in(region) <= limits.max_task_bytes

    edges = [shard.region.start]
    for region in [piece.region for piece in earlier] or [shard.region]:
        halves = () if need_in(region) <= most else _cuts(load, region, fits, FURTHER_HALVINGS)
        edges += [*_needed(region, list(halves), fits), region.end]
    for start, end in pairwise(edges):
        piece = piece_of(cohort.layout, shard, Region(shard.region.contig, start, end))
        need = need_in(piece.region)
        if need > limits.worker_bytes:
            where = extent_text(piece.extent, cohort.contigs)
            remedy = "give more --memory, fewer threads, or smaller batches"
            raise ShardTooHeavy(where, need, limits.worker_bytes, remedy)
        yield replace(piece, need=need)
    if len(edges) - 1 > max(1, len(earlier)):
        log.info("%s: too heavy for one task, cut into %d", extent_text(shard.extent, cohort.contigs), len(edges) - 1)


FURTHER_HALVINGS = 3
"""Of pieces that fit: eighths of these are put together, so that pieces weigh alike and are few."""


def _cuts(load: SiteLoad, region: Region, fits: Callable[[Region], bool], further: int) -> Iterator[int]:
    """Where a region is split: in half, and each half again until it fits, then `further` times; not below one site.

    The places do not depend on who joins the cohort, so that tables cached for a piece can be reused.
    """
    if load.in_region(region).sites <= 1 or ((enough := fits(region)) and not further):
        return
    middle = (region.start + region.end) // 2
    halves = Region(region.contig, region.start, middle), Region(region.contig, middle, region.end)
    yield from _cuts(load, halves[0], fits, further - enough)
    if all(load.in_region(half).sites for half in halves):
        yield middle
    yield from _cuts(load, halves[1], fits, further - enough)


def _needed(region: Region, cuts: Sequence[int], fits: Callable[[Region], bool]) -> Iterator[int]:
    """Those of the cuts of a region without which a piece from one to the next would not fit."""
    start = region.start
    for cut, end in pairwise([*cuts, region.end]):
        if not fits(Region(region.contig, start, end)):
            yield cut
            start = cut


def need_of(
    stored: Sequence[Stored], counts: SiteCounts, whole: SiteCounts, threads: int, *, holds_genotypes: bool = False
) -> int:
    """Bytes that estimating and calling some sites takes, whichever takes more: `threads` batches at a time, and sums.

    stored           what each batch has in the shard
    whole            all sites of the shard
    holds_genotypes  whether all batches' genotypes are held at once, as where a shard is written as VCF
    """
    batches = [_at_sites(each, counts, whole) for each in stored]
    people = max(sum(each.samples for each in stored), 1)
    deep = [_has_deep_blocks(each, whole.observed * each.samples / people) for each in stored]
    aligned, storing, held = 0, 0, 0
    for each, own_genotypes in zip(batches, deep, strict=True):
        cells = counts.sites * each.samples * own_genotypes
        group, rows = each.group_bytes * GROUP_COPIES, _row_bytes(each)
        aligned = max(aligned, group + rows + cells * CELL_BYTES)
        storing = max(storing, group + rows * STORING_COPIES + cells * CELL_BYTES)
        held += cells * HELD_CELL_BYTES or (each.blocks + each.variants) * HELD_ROW_BYTES
    merged = counts.observed * KEY_BYTES + counts.pairs * PAIR_BYTES
    merged += min(2 * sum(each.blocks for each in batches), counts.sites * SITE_CHANGES) * CHANGE_BYTES
    calling = threads * aligned + held if holds_genotypes else threads * storing
    return max(threads * aligned + merged, calling + counts.observed * SHARE_BYTES)


def _at_sites(stored: Stored, counts: SiteCounts, whole: SiteCounts) -> Stored:
    """A batch's rows that cover some sites of its shard: blocks by the share of sites, variants by that of alleles."""
    cells = counts.sites * stored.samples
    variants = min(stored.variants, cells, _share(stored.variants, counts.observed, whole.observed) + stored.samples)
    return replace(
        stored,
        blocks=min(stored.blocks, cells, _share(stored.blocks, counts.sites, whole.sites) + stored.samples),
        variants=variants,
        variant_bytes=_share(stored.variant_bytes, variants, stored.variants),
    )


def _share(rows: int, part: int, whole: int) -> int:
    return rows * part // max(whole, 1)


def _has_deep_blocks(stored: Stored, observed: float) -> bool:
    """Whether a batch has far more rows of VARIANTS than observed alleles, as blocks with AD are such rows."""
    return stored.variants > 2 * observed + stored.samples


def _row_bytes(stored: Stored) -> int:
    variants = stored.variant_bytes * VARIANT_COPIES + stored.variants * VARIANT_BYTES
    return stored.blocks * BLOCK_BYTES + variants


def discovery_need(cohort: Cohort, shard: Shard, threads: int) -> int:
    """Bytes that discovering a shard takes: a row group per thread, and several batches' observations."""
    stored = stored_rows(cohort, shard.region)
    group = max((each.group_bytes for each in stored), default=0) * GROUP_COPIES
    rows = max((each.variants for each in stored), default=0)
    return threads * group + rows * OBSERVATION_BYTES


def merged_bytes(cohort: Cohort, shard: Shard) -> int:
    """Bytes of all samples' genotypes of a shard after GLnexus's model: runs, cells that variants make, their text."""
    stored = stored_rows(cohort, shard.region)
    return sum(each.blocks * MERGED_RUN_BYTES + each.variants * MERGED_CELL_BYTES for each in stored)

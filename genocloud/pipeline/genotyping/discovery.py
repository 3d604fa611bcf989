"""Merge the alleles of a stored cohort's shards, add forced alleles and force-output sites, limit to the intervals."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import reduce

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from genocloud import sites
from genocloud.cohort import Batch, Cohort, rows_along
from genocloud.pipeline.cached_tables import CachedTables
from genocloud.pipeline.genotyping.batch_cache import observed
from genocloud.pipeline.memory_model import SiteLoad
from genocloud.pipeline.reference import Reference, bases_of
from genocloud.pipeline.sharding import Shard
from genocloud.scatter.executors import in_threads
from genocloud.schema import Alleles, Observations, Spans, numbers

Bases = npt.NDArray[np.bool_]


OUTSIDE = "outside the intervals"
"""Why observations or sites are dropped."""


def seen_by_all(cohort: Cohort, shard: Shard, keep: bool, threads: int) -> tuple[Observations, Spans]:
    """(OBSERVATIONS, SPANS) of all of a cohort's batches."""

    def observe(batch: Batch) -> tuple[Observations, Spans]:
        return observed(cohort, batch, shard, keep)

    return sites.merge(in_threads(observe, cohort.batches, threads))


@dataclass(frozen=True, kw_only=True)
class SeenAlleles:
    """What all samples show in a shard, inside its targets and outside.

    observed  observations that the ALLELES were made from
    spans     SPANS, or STRETCHES, of all samples
    covered   returns for which bases of the shard any sample has a row; called where sites are force-output
    """

    observed: int
    unified: Alleles
    spans: Sequence[Spans]
    covered: Callable[[], Bases]


def discover_shard(
    cohort: Cohort, tables: CachedTables, shard: Shard, *, keep: bool, threads: int, reference: Reference | None
) -> dict[str, int]:
    """Write a shard's ALLELES from the rows of all of a cohort's batches, see `make_alleles`."""
    observations, spans = seen_by_all(cohort, shard, keep, threads)
    seen = SeenAlleles(
        observed=_count_observations(observations),
        unified=sites.unify([observations], [spans]),
        spans=[spans],
        covered=lambda: rows_cover(cohort, shard, threads),
    )
    return make_alleles(tables, shard, seen, reference)


def make_alleles(tables: CachedTables, shard: Shard, seen: SeenAlleles, reference: Reference | None) -> dict[str, int]:
    """Write a shard's ALLELES inside its targets; returns the table's counts.

    REF of force-output sites without a record comes from the `reference`; without one what is forced is there already.
    """
    alleles = _in_targets(shard, seen, reference)
    counts = {
        "sites": alleles.num_rows,
        "observed": seen.observed,
        "merged": _count_observations(alleles),
        "outside": _count_observations(seen.unified) - _count_observations(alleles),
        "pairs": SiteLoad.of(alleles).whole.pairs,
    }
    tables.write(shard, alleles, counts)
    return counts


def _bases(reference: Reference, shard: Shard) -> str:
    return "".join(bases_of(reference, region) for region in shard.extent.regions(reference.contigs))


def _in_targets(shard: Shard, seen: SeenAlleles, reference: Reference | None) -> Alleles:
    """The sites inside the targets with forced alleles, those that decide about their `*`, and force-output sites."""
    targets, region, alleles, spans = shard.targets, shard.region, seen.unified, seen.spans
    if targets.alleles is not None and reference is not None:
        alleles = sites.with_forced_alleles(alleles, targets.alleles.table, spans)
    wanted = sites.within(targets.force_output, region) if targets.force_output else None
    if targets.inside is not None:
        deciding = sites.deciding(sites.within(targets.inside, region), spans, region)
        starts = numbers(alleles["start"]) - region.start
        alleles = alleles.filter(pa.array(deciding[starts])).combine_chunks()
        wanted = None if wanted is None else wanted & deciding
    if wanted is None or reference is None:
        return alleles
    return sites.force_output(alleles, wanted & seen.covered(), spans, _bases(reference, shard), region)


def rows_cover(cohort: Cohort, shard: Shard, threads: int) -> Bases:
    """Whether any sample has a row at each base of the shard: (bases,) bool."""

    def covered(batch: Batch) -> Bases:
        rows = rows_along(cohort, batch, shard.region)
        return sites.covered([rows.variants, rows.blocks], batch.ranks, shard.region)

    nothing = np.zeros(shard.region.end - shard.region.start, bool)
    return reduce(np.logical_or, in_threads(covered, cohort.batches, threads), nothing)


def _count_observations(table: Alleles) -> int:
    """(Sample, allele) observations that the table accounts for."""
    return pc.sum(table["observed"]).as_py() or 0

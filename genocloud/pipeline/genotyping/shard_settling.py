"""Settle the sites of a stored cohort's shards contig by contig; count the outcomes of sites and alleles."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from itertools import chain, groupby

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from genocloud import genotypes, sites
from genocloud.cohort import Cohort
from genocloud.genotypes import Model
from genocloud.pipeline.cached_tables import CachedTables, cached_tables
from genocloud.pipeline.genotyping.discovery import OUTSIDE
from genocloud.pipeline.sharding import Shard, ShardPlan
from genocloud.scatter.progress import Progress
from genocloud.schema import Settled, numbers


def settle_shards(
    estimates: CachedTables, tables: CachedTables, model: Model, cut: ShardPlan, progress: Progress
) -> dict[str, Counter[str]]:
    """Settle the plan in genome order, into tables SETTLED; returns the outcomes in its own shards, by kind."""
    by_shard = {shard: tables.counts(shard) for shard in cut.all_shards}
    if any(counts is None for counts in by_shard.values()):
        with progress.stage("settle", tasks=len(by_shard), unit="shard") as stage:
            for shard, counts in _settle_contigs(estimates, tables, model, cut.all_shards):
                by_shard[shard] = counts
                stage.advance(tasks=1)
    total: dict[str, Counter[str]] = {kind: Counter() for kind in (SITE_KIND, ALLELE_KIND, BEYOND_LIMITS, FORCED)}
    for name, count in chain.from_iterable((by_shard[shard] or {}).items() for shard in cut.owned):
        kind, _, what = name.partition(": ")
        total[kind][what] += count
    return total


EMITTED = "emitted"
"""The outcome of a site that is emitted; a dropped one's is its reason."""
SITE_KIND, ALLELE_KIND, BEYOND_LIMITS, FORCED = "sites", "alleles", "beyond", "forced"


def _counted(settled: Settled) -> dict[str, int]:
    """Count the outcomes of a shard's sites and alleles, its sites beyond GATK's limits, and its forced alleles."""
    values = pc.fill_null(settled["reason"].cast(pa.string()), EMITTED).value_counts().to_pylist()
    sites = Counter({each["values"]: each["counts"] for each in values})
    beyond = Counter({"sites": int(np.count_nonzero(numbers(settled["beyond"])))})
    forced = Counter({EMITTED: pc.sum(pc.list_value_length(genotypes.emitted(settled)["forced_alts"])).as_py() or 0})
    alleles = genotypes.allele_outcomes(settled)
    kinds = ((SITE_KIND, sites), (ALLELE_KIND, alleles), (BEYOND_LIMITS, beyond), (FORCED, forced))
    return {f"{kind}: {what}": count for kind, counts in kinds for what, count in sorted(counts.items())}


def _settle_contigs(
    estimates: CachedTables, tables: CachedTables, model: Model, shards: Sequence[Shard]
) -> Iterator[tuple[Shard, dict[str, int]]]:
    for _, group in groupby(shards, key=lambda shard: shard.region.contig):
        contig = list(group)
        read = (estimates.read(shard, made_by="genotype") for shard in contig)
        for shard, settled in zip(contig, genotypes.settle(read, model), strict=True):
            if shard.targets.inside is not None:
                inside = sites.within(shard.targets.inside, shard.region)[
                    numbers(settled["start"]) - shard.region.start
                ]
                settled = genotypes.only_inside(settled, inside, OUTSIDE)
            counts = _counted(settled)
            tables.write(shard, settled, counts)
            yield shard, counts


def settled_tables(cohort: Cohort, model: Model, scope: str) -> CachedTables:
    """The tables SETTLED of a plan's shards; `scope` is the plan's."""
    return cached_tables(cohort, "settled", asdict(model), scope)

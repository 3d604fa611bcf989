"""Shards of a callset completed: annotated sites, and the genotypes of sites that nobody carries taken out."""

from collections.abc import Sequence
from dataclasses import asdict
from importlib.metadata import version

import numpy as np
import pyarrow as pa

from genocloud import callset, cohort, genotypes, storage
from genocloud.genotypes import Model
from genocloud.pipeline.genotyping.batch_cache import placed, site_keys
from genocloud.pipeline.genotyping.genotype_reuse import cover
from genocloud.pipeline.genotyping.known_names import named
from genocloud.pipeline.receipts import Unbalanced
from genocloud.pipeline.sharding import (
    Shard,
    ShardPlan,
    derived_key,
)
from genocloud.schema import SITE_KEY, numbers, with_column

Segments = dict[str, list[callset.Segment]]
"""Where batches' genotypes of a shard are, by batch."""


def annotated(
    settled: pa.Table,
    total: genotypes.RawAnnotations,
    layout: cohort.Layout,
    shard: Shard,
    model: Model,
    dbsnp_url: str | None,
) -> pa.Table:
    """SITES of a shard's SETTLED, on its axis, given everybody's shares; without those that nobody carries."""
    sites, dropped = genotypes.annotate(settled, total, layout.contigs, model)
    if sites.num_rows + dropped.total() != settled.num_rows:
        raise Unbalanced("genotype", {"taken": settled.num_rows, "given": sites.num_rows, "dropped": dict(dropped)})
    return named(sites, layout, shard, dbsnp_url)


def complete(
    opened: cohort.Cohort,
    store: storage.Store,
    shard: Shard,
    key: str,
    emitted: pa.Table,
    sites: pa.Table,
    segments: Segments,
    model: Model,
    elsewhere: Sequence[callset.ShardEntry] = (),
) -> callset.ShardEntry:
    """Write the SITES that remain of those put out, and take the others' genotypes out.

    `elsewhere`: entries of the same shard in other sites' callsets, whose batches' files are entered as well.
    """
    left = np.isin(numbers(emitted["start"]) + 1, numbers(sites["pos"]))
    told = sites.append_column(SITE_KEY.field, pa.array(site_keys(emitted, opened.layout)[left]))
    if not left.all() or genotypes.uncarried(sites).any():
        told = _without_carriers(opened, store, shard, emitted.filter(pa.array(left)), told, segments, model)
    files = {batch: [each.genotypes for each in found] for batch, found in segments.items()}
    kept = {batch: [each.shares for each in found] for batch, found in segments.items()}
    for other in elsewhere:
        files |= {batch: list(found) for batch, found in other.genotypes.items()}
        kept |= {batch: list(found) for batch, found in other.shares.items()}
    return callset.complete_shard(store, shard, key, placed(told, opened.layout, shard), files, kept)


def _without_carriers(
    opened: cohort.Cohort,
    store: storage.Store,
    shard: Shard,
    emitted: pa.Table,
    sites: pa.Table,
    segments: Segments,
    model: Model,
) -> pa.Table:
    """Take genotypes out that nobody carries, or write them as hom-ref where the site is forced; SITES with keys."""
    silent, keys = genotypes.uncarried(sites), numbers(sites["key"])
    for batch in opened.batches:
        found = [callset.only(store, shard, batch.id, each, keys[~silent]) for each in segments[batch.id]]
        if silent.any():
            forced = emitted.filter(pa.array(silent)).combine_chunks()
            more, _ = cover(opened, store, batch, shard, forced, ~keys[silent], model, uncarried=True)
            found = [*(each for each in found if each.genotypes.rows), *more]
        segments[batch.id] = found
    return with_column(sites, "key", pa.array(np.where(silent, ~keys, keys)))


def description_of(opened: cohort.Cohort, model: Model, cut: ShardPlan) -> callset.Description:
    """What a callset of the cohort says of itself."""
    forced = any(shard.asked.forced for shard in cut.owned)
    return callset.Description(
        samples=opened.samples,
        batches={
            batch.id: tuple(name for name, rank in zip(batch.samples, batch.ranks, strict=True) if rank >= 0)
            for batch in opened.batches
        },
        contigs=opened.contigs,
        model={"name": "gatk", **asdict(model), "force_output_intervals": forced},
        software=f"genocloud {version('genocloud')}",
        source={"cohort": derived_key(opened), "reference": opened.reference},
    )

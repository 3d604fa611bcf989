"""Complete shards of a callset: annotate sites, remove the genotypes of sites without carriers."""

from collections.abc import Sequence
from importlib.metadata import version

import numpy as np
import pyarrow as pa

from genocloud import callset, genotypes
from genocloud.cohort import Cohort, Layout
from genocloud.genotypes import Model
from genocloud.pipeline.cached_tables import cohort_key
from genocloud.pipeline.genotyping.batch_cache import on_contigs, site_keys
from genocloud.pipeline.genotyping.genotype_reuse import CallsetShard, active_names, ensure_batch_genotypes
from genocloud.pipeline.genotyping.known_names import with_dbsnp_ids
from genocloud.pipeline.merge_model import MergeModel
from genocloud.pipeline.preconditions import callers_of
from genocloud.pipeline.receipts import Unbalanced
from genocloud.pipeline.sharding import Shard, ShardPlan
from genocloud.schema import SITE_KEY, Settled, Sites, StoredSites, numbers, with_column

Segments = dict[str, tuple[callset.Segment, ...]]
"""The segments of a shard's genotypes, by batch."""


def annotated(
    settled: Settled,
    total: genotypes.RawAnnotations,
    shard: Shard,
    *,
    layout: Layout,
    model: Model,
    dbsnp_url: str | None,
) -> Sites:
    """SITES from SETTLED and merged raw annotations, on the shard's axis; without sites that have no carrier."""
    sites, dropped = genotypes.annotate(settled, total, layout.contigs, model)
    if sites.num_rows + dropped.total() != settled.num_rows:
        raise Unbalanced("genotype", {"taken": settled.num_rows, "kept": sites.num_rows, "dropped": dict(dropped)})
    return with_dbsnp_ids(sites, layout, shard, dbsnp_url)


def complete(
    target: CallsetShard,
    key: str,
    emitted: Settled,
    sites: Sites,
    segments: Segments,
    *,
    elsewhere: Sequence[callset.ShardEntry] = (),
) -> callset.ShardEntry:
    """Write the remaining SITES, and remove the genotypes of emitted sites that were dropped.

    `elsewhere`: entries of the same shard in other locations' callsets, whose files are entered as well.
    """
    layout = target.cohort.layout
    left = np.isin(numbers(emitted["start"]) + 1, numbers(sites["pos"]))
    table = sites.append_column(SITE_KEY.field, pa.array(site_keys(emitted, layout)[left]))
    if not left.all() or genotypes.uncarried(sites).any():
        table = _without_carriers(target, emitted.filter(pa.array(left)), table, segments)
    files: dict[str, Sequence[callset.SegmentFiles]] = {
        batch: [segment.genotypes for segment in each] for batch, each in segments.items()
    }
    kept = {batch: [segment.shares for segment in each] for batch, each in segments.items()}
    for other in elsewhere:
        files |= other.genotypes
        kept |= {batch: list(entries) for batch, entries in other.shares.items()}
    on_own_contigs = on_contigs(table, layout, target.shard)
    return callset.complete_shard(target.store, target.shard, key, on_own_contigs, files, shares=kept)


def _without_carriers(target: CallsetShard, emitted: Settled, sites: StoredSites, segments: Segments) -> StoredSites:
    """Remove genotypes of sites without carriers; write them as hom-ref where force-output. Returns SITES with keys."""
    uncarried, keys = genotypes.uncarried(sites), numbers(sites["key"])
    final, nowhere = np.where(uncarried, ~keys, keys), np.zeros(len(keys), np.bool_)
    for batch in target.cohort.batches:
        segments[batch.id], _ = ensure_batch_genotypes(
            target, batch, emitted, final, summed=nowhere, uncarried=uncarried
        )
    return with_column(sites, "key", pa.array(final))


def description_of(cohort: Cohort, model: Model | MergeModel, cut: ShardPlan) -> callset.Description:
    """The description in the callset's manifest, with the settings of the model and the fields that it declares."""
    return callset.Description(
        samples=cohort.samples,
        batches={batch.id: tuple(active_names(batch)) for batch in cohort.batches},
        contigs=cohort.contigs,
        model={**model.settings, **cut.settings},
        software=f"genocloud {version('genocloud')}",
        source={"cohort": cohort_key(cohort), "reference": cohort.reference},
        callers=callers_of(cohort),
        fields=model.fields,
    )

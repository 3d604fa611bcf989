"""Tasks of a hybrid run after GLnexus's model at one location: evidence of ALTs, which are called, their genotypes."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from genocloud import callset, glnexus, storage
from genocloud.federation import Message, unpack
from genocloud.pipeline.genotyping.merged_callset import merged_need, write_kept
from genocloud.pipeline.genotyping.merged_shards import KeptSites, MergedShard, evidence_of
from genocloud.pipeline.hybrid.tasks import LocationContext, NeedsRequest, ShardTask, rounded_up
from genocloud.regions import Region
from genocloud.schema import CALLED_ALTS, CALLED_COUNTS, CalledAlts

Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class EvidenceRequest:
    """Observe the ALTs of a region, on the axis of its part, with so many threads."""

    context: LocationContext
    region: Region
    threads: int


def merged_needs(request: NeedsRequest) -> list[int]:
    """Memory that joining each shard takes, in bytes."""
    cohort = request.context.admitted_cohort()
    return [rounded_up(merged_need(cohort, shard, request.threads)) for shard in request.shards]


def local_evidence(request: EvidenceRequest) -> Message:
    """ALLELE_EVIDENCE of the location's samples in a region."""
    context = request.context
    evidence = evidence_of(context.admitted_cohort(), request.region, context.merge_model.rules, request.threads)
    return context.released("evidence", evidence)


def _merged_shard(task: ShardTask) -> MergedShard:
    """The shard's sites by everybody's evidence, to be called in the location's own cohort."""
    return MergedShard.of(
        task.context.admitted_cohort(),
        unpack(task.messages[0], "evidence"),
        samples=task.people,
        shard=task.shard,
        rules=task.context.merge_model.rules,
        threads=task.threads,
    )


def called_alts(task: ShardTask) -> Message:
    """CALLED_ALTS of the location's samples at a shard's sites."""
    shard = _merged_shard(task)
    sites = [each.site for each in shard.chosen()[0]]
    tables = glnexus.SiteTables.of(sites, shard.rules)
    alts = glnexus.kept_alts(sites, tables.alts, shard.calls(sites, tables), shard.rules)
    return task.context.released("called alts", called_table(alts))


def call_kept(task: ShardTask) -> Message:
    """Store the location's genotypes of a shard by the ALTs that are kept; return CALLED_COUNTS.

    The shard stands under a key of its own until everybody's counts are there.
    """
    context, shard = task.context, _merged_shard(task)
    placed, _ = shard.chosen()
    sites = [each.site for each in placed]
    tables = glnexus.SiteTables.of(sites, shard.rules)
    kept = KeptSites.of(placed, tables, called_mask(unpack(task.messages[1], "called alts")))
    store, key = storage.open_store(context.callset_url), _uncounted(context)
    callset.begin_shard(store, task.shard, key)
    _, counted = write_kept(shard, kept, tables, shard.calls(sites, tables), store=store, key=key)
    offsets = np.append(0, np.cumsum(counted.alts)).astype(np.int32)
    counts = pa.ListArray.from_arrays(pa.array(offsets), pa.array(counted.counts))
    return context.released("called counts", pa.table([pa.array(counted.called), counts], CALLED_COUNTS))


def complete_merged(task: ShardTask) -> callset.ShardEntry:
    """Write a shard's SITES, with the counts of all samples; this completes the shard."""
    context = task.context
    context.admitted_cohort()
    store = storage.open_store(context.callset_url)
    written = callset.find_shard(store, task.shard, _uncounted(context))
    if written is None:
        raise callset.BadShard(store.url, task.shard.name, "its genotypes have gone since they were called")
    files = dict(written.genotypes)
    for other in task.others:
        files |= other.genotypes
    entry = callset.complete_shard(store, task.shard, context.key, unpack(task.messages[0], "merged sites"), files)
    return context.redacted_entry(entry)


def called_table(mask: Bools) -> CalledAlts:
    """CALLED_ALTS of (ALTs,) bool."""
    return pa.table([pa.array(mask)], CALLED_ALTS)


def _uncounted(context: LocationContext) -> str:
    return f"{context.key}-own"


def called_mask(alts: CalledAlts) -> Bools:
    """CALLED_ALTS as (ALTs,) bool."""
    return np.asarray(alts["called"].to_numpy())

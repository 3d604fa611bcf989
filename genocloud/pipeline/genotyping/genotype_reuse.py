"""Reuse a batch's genotypes from an earlier run of the callset; call only the rest."""

from contextlib import suppress
from dataclasses import asdict, dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from genocloud import callset, genotypes, schema, storage
from genocloud.cohort import Batch, Cohort
from genocloud.genotypes import Model
from genocloud.pipeline.cached_tables import batch_key
from genocloud.pipeline.genotyping.batch_cache import Keys, active_ranks, on_contigs
from genocloud.pipeline.genotyping.batch_copies import copies_in_batch
from genocloud.pipeline.genotyping.row_cache import RowCache
from genocloud.pipeline.sharding import Shard

Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True, kw_only=True)
class CallsetShard:
    """A shard of the callset that is made from a cohort by a model; `store` is the callset's."""

    cohort: Cohort
    store: storage.Store
    shard: Shard
    model: Model
    row_cache: RowCache


def call_batch(
    cohort: Cohort, batch: Batch, shard: Shard, emitted: schema.Settled, model: Model, *, row_cache: RowCache
) -> tuple[genotypes.BatchGenotypes, genotypes.RawAnnotations]:
    """Call a batch at emitted rows of SETTLED."""
    aligned = row_cache.aligned_rows(cohort, batch, shard, emitted, model)
    default_ploidies = _default_ploidies(cohort, batch, shard)
    copies = copies_in_batch(cohort, batch, shard, model)
    if copies is not None:
        default_ploidies = default_ploidies.within(copies)
    return genotypes.call(aligned, batch.samples, emitted, cohort.contigs, default_ploidies, model=model)


def _default_ploidies(cohort: Cohort, batch: Batch, shard: Shard) -> genotypes.DefaultPloidies:
    """Ploidy of no-calls where a sample has no record: its copies of the contig, at least one."""
    contigs, starts = cohort.layout.axis(shard.region.contig).starts(shard.region)
    known, absent = cohort.receipt(batch).ploidies, [0] * len(batch.samples)
    of_contigs = [known.get(str(contig), absent) for contig in contigs.tolist()]
    distinct = {id(each): each for each in of_contigs}  # most contigs share one list
    kinds = {key: number for number, key in enumerate(distinct)}
    ploidies = np.maximum(np.array(list(distinct.values()), np.int8).reshape(len(distinct), -1), 1)
    return genotypes.DefaultPloidies(ploidies, np.array(starts), np.array([kinds[id(each)] for each in of_contigs]))


def ensure_batch_genotypes(
    target: CallsetShard,
    batch: Batch,
    sites: schema.Settled,
    keys: Keys,
    *,
    summed: Mask,
    uncarried: Mask | None = None,
) -> tuple[tuple[callset.Segment, ...], genotypes.RawAnnotations]:
    """Make sure that the callset has a batch's genotypes at emitted rows of SETTLED: reuse segments, call the rest.

    Returns the segments with the genotypes, and raw annotations at the sites `summed`, (sites,) bool. `uncarried`: the
    sites that are written as such without carriers, under keys of their own.
    """
    cohort, store, shard = target.cohort, target.store, target.shard
    made = _made(cohort, batch, target.model)
    reusable = callset.find_segments(store, shard, batch.id, made, keys)
    if len(reusable) == 1:
        with suppress(callset.DamagedFile):  # then the segment is written anew
            if kept := _with_kept_files(target, batch, sites, keys, reusable[0], summed=summed, uncarried=uncarried):
                return kept
        reusable = callset.find_segments(store, shard, batch.id, made, keys)  # it may have lost rows
    parts = []
    for segment in reusable:
        with suppress(callset.DamagedFile):  # its sites are called again
            parts.append(callset.load_segment(store, segment, keys, samples=active_names(batch)))
    if parts and len(reusable) == 1 and np.array_equal(reusable[0].keys, keys):
        return (reusable[0],), _raw_annotations(parts[0].shares, batch, summed)
    held = np.concatenate([np.zeros(0, np.int64), *(schema.numbers(part.places["key"]) for part in parts)])
    missing = ~schema.are_among(keys, held)
    if missing.any() or not parts:
        called, shares = _called(target, batch, sites, missing)
        parts.append(
            callset.SegmentTables.of(
                _places(target, sites, keys).filter(pa.array(missing)), _sparse(called, uncarried, missing), shares
            )
        )
    tables = callset.merge_segments(parts, keys)
    new = callset.write_segment(store, shard, batch.id, tables, made=made)
    return (new,), _raw_annotations(tables.shares, batch, summed)


def _with_kept_files(
    target: CallsetShard,
    batch: Batch,
    sites: schema.Settled,
    keys: Keys,
    segment: callset.Segment,
    *,
    summed: Mask,
    uncarried: Mask | None,
) -> tuple[tuple[callset.Segment, ...], genotypes.RawAnnotations] | None:
    """`ensure_batch_genotypes` by a segment, less calls at sites that have gone, and a small one of what it lacks.

    None where that is not possible, and where sums of what the segment has are needed.
    """
    store, shard, missing = target.store, target.shard, ~schema.are_among(keys, segment.keys)
    places, samples = _places(target, sites, keys), len(active_names(batch))
    if not callset.may_stay(segment, places) or (summed & ~missing).sum() > missing.sum():
        return None
    if not callset.is_sound(store, segment):
        return None
    segment = callset.without_stale_calls(store, segment, sites=places, samples=samples)
    if not missing.any():
        raw = genotypes.shares_of(callset.shares_at(segment, keys[summed]), active_ranks(batch))
        return callset.among((segment,), places, samples), raw
    added = callset.find_added(store, shard, batch.id, segment, keys)
    if added is not None and not (summed & ~missing).any():
        raw = genotypes.shares_of(callset.shares_at(added, keys[summed]), active_ranks(batch))
    else:
        wanted = missing | summed
        called, shares = _called(target, batch, sites, wanted)
        new = missing[wanted]
        added = callset.write_added(
            store,
            shard,
            batch.id,
            segment,
            sites=places,
            genotypes=_sparse(called.at(new), uncarried, missing),
            shares=shares.filter(pa.array(new)),
        )
        if added is None:
            return None
        raw = _raw_annotations(shares, batch, summed[wanted])
    return callset.among((segment, added), places, samples), raw


def _called(
    target: CallsetShard, batch: Batch, sites: schema.Settled, wanted: Mask
) -> tuple[genotypes.BatchGenotypes, schema.Shares]:
    rows = sites.filter(pa.array(wanted)).combine_chunks()
    called, raw = call_batch(target.cohort, batch, target.shard, rows, target.model, row_cache=target.row_cache)
    return called, genotypes.shares_table(raw, rows, active_ranks(batch))


def _sparse(called: genotypes.BatchGenotypes, uncarried: Mask | None, sites: Mask) -> callset.SparseGenotypes:
    """The genotypes as they are written; they are at some of the sites, those of a mask."""
    if uncarried is not None:
        called = called.uncarried(uncarried[sites])
    return callset.SparseGenotypes(called.samples, called.distinct, called.runs, called.alts)


def _made(cohort: Cohort, batch: Batch, model: Model) -> str:
    return batch_key(cohort, batch, active_names(batch), asdict(model), *genotypes.layout())


def active_names(batch: Batch) -> list[str]:
    """Names of the active samples."""
    return [name for name, rank in zip(batch.samples, batch.ranks, strict=True) if rank >= 0]


def _raw_annotations(shares: schema.Shares, batch: Batch, summed: Mask) -> genotypes.RawAnnotations:
    return genotypes.shares_of(shares.filter(pa.array(summed)).combine_chunks(), active_ranks(batch))


def _places(target: CallsetShard, sites: schema.Settled, keys: Keys) -> schema.StoredSites:
    contigs = schema.numbers(sites["contig"])
    names = [contig.name for contig in target.cohort.contigs]
    words = pa.DictionaryArray.from_arrays(pa.array(contigs.astype(np.int32)), pa.array(names, pa.string()))
    positions = schema.numbers(sites["start"]) + np.int32(1)
    table = pa.table({"contig": words, "pos": pa.array(positions), "key": keys})
    return on_contigs(table, target.cohort.layout, target.shard)

"""Reuse a batch's genotypes from an earlier run of the callset; call only the rest."""

from contextlib import suppress
from dataclasses import asdict, dataclass

import numpy as np
import pyarrow as pa

from genocloud import callset, genotypes, schema, storage
from genocloud.cohort import Batch, Cohort
from genocloud.genotypes import Model
from genocloud.pipeline.cached_tables import batch_key
from genocloud.pipeline.genotyping.batch_cache import Keys, active_ranks, on_contigs
from genocloud.pipeline.genotyping.row_cache import RowCache
from genocloud.pipeline.sharding import Shard


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
    aligned = row_cache.aligned_rows(cohort, batch, shard, emitted)
    default_ploidies = _default_ploidies(cohort, batch, shard)
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
    target: CallsetShard, batch: Batch, sites: schema.Settled, keys: Keys, uncarried: bool = False
) -> tuple[callset.Segment, genotypes.RawAnnotations]:
    """Make sure that the callset has a batch's genotypes at emitted rows of SETTLED: reuse segments, call the rest.

    Returns the segment with the genotypes, and their raw annotations. `uncarried`: written as for sites without
    carriers, under keys of their own.
    """
    cohort, store, shard = target.cohort, target.store, target.shard
    made = _made(cohort, batch, target.model)
    reusable = callset.find_segments(store, shard, batch.id, made, keys)
    parts = []
    for segment in reusable:
        with suppress(callset.DamagedFile):  # its sites are called again
            parts.append(callset.load_segment(store, segment, keys, samples=active_names(batch)))
    if parts and len(reusable) == 1 and np.array_equal(reusable[0].keys, keys):
        return reusable[0], _raw_annotations(parts[0], batch)
    held = np.concatenate([np.zeros(0, np.int64), *(schema.numbers(part.places["key"]) for part in parts)])
    missing, raw = ~np.isin(keys, held), None
    if missing.any() or not parts:
        rest = sites.filter(pa.array(missing)).combine_chunks()
        called, raw = call_batch(cohort, batch, shard, rest, target.model, row_cache=target.row_cache)
        if uncarried:
            called = called.uncarried(np.ones(len(rest), bool))
        new_tables = callset.SegmentTables.of(
            on_contigs(_places(called, keys[missing]), cohort.layout, shard),
            callset.SparseGenotypes(called.samples, called.distinct, called.runs, called.alts),
            genotypes.shares_table(raw, rest, active_ranks(batch)),
        )
        parts.append(new_tables)
    label = callset.label_of(keys) if uncarried else ""
    tables = callset.merge_segments(parts, keys)
    new = callset.write_segment(store, shard, batch.id, tables, made=made, label=label)
    return new, raw if raw is not None and len(parts) == 1 else _raw_annotations(tables, batch)


def _made(cohort: Cohort, batch: Batch, model: Model) -> str:
    return batch_key(cohort, batch, active_names(batch), asdict(model), *genotypes.layout())


def active_names(batch: Batch) -> list[str]:
    """Names of the active samples."""
    return [name for name, rank in zip(batch.samples, batch.ranks, strict=True) if rank >= 0]


def _raw_annotations(tables: callset.SegmentTables, batch: Batch) -> genotypes.RawAnnotations:
    return genotypes.shares_of(tables.shares, active_ranks(batch))


def _places(called: genotypes.BatchGenotypes, keys: Keys) -> schema.StoredSites:
    contigs = pa.DictionaryArray.from_arrays(pa.array(np.zeros(len(keys), np.int32)), pa.array([called.contig]))
    return pa.table({"contig": contigs, "pos": pa.array(called.positions), "key": keys})

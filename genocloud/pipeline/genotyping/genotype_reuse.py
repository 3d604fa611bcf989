"""Reuse a batch's genotypes from an earlier run of the callset; call only the rest."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

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
    return genotypes.call(
        aligned, batch.samples, emitted, cohort.contigs, default_ploidies, allele_specific=model.allele_specific
    )


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
) -> tuple[list[callset.Segment], genotypes.RawAnnotations]:
    """Make sure that the callset has a batch's genotypes at emitted rows of SETTLED: reuse segments, call the rest.

    Returns the segments with the genotypes, and their raw annotations. `uncarried`: written as for sites without
    carriers, under keys of their own.
    """
    cohort, store, shard = target.cohort, target.store, target.shard
    made = _made(cohort, batch, target.model)
    reusable = []
    for segment in callset.find_segments(store, shard, batch.id, made, keys):
        with suppress(callset.DamagedFile):  # its sites are called again
            reusable.append(callset.keep_sites(store, shard, batch.id, segment, keys))  # globs match no superseded row
    missing = ~np.isin(keys, np.concatenate([np.zeros(0, np.int64), *(segment.keys for segment in reusable)]))
    if reusable and not missing.any():
        return reusable, _raw_annotations(reusable, keys, batch)
    rest = sites.filter(pa.array(missing)).combine_chunks()
    called, raw = call_batch(cohort, batch, shard, rest, target.model, row_cache=target.row_cache)
    if uncarried:
        called = called.uncarried(np.ones(len(rest), bool))
    label = callset.label_of(keys[missing]) if reusable or uncarried else ""
    tables = callset.SegmentTables(
        places=on_contigs(_places(rest, keys[missing]), cohort.layout, shard),
        genotypes=on_contigs(_dense(called), cohort.layout, shard),
        shares=genotypes.shares_table(raw, rest, active_ranks(batch)),
    )
    new = callset.write_segment(store, shard, batch.id, tables, made=made, label=label)
    return [*reusable, new], _raw_annotations([*reusable, new], keys, batch) if reusable else raw


def _dense(called: genotypes.BatchGenotypes) -> schema.Genotypes:
    """GENOTYPES: sites in order, within each the samples; sites x samples rows."""
    dense = callset.SparseGenotypes(called.samples, called.distinct, called.runs, called.alts).dense().matrix()
    sites, samples = dense.numbers.shape
    numbers = pa.array(dense.numbers.ravel())
    places = np.zeros(len(numbers), np.int32), np.tile(np.arange(samples, dtype=np.int32), sites)
    contigs, people = (
        pa.DictionaryArray.from_arrays(pa.array(place), pa.array(words, pa.string()))
        for place, words in zip(places, ([called.contig], called.samples), strict=True)
    )
    columns = (column.take(numbers) for column in dense.distinct.columns)
    return pa.table([contigs, np.repeat(called.positions, samples), people, *columns], schema.GENOTYPES)


def _made(cohort: Cohort, batch: Batch, model: Model) -> str:
    names = [name for name, rank in zip(batch.samples, batch.ranks, strict=True) if rank >= 0]
    return batch_key(cohort, batch, names, asdict(model), *genotypes.layout())


def _raw_annotations(segments: Sequence[callset.Segment], keys: Keys, batch: Batch) -> genotypes.RawAnnotations:
    table = genotypes.rows_with([segment.table for segment in segments], keys)
    return genotypes.shares_of(table, active_ranks(batch))


def _places(sites: schema.Settled, keys: Keys) -> schema.StoredSites:
    return pa.table({"contig": sites["contig"], "pos": pc.add(sites["start"], 1), "key": keys})

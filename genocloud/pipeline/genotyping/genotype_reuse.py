"""A batch's genotypes in a shard of a callset: those that it has from an earlier run, and the rest called now."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from genocloud import callset, cohort, genotypes, storage
from genocloud.genotypes import Model
from genocloud.kernels.genotyping import TOTALS
from genocloud.pipeline.genotyping.batch_cache import Keys, placed, ranks_in_force
from genocloud.pipeline.genotyping.row_cache import lined
from genocloud.pipeline.sharding import Shard, batch_key


def call_batch(
    opened: cohort.Cohort, batch: cohort.Batch, shard: Shard, settled: pa.Table, model: Model
) -> tuple[genotypes.BatchGenotypes, genotypes.RawAnnotations]:
    """Call a batch at the sites of SETTLED that are put out."""
    rows = lined(opened, batch, shard, genotypes.emitted(settled))
    copies = _copies(opened, batch, shard)
    return genotypes.call(rows, batch.samples, settled, opened.contigs, copies, model.allele_specific)


def _copies(opened: cohort.Cohort, batch: cohort.Batch, shard: Shard) -> genotypes.DefaultPloidies:
    """How many `.` each sample gets where it has no record: as many as it has copies of the contig, at least one."""
    contigs, starts = opened.layout.axis(shard.region.contig).starts(shard.region)
    known, absent = opened.receipt(batch).ploidies, [0] * len(batch.samples)
    of_contigs = [known.get(str(contig), absent) for contig in contigs.tolist()]
    distinct = {id(each): each for each in of_contigs}  # most contigs share one list
    kinds = {key: number for number, key in enumerate(distinct)}
    ploidies = np.maximum(np.array(list(distinct.values()), np.int8).reshape(len(distinct), -1), 1)
    return genotypes.DefaultPloidies(ploidies, np.array(starts), np.array([kinds[id(each)] for each in of_contigs]))


def cover(
    opened: cohort.Cohort,
    store: storage.Store,
    batch: cohort.Batch,
    shard: Shard,
    sites: pa.Table,
    keys: Keys,
    model: Model,
    uncarried: bool = False,
) -> tuple[list[callset.Segment], genotypes.RawAnnotations]:
    """See to it that the callset has a batch's genotypes at the rows of SETTLED `sites`, all put out, with their keys.

    Returns the segments that have them, and what they add to the sites' annotations. `uncarried`: written as for sites
    that nobody carries, under keys of their own.
    """
    made = _made(opened, batch, model)
    found = []
    for segment in callset.find_segments(store, shard, batch.id, made, keys):
        with suppress(callset.DamagedFile):  # its sites are called again
            found.append(callset.only(store, shard, batch.id, segment, keys))  # globs match no superseded row
    missing = ~np.isin(keys, np.concatenate([np.zeros(0, np.int64), *(segment.keys for segment in found)]))
    if found and not missing.any():
        return found, _shares(found, keys, batch)
    rest = sites.filter(pa.array(missing)).combine_chunks()
    called, shares = call_batch(opened, batch, shard, rest, model)
    table = genotypes.shares_table(shares, rest, ranks_in_force(batch))
    if uncarried:
        called = called.uncarried(np.ones(len(rest), bool))
    label = callset.label_of(keys[missing]) if found or uncarried else ""
    new = callset.write_segment(
        store,
        shard,
        batch.id,
        made,
        placed(_places(rest, keys[missing]), opened.layout, shard),
        placed(called.table(), opened.layout, shard),
        table,
        label,
    )
    return [*found, new], _shares([*found, new], keys, batch) if found else shares


def _made(opened: cohort.Cohort, batch: cohort.Batch, model: Model) -> str:
    names = [name for name, rank in zip(batch.samples, batch.ranks, strict=True) if rank >= 0]
    return batch_key(opened, batch, names, asdict(model), TOTALS)


def _shares(segments: Sequence[callset.Segment], keys: Keys, batch: cohort.Batch) -> genotypes.RawAnnotations:
    table = genotypes.rows_with([segment.table for segment in segments], keys)
    return genotypes.shares_of(table, ranks_in_force(batch))


def _places(sites: pa.Table, keys: Keys) -> pa.Table:
    return pa.table({"contig": sites["contig"], "pos": pc.add(sites["start"], 1), "key": keys})

"""A batch's genotypes in a shard of a callset: those that it has from an earlier run, and the rest called now."""

from collections.abc import Sequence
from dataclasses import asdict

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from genocloud import callset, cohort, genotypes, objects
from genocloud.genotypes import Model
from genocloud.kernels.calling import TOTALS
from genocloud.steps.kept import Keys, ranks_in_force
from genocloud.steps.lining import lined
from genocloud.steps.shards import Shard, batch_key


def call_batch(
    opened: cohort.Cohort, batch: cohort.Batch, shard: Shard, settled: pa.Table, model: Model
) -> tuple[genotypes.Called, genotypes.Shares]:
    """Call a batch at the sites of SETTLED that are put out."""
    rows = lined(opened, batch, shard, genotypes.emitted(settled))
    ploidies = _ploidies(opened, batch, shard.region.contig)
    return genotypes.call(rows, batch.samples, settled, opened.contigs, ploidies, model.allele_specific)


def _ploidies(opened: cohort.Cohort, batch: cohort.Batch, contig: int) -> npt.NDArray[np.int8]:
    """How many `.` each sample gets where it has no record: as many as it has copies of the contig, at least one."""
    told = opened.receipt(batch).ploidies.get(str(contig), [])
    return np.maximum(np.array(told or [0] * len(batch.samples), np.int8), 1)


def cover(
    opened: cohort.Cohort,
    store: objects.Store,
    batch: cohort.Batch,
    shard: Shard,
    sites: pa.Table,
    keys: Keys,
    model: Model,
    uncarried: bool = False,
) -> tuple[list[callset.Segment], genotypes.Shares]:
    """See to it that the callset has a batch's genotypes at the rows of SETTLED `sites`, all put out, with their keys.

    Returns the segments that have them, and what they add to the sites' annotations. `uncarried`: written as for sites
    that nobody carries, under keys of their own.
    """
    made = _made(opened, batch, model)
    found = callset.find_segments(store, shard, batch.id, made, keys)
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
        store, shard, batch.id, made, _places(rest, keys[missing]), called.table(), table, label
    )
    return [*found, new], _shares([*found, new], keys, batch) if found else shares


def _made(opened: cohort.Cohort, batch: cohort.Batch, model: Model) -> str:
    names = [name for name, rank in zip(batch.samples, batch.ranks, strict=True) if rank >= 0]
    return batch_key(opened, batch, names, asdict(model), TOTALS)


def _shares(segments: Sequence[callset.Segment], keys: Keys, batch: cohort.Batch) -> genotypes.Shares:
    table = genotypes.rows_with([segment.table for segment in segments], keys)
    return genotypes.shares_of(table, ranks_in_force(batch))


def _places(sites: pa.Table, keys: Keys) -> pa.Table:
    return pa.table({"pos": pc.add(sites["start"], 1), "key": keys})

"""Cache each batch's observations by shard, for the cohort's next version; what a growing callset has of a shard."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from genocloud import callset, sites, storage
from genocloud.cohort import Batch, Cohort, Layout, variant_groups
from genocloud.pipeline.cached_tables import batch_tables
from genocloud.pipeline.sharding import Shard
from genocloud.regions import Places
from genocloud.scatter.executors import Scatter, run_needing
from genocloud.scatter.progress import Progress
from genocloud.schema import Alleles, MergedSites, Observations, Spans, numbers, with_column

Keys = npt.NDArray[np.int64]
Task = TypeVar("Task")


def precompute_batches(
    cohort: Cohort,
    function: Callable[[tuple[Task, int]], None],
    tasks: Sequence[Task],
    needs: Sequence[int],
    *,
    stage_name: str,
    scatter: Scatter,
    progress: Progress,
) -> None:
    """Fill the caches of every batch of every shard in tasks of their own, where tasks run in several processes.

    The shards' tasks then read the caches, so that one worker need not go through all batches of a shard. Within one
    process the shards' tasks do it themselves, in threads. `function` takes a shard's task and a batch's number.
    """
    if not scatter.spread or len(cohort.batches) == 1:
        return
    pairs = [(task, number) for task in tasks for number in range(len(cohort.batches))]
    with progress.stage(stage_name, tasks=len(pairs), unit="piece") as stage:
        run_needing(
            scatter, function, pairs, np.repeat(needs, len(cohort.batches)).tolist(), lambda _: stage.advance(tasks=1)
        )


def active_ranks(batch: Batch) -> npt.NDArray[np.int32]:
    """Cohort ranks of the batch's active samples, ascending, (active samples,)."""
    return np.sort(batch.ranks[batch.ranks >= 0])


def observed(cohort: Cohort, batch: Batch, shard: Shard, keep: bool) -> tuple[Observations, Spans]:
    """(OBSERVATIONS, SPANS) of a batch, from the cache or computed; `keep`: cached for the next time.

    Cached ranks are the batch's own, as cohort ranks differ between versions.
    """
    spans_kept, kept = (batch_tables(cohort, batch, kind) for kind in ("spans", "observations"))
    if keep and kept.counts(shard) is not None:
        return _ranked(kept.read(shard, "discover"), batch), _ranked(spans_kept.read(shard, "discover"), batch)
    groups = variant_groups(cohort, batch, shard.region, sites.OBSERVED)
    observations, spans = sites.merge(sites.observe(rows, batch.ranks, shard.region) for rows in groups)
    if keep:
        spans_kept.write(shard, _unranked(spans, batch), {})
        kept.write(shard, _unranked(observations, batch), {})
    return observations, spans


def _ranked(table: pa.Table, batch: Batch) -> pa.Table:
    return with_column(table, "rank", pa.array(active_ranks(batch)[numbers(table["rank"])], pa.int32()))


def _unranked(table: pa.Table, batch: Batch) -> pa.Table:
    places = np.searchsorted(active_ranks(batch), numbers(table["rank"]))
    return with_column(table, "rank", pa.array(places, pa.int32()))


@dataclass(frozen=True)
class CallsetSites:
    """Which of a shard's sites (ALLELES) a growing callset has already.

    keys  (sites,) int64, see site_keys; open: (sites,) bool: whether the callset has not all of the site's ALTs, so
          that it may have to be called again, and its rows are aligned together with those of new sites
    """

    keys: Keys
    open: npt.NDArray[np.bool_]

    @classmethod
    def of(cls, alleles: Alleles, layout: Layout, callset_url: str, shard: Shard) -> "CallsetSites":
        """From the callset's files, if there are any."""
        known_starts, counts = _sites_in_callset(layout, callset_url, shard)
        starts = numbers(alleles["start"])
        place = np.searchsorted(known_starts, starts)
        known = np.append(known_starts, -1)[place] == starts
        whole = np.append(counts, -1)[place] == numbers(pc.list_value_length(alleles["alts"]))
        return cls(site_keys(alleles, layout), ~(known & whole))


def _sites_in_callset(layout: Layout, callset_url: str, shard: Shard) -> tuple[Places, Places]:
    """Positions on the shard's axis of the callset's sites, and the number of ALTs of each."""
    axis = layout.axis(shard.region.contig)
    table = callset.known_sites(storage.open_store(callset_url), shard)
    contigs = table["contig"].combine_chunks()
    starts = axis.onto(axis.contigs_at(contigs.dictionary.to_pylist())[numbers(contigs.indices)], numbers(table["pos"]))
    return starts - 1, numbers(pc.list_value_length(table["alts"]))


def site_keys(table: MergedSites, layout: Layout) -> Keys:
    """A key of the alleles of each site of ALLELES or SETTLED, and of which are emitted: (sites,)."""
    if not len(table):
        return np.zeros(0, np.int64)
    which, names, starts = layout.axis(table["contig"][0].as_py()).named(numbers(table["start"]))
    columns = [[names[number] for number in which.tolist()], starts.tolist()]
    columns += [table[name].to_pylist() for name in ("ref", "alts")]
    if "kept" in table.column_names:
        columns += [table["kept"].to_pylist(), table["qual"].is_null().to_pylist()]
    return np.array([callset.site_key(*row) for row in zip(*columns, strict=True)], np.int64)


def on_contigs(table: pa.Table, layout: Layout, shard: Shard) -> pa.Table:
    """SITES or GENOTYPES of a shard, moved from its axis to contigs and positions."""
    axis = layout.axis(shard.region.contig)
    if axis.alone:
        return table
    which, names, starts = axis.named(numbers(table["pos"]) - 1)
    contigs = pa.DictionaryArray.from_arrays(pa.array(which, pa.int32()), pa.array(names, pa.string()))
    table = with_column(table, "contig", contigs)
    return with_column(table, "pos", pa.array((starts + 1).astype(np.int32)))

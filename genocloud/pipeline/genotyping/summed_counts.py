"""A shard's likelihood counts summed over all batches: kept as one table, with which the next version's begin."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from genocloud import callset, genotypes, schema
from genocloud.cohort import Batch, Cohort
from genocloud.errors import StoreError
from genocloud.genotypes import LikelihoodCounts, Model
from genocloud.pipeline.cached_tables import CachedTables, cached_tables
from genocloud.pipeline.genotyping.batch_cache import CallsetSites
from genocloud.pipeline.genotyping.merging import merged_in_order
from genocloud.pipeline.genotyping.row_cache import RowCache
from genocloud.pipeline.genotyping.stored_totals import (
    TOTAL,
    NearestTotal,
    nearest_total,
    remove_earlier_totals,
    write_total,
)
from genocloud.pipeline.sharding import Shard
from genocloud.scatter.executors import in_threads

Mask = npt.NDArray[np.bool_]

_KIND = "summed_counts"


def sum_counts(
    cohort: Cohort, shard: Shard, alleles: schema.Alleles, *, model: Model, threads: int, row_cache: RowCache
) -> LikelihoodCounts:
    """The counts of all batches at the sites of ALLELES, all of which have ALTs; nothing is kept."""

    def counted(batch: Batch) -> LikelihoodCounts:
        return genotypes.summarise(row_cache.aligned_rows(cohort, batch, shard, alleles, model), alleles)

    return merged_in_order(in_threads(counted, cohort.batches, threads), genotypes.merge)


@dataclass(frozen=True, kw_only=True)
class KeptCounts:
    """The counts of all batches at the sites of ALLELES, all of which have ALTs, of a shard of a growing callset.

    Their sum is kept as one table. A version's sum begins with that of an earlier one, and takes its place: batches
    that joined since are added, those that left are subtracted, and the sites that it lacks are counted in all others.
    """

    cohort: Cohort
    shard: Shard
    alleles: schema.Alleles
    callset_sites: CallsetSites
    model: Model
    row_cache: RowCache

    def keep(self, batch: Batch) -> None:
        """Keep what `total` needs of one of the batches until it is there: where they are tasks of their own."""
        wanted = self._wanted(self._nearest(), batch)
        label = self._label(batch, wanted)
        if wanted.any() and label not in self._tables.labels(self.shard):
            counts = self._counted(self.cohort, batch, wanted)
            self._tables.write_piece(self.shard, label, self._table(counts, wanted))

    def total(self, threads: int) -> LikelihoodCounts:
        """The sum over all batches, of which `threads` are read at a time."""
        nearest, labels = self._nearest(), self._tables.labels(self.shard)
        total = self._sum_from(nearest, threads, labels)
        if nearest is None or nearest.version is not self.cohort or self._lacking(nearest).any():
            write_total(self.cohort, self.shard, _KIND, *self._settings, table=self._table(total, self._all_sites))
        remove_earlier_totals(self.cohort, self.shard, _KIND, *self._settings)
        for label in labels - {TOTAL}:
            self._tables.remove_piece(self.shard, label)
        return total

    def _nearest(self) -> NearestTotal | None:
        return nearest_total(self.cohort, self.shard, _KIND, *self._settings)

    def _sum_from(self, nearest: NearestTotal | None, threads: int, labels: Collection[str]) -> LikelihoodCounts:
        def counted(batch: Batch) -> LikelihoodCounts:
            wanted = self._wanted(nearest, batch)
            if (label := self._label(batch, wanted)) in labels:
                return genotypes.summary_of(self._tables.read_piece(self.shard, label))
            return self._counted(self.cohort, batch, wanted)

        def summed(batches: Sequence[Batch]) -> LikelihoodCounts:
            return merged_in_order(in_threads(counted, batches, threads), genotypes.merge)

        if nearest is None:
            return summed(self.cohort.batches)
        lacking = self._lacking(nearest)
        try:
            left = [self._counted(nearest.version, batch, ~lacking) for batch in nearest.left]
        except StoreError:  # samples may have been removed because their batch is damaged
            return self._sum_from(None, threads, labels)
        table = cached_tables(nearest.version, _KIND, *self._settings).read_piece(self.shard, TOTAL)
        keys, rows = self.callset_sites.keys[~lacking], None
        if left or not lacking.any():
            counts = genotypes.summary_at([table], keys)
        else:  # its sites are chosen as the others are put among them
            counts, rows = genotypes.summary_of(table), callset.places_of(keys, nearest.keys)
        for each in left:
            counts = genotypes.subtract(counts, each)
        if lacking.any():
            rest = summed([batch for batch in self.cohort.batches if nearest.has(batch)])
            counts = genotypes.interleave(counts, rest, lacking, rows)
        return genotypes.merge([counts, summed(nearest.joined)]) if nearest.joined else counts

    def _counted(self, version: Cohort, batch: Batch, wanted: Mask) -> LikelihoodCounts:
        """A batch's counts at some sites; rows are aligned under all that may have to be called, and cached."""
        sites = self.alleles.filter(pa.array(wanted)).combine_chunks()
        aligned = self.alleles.filter(pa.array(wanted | self.callset_sites.open)).combine_chunks()
        return genotypes.summarise(self.row_cache.aligned_rows(version, batch, self.shard, aligned, self.model), sites)

    def _wanted(self, nearest: NearestTotal | None, batch: Batch) -> Mask:
        """The sites at which a batch is not counted by the nearest total."""
        return self._lacking(nearest) if nearest and nearest.has(batch) else self._all_sites

    def _lacking(self, nearest: NearestTotal) -> Mask:
        return ~schema.are_among(self.callset_sites.keys, nearest.keys)

    @cached_property
    def _all_sites(self) -> Mask:
        return np.ones(len(self.alleles), np.bool_)

    @property
    def _settings(self) -> tuple[Any, ...]:
        """What of the model the counts depend on: whether it reads records by samples' copies, and X's regions."""
        return ("by_sex", self.model.par) if self.model.rules.copies_by_sex else ()

    @cached_property
    def _tables(self) -> CachedTables:
        return cached_tables(self.cohort, _KIND, *self._settings)

    def _label(self, batch: Batch, wanted: Mask) -> str:
        return f"{batch.id}-{callset.label_of(self.callset_sites.keys[wanted])}"

    def _table(self, counts: LikelihoodCounts, wanted: Mask) -> schema.Summary:
        return genotypes.summary_table(counts).add_column(0, "key", pa.array(self.callset_sites.keys[wanted]))
